"""One check for every name of a file that comes from a recipe or a manifest."""

from __future__ import annotations

import os
import re
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import Final

from stages.errors import RecipeError

DEVICE: Final = re.compile(r'(con|prn|aux|nul|com[0-9¹²³]|lpt[0-9¹²³])(\..*)?', re.IGNORECASE)
"""Names that Windows gives to devices, whatever follows the dot."""

REFUSED: Final = re.compile(r'[\x00-\x1f\x7f\\:<>"|?*]')
"""Characters that mean something else on one of the three systems."""

GLOB: Final = '*?['


def plain(name: str) -> str:
    """Return ``name`` when it is a plain relative path on every system; refuse it otherwise. Opens nothing."""
    for flavour in (PurePosixPath(name), PureWindowsPath(name)):
        if flavour.is_absolute() or flavour.drive or flavour.root or '..' in flavour.parts or not flavour.parts:
            raise RecipeError(f'{name!r} must be a plain relative path')
    if refused := REFUSED.search(name):
        raise RecipeError(f'{name!r} must be a plain relative path, without {refused[0]!r}')
    for part in PurePosixPath(name).parts:
        if DEVICE.fullmatch(part) or part.endswith((' ', '.')):
            raise RecipeError(f'{name!r} cannot be a file on Windows')
        if len(part.encode('utf-8', 'surrogatepass')) > 255:
            raise RecipeError(f'{part[:40]!r}… is longer than a file name can be')
    return name


def inside(root: Path, name: str) -> Path:
    """Return ``root / name``; refuse a name that could mean a place outside ``root``, or passes through a link."""
    path = root / plain(name)
    try:
        real, base = os.path.realpath(path), os.path.realpath(root)
    except (OSError, ValueError) as error:  # a ring of links, a name too long
        raise RecipeError(f'{name[:60]!r} is no usable path') from error
    if os.path.normcase(real) != os.path.normcase(Path(base, name)):
        raise RecipeError(f'{name!r} passes through a link')
    return path


def files_below(folder: Path) -> list[Path]:
    """Return every file below ``folder``, sorted by the bytes of its relative name; refuse links and devices."""
    found = [path for path in folder.rglob('*') if path.is_symlink() or not path.is_dir()]
    for path in found:
        if path.is_symlink() or not path.is_file():
            raise RecipeError(f'{path.relative_to(folder).as_posix()!r} in {folder.name} is a link or a device')
        if not is_text(path.name):
            name = os.fsencode(path.relative_to(folder)).decode('ascii', 'backslashreplace')
            raise RecipeError(f'{name} in {folder.name} has a name that is not UTF-8')
    return sorted(found, key=lambda path: path.relative_to(folder).as_posix().encode('utf-8', 'surrogateescape'))


def is_text(name: str) -> bool:
    """Whether a name can be written as UTF-8."""
    try:
        name.encode()
    except UnicodeEncodeError:
        return False
    return True


def is_several(file: str) -> bool:
    """Say whether ``file`` means several files: a glob, or a folder with all that is below it (``saved/``)."""
    return file.endswith('/') or any(c in file for c in GLOB)
