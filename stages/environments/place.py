"""Where the locked environments of a user lie: made once for all of his projects."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final

PLACE: Final = 'MODELKILN_ENVIRONMENTS'
"""An environment variable: the folder for them, instead of one in the user's cache."""


def shared_folder() -> Path | None:
    """Return the folder of environments that the projects of this user share; None where he can have none.

    It is what MODELKILN_ENVIRONMENTS says, or modelkiln/environments in XDG_CACHE_HOME or ~/.cache, as long as that is
    the user's own: a folder that somebody else can write to is no place for what runs under his name.
    """
    if said := os.environ.get(PLACE):
        return Path(said).expanduser().absolute()
    cache = Path(os.environ.get('XDG_CACHE_HOME') or '.')
    if not cache.is_absolute():  # the specification has others ignored
        try:
            cache = Path.home() / '.cache'
        except RuntimeError:
            return None
    folder = cache / 'modelkiln' / 'environments'
    return folder if _is_own(folder) else None


def _is_own(folder: Path) -> bool:
    """Whether a folder is this user's alone to write to, or could be made by him."""
    for place in (folder, *folder.parents):
        try:
            found = place.stat()
        except (FileNotFoundError, NotADirectoryError):
            continue
        except OSError:  # he may not even look
            return False
        own = not hasattr(os, 'getuid') or found.st_uid == os.getuid()
        private = place != folder or (own and not found.st_mode & 0o022)
        return private and place.is_dir() and os.access(place, os.W_OK | os.X_OK)
    return False
