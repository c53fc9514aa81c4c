"""Get files of a repository of the Hugging Face hub, at one commit, by its own client.

The client brings the user's endpoint (``HF_ENDPOINT``), token and cache; what is in the cache needs no network, as a
commit never changes. Whatever comes is held against the digest of the recipe afterwards, like any other fetch.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

from stages.errors import IntegrityError, StepError, ToolError
from stages.paths import is_several
from stages.sources.names import REPOSITORY

EXTRA = 'run: pip install "modelkiln[hf]"'


def get(name: str, file: str, folder: Path, format: str = '') -> list[Path]:
    """Leave the file, or all that a glob or a folder (``x/``) means, in ``folder``; return them.

    Without a ``file`` these are the files that a model of ``format`` is loaded from, and no others of the repository.
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
        if not file:
            found = [*_needed(format)(lambda wanted: _one(repository, commit, wanted)).values()]
            base = found[0].parent
        elif not is_several(file):
            found = [Path(huggingface_hub.hf_hub_download(repository, file, revision=commit))]
            base = found[0].parent
        else:
            base = Path(huggingface_hub.snapshot_download(repository, revision=commit, allow_patterns=[_pattern(file)]))
            found = sorted(path for path in base.rglob('*') if path.is_file() and _meant(path.relative_to(base), file))
    except IntegrityError as error:
        raise IntegrityError(f'{name}: {error}') from error
    except Exception as error:  # the client has a class for each thing that can be wrong, and those of its transport
        said = str(error.__cause__ or error).strip().splitlines() or str(error).strip().splitlines()
        words = said[0] if said else type(error).__name__
        raise StepError(
            f'cannot fetch {file or "the model"} of {name}: {type(error).__name__}: {words}\n'
            'Check the name, the commit, HF_ENDPOINT, and HF_TOKEN for what is not public.'
        ) from error
    if not found:
        raise StepError(f'{name} has nothing at {file}')
    return [_copied(path, folder / path.relative_to(base)) for path in found]


def _needed(format: str) -> Callable[[Callable[[str], Path | None]], dict[str, Path]]:
    """Return what knows which files a model of ``format`` is loaded from."""
    if format != 'transformers':
        raise StepError(
            f'which files of a repository a model of {format or "no format"} needs is not known: say `file`'
        )
    from stages.frameworks.transformers import files

    return files.needed


def _one(repository: str, commit: str, file: str) -> Path | None:
    """Return a file in the client's cache; None where the repository is known to have none of that name."""
    import huggingface_hub
    from huggingface_hub.errors import EntryNotFoundError, LocalEntryNotFoundError

    try:
        return Path(huggingface_hub.hf_hub_download(repository, file, revision=commit))
    except LocalEntryNotFoundError:  # no network: the cache remembers what was not there either
        known = huggingface_hub.try_to_load_from_cache(repository, file, revision=commit)
        if known is None or isinstance(known, str):
            raise
        return None
    except EntryNotFoundError:
        return None


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
