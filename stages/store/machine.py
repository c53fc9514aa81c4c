"""Where runs of one machine meet: a folder of this user's own, and a file for all users. Neither trusts its neighbours.

The shared folder for temporary files is anybody's: a name in it may be taken by another user first, or be a link. So
what lies there is looked at before it is used, and where it is not ours, another place is taken.
"""

from __future__ import annotations

import contextlib
import os
import stat
import tempfile
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import BinaryIO

from stages import terminal

PLACE = 'MODELKILN_LOCKS'
"""An environment variable: the folder for both, instead. Containers of one machine share it to take turns."""

COMMON = 'modelkiln-measuring'
OPEN_MODE = 0o644


def machine_folder() -> Path:
    """Return the folder of locks that every project of this user on this machine shares: his own, closed to others."""
    return _folder_for(user(), os.environ.get('XDG_RUNTIME_DIR', ''), _shared())


def _shared() -> str:
    return os.environ.get(PLACE) or tempfile.gettempdir()


def user() -> str:
    """Return what tells users apart: the number, for a name need not be known (a container with a foreign uid)."""
    return str(os.getuid()) if hasattr(os, 'getuid') else os.environ.get('USERNAME', 'user')


@cache
def _folder_for(who: str, runtime: str, temporary: str) -> Path:
    refused: list[str] = []
    for folder in _candidates(who, runtime, temporary):
        why = _unusable(folder)
        if not why:
            if refused:
                terminal.note(f'  note    {refused[0]}; locks of this machine are in {folder}')
            return folder
        refused.append(why)
    folder = Path(tempfile.mkdtemp(prefix='modelkiln-locks-'))
    terminal.note(f'  note    {refused[0]}; other runs of yours are not waited for')
    return folder


def _candidates(who: str, runtime: str, temporary: str) -> Iterator[Path]:
    if runtime and not os.environ.get(PLACE):
        yield Path(runtime, f'modelkiln-{who}')
    yield Path(temporary, f'modelkiln-{who}')
    with contextlib.suppress(RuntimeError, OSError):
        yield Path.home() / '.cache' / 'modelkiln'


def _unusable(folder: Path) -> str:
    """Make ``folder``, or return why it must not be used."""
    try:
        with contextlib.suppress(FileExistsError):
            folder.mkdir(mode=0o700, parents=folder.parent.name == '.cache')
        found = folder.lstat()
        if not stat.S_ISDIR(found.st_mode):
            return f'{folder} is no folder'
        if hasattr(os, 'getuid') and found.st_uid != os.getuid():
            return f'{folder} belongs to another user (uid {found.st_uid})'
        if stat.S_IMODE(found.st_mode) != 0o700:
            folder.chmod(0o700)
    except OSError as error:
        return f'{folder} cannot be made: {error.strerror}'
    return ''


def common_file() -> BinaryIO | None:
    """Return the open file that measurements of all users take turns by; None where there is none to be had.

    Anybody may have made it, so it is only read: that is enough to lock it.
    """
    path = Path(_shared(), COMMON)
    safe = getattr(os, 'O_NOFOLLOW', 0) | getattr(os, 'O_NONBLOCK', 0) | getattr(os, 'O_CLOEXEC', 0)
    with contextlib.suppress(OSError):
        os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | safe, OPEN_MODE))
        path.chmod(OPEN_MODE)
    try:
        stream = os.fdopen(os.open(path, os.O_RDONLY | safe), 'rb')
    except OSError:
        return None
    if stat.S_ISREG(os.fstat(stream.fileno()).st_mode):
        return stream
    stream.close()
    return None
