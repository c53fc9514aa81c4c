"""This process's memory as the kernel counts it (``proc(5)``; clear_refs 5: Linux commit 695f0559).

Not ``ru_maxrss``: it is inherited across ``exec`` from the parent's peak. Not a sampling thread: it misses short
peaks and competes for the core.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

RESET: Final = '/proc/self/clear_refs'
"""What a process writes to where its own peak is to start again; a confined one must be let."""


SECONDS: Final = 0.3
ENOUGH: Final = 10
"""Calls that show whether memory grows with each (``stages.measure.noise.leak``)."""


def reset_peak() -> bool:
    """Make the peak start again from now; False where the kernel does not let us."""
    try:
        Path(RESET).write_text('5')
    except OSError:
        return False
    return True


def peak_bytes() -> int:
    """Return the peak since the last reset, or of the process's whole life where it cannot be reset."""
    return _status('VmHWM') or _lifetime_peak()


def rss_bytes() -> int:
    """Return what is resident now (the peak, where the system tells nothing else)."""
    return _status('VmRSS') or _lifetime_peak()


def pss_bytes() -> int | None:
    """Return what is resident, shared pages divided by their users; milliseconds, so once per cycle."""
    return _field(Path('/proc/self/smaps_rollup'), 'Pss')


def peaks(call: Callable[[int], object], repetitions: int) -> tuple[list[int], bool]:
    """Return the peak of each call and True, or the lifetime's one peak and False where it cannot be reset.

    Calls that take longer than ``SECONDS`` together end it after ``ENOUGH``.
    """
    each, end = reset_peak(), time.perf_counter() + SECONDS
    taken = []
    for repetition in range(repetitions):
        if repetition >= ENOUGH and time.perf_counter() > end:
            break
        if each:
            reset_peak()
        call(repetition)
        if each:
            taken.append(peak_bytes())
    return (taken, True) if each else ([peak_bytes()], False)


def _status(field: str) -> int | None:
    return _field(Path('/proc/self/status'), field)


def _field(file: Path, field: str) -> int | None:
    try:
        lines = file.read_text().splitlines()
    except OSError:
        return None
    return next((int(line.split()[1]) * 1024 for line in lines if line.startswith(f'{field}:')), None)


def _lifetime_peak() -> int:
    import resource
    import sys

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == 'darwin' else peak * 1024  # macOS counts bytes, the others KiB
