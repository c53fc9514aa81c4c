"""Call a function of a file below recipes/models/, by path. Used in the child process only."""

from __future__ import annotations

import importlib.util
import linecache
import sys
import traceback
from collections.abc import Callable
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import Any

from stages.errors import StepError


def load_function(folder: Path, file: str, function: str) -> Callable[..., Any]:
    """Return ``function`` of ``folder/file``; what the file imports below ``folder`` (``models.x``) is found too.

    Raises StepError when the file or the function is not there, or the file itself fails.
    """
    for flavour in (PurePosixPath(file), PureWindowsPath(file)):
        if not file or flavour.is_absolute() or flavour.drive or '..' in flavour.parts:
            raise StepError(f'{file!r} must be a plain path below recipes/')
    path = folder / file
    if not path.is_file():
        raise StepError(f'{file}: there is no such file below recipes/')
    sys.dont_write_bytecode = True  # the folder is an input; inputs stay as they are
    if str(folder) not in sys.path:
        sys.path.insert(0, str(folder))
    name = '.'.join(PurePosixPath(file).with_suffix('').parts)
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise StepError(f'{file}: not a Python file; the name must end in .py')
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    except (Exception, SystemExit) as error:
        sys.modules.pop(name, None)
        raise StepError(f'{file}: cannot be imported: {told(error, folder)}') from error
    found = getattr(module, function, None)
    if not callable(found):
        names = [n for n, v in vars(module).items() if callable(v) and getattr(v, '__module__', '') == name]
        raise StepError(f'{file} has no function {function!r}; it has: {", ".join(names) or "none"}')
    return found  # type: ignore[no-any-return]


def call(function: Callable[..., Any], folder: Path, what: str, *arguments: Any) -> Any:
    """Return what ``function``, of a file below ``folder``, returns; its failure says where."""
    try:
        return function(*arguments)
    except StepError:
        raise
    except (Exception, SystemExit) as error:
        raise StepError(f'{what} failed: {told(error, folder)}') from error


def told(error: BaseException, folder: Path) -> str:
    """Return the error in its own words, with the line below ``folder`` that led to it: the user's, no library's."""
    words = f'{type(error).__name__}: {error}'
    if isinstance(error, SyntaxError):
        return words  # it has file and line in its own words
    own = [frame for frame in traceback.extract_tb(error.__traceback__) if Path(frame.filename).is_relative_to(folder)]
    if not own:
        return words
    place = Path(own[-1].filename).relative_to(folder).as_posix()
    line = linecache.getline(own[-1].filename, own[-1].lineno or 0).strip()
    return f'{place}:{own[-1].lineno}: {words}' + (f'\n    {line}' if line else '')
