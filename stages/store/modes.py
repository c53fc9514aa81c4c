"""Who may read and write what a run leaves: decided here, not by the umask of whoever started it."""

from __future__ import annotations

import os
import stat
from pathlib import Path

SHARED = stat.S_ISGID | stat.S_IWGRP
"""How people share a folder with a group: it may write, and what is made in there is the group's."""


def decide_modes(root: Path) -> None:
    """Make files 0644 and folders 0755 from now on; 0664 and 0775 in a project that is shared with its group."""
    try:
        shared = root.stat().st_mode & SHARED == SHARED
    except OSError:
        shared = False
    os.umask(0o002 if shared else 0o022)
