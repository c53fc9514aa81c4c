"""What makes a process a good child."""

from __future__ import annotations

import os
import signal
import sys


def die_with_parent(parent: int | None) -> None:
    """Ask Linux to kill us when the parent dies: a child in its own session would go on measuring for nobody."""
    if sys.platform != 'linux':
        return
    import ctypes

    pr_set_pdeathsig = 1
    ctypes.CDLL(None).prctl(pr_set_pdeathsig, signal.SIGKILL, 0, 0, 0)
    if parent is not None and os.getppid() != parent:  # it died before we asked
        os.kill(os.getpid(), signal.SIGKILL)
