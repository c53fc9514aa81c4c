"""Get files of a repository of the Hugging Face hub, at one commit, by its own client.

The client brings the user's endpoint (``HF_ENDPOINT``), token and cache; what is in the cache needs no network, as a
commit never changes. Whatever comes is held against the digest of the recipe afterwards, like any other fetch.
"""

from __future__ import annotations

import shutil
from pathlib import Path

from stages.errors import StepError, ToolError
from stages.paths import is_several
from stages.sources.names import REPOSITORY

EXTRA = 'run: pip install "modelkiln[hf]"'


def get(name: str, file: str, folder: Path) -> list[Path]:
    """Leave the file, or all that a glob or a folder (``x/``) means, in ``folder``; return them.

    ``name`` is ``org/name@COMMIT``. Raises ToolError without the client, StepError where there is no such file.
    """
    try:
        import huggingface_hub
    except ImportError as error:
        raise ToolError(f'fetching {name} needs huggingface_hub, not installed here; {EXTRA}') from error
    if not REPOSITORY.fullmatch(name):
        raise StepError(f'{name!r} must be org/name@COMMIT, with all forty digits of the commit')
    repository, _, commit = name.partition('@')
    try:
        if not is_several(file):
            found = [Path(huggingface_hub.hf_hub_download(repository, file, revision=commit))]
            base = found[0].parent
        else:
            base = Path(huggingface_hub.snapshot_download(repository, revision=commit, allow_patterns=[_pattern(file)]))
            found = sorted(path for path in base.rglob('*') if path.is_file() and _meant(path.relative_to(base), file))
    except Exception as error:  # the client has a class for each thing that can be wrong, and those of its transport
        said = str(error).strip().splitlines()
        words = said[0] if said else type(error).__name__
        raise StepError(
            f'cannot fetch {file} of {name}: {type(error).__name__}: {words}\n'
            'Check the name, the commit, HF_ENDPOINT, and HF_TOKEN for what is not public.'
        ) from error
    if not found:
        raise StepError(f'{name} has nothing at {file}')
    return [_copied(path, folder / path.relative_to(base)) for path in found]


def _pattern(file: str) -> str:
    return f'{file}**' if file.endswith('/') else file


def _meant(path: Path, file: str) -> bool:
    """Whether a file of a snapshot, which may hold more from earlier calls, is one that is asked for."""
    return path.as_posix().startswith(file) if file.endswith('/') else path.match(file)


def _copied(path: Path, target: Path) -> Path:
    """Copy a file out of the cache, where it is a link to a blob."""
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(path, target)
    return target
