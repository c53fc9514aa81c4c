"""The one file that a fetched folder is to hold."""

from __future__ import annotations

from pathlib import Path

from stages.errors import StepError


def one_file(folder: Path, *suffixes: str) -> Path:
    """Return the only file in ``folder``; its name must end in one of ``suffixes``."""
    files = sorted(path for path in folder.rglob('*') if not path.is_dir())
    if len(files) != 1 or files[0].is_symlink() or files[0].suffix not in suffixes:
        names = ', '.join(path.name for path in files) or 'nothing'
        raise StepError(f'a source needs one plain file that ends in {" or ".join(suffixes)}; fetched: {names}')
    return files[0]
