"""The CPU that things are made for when they are made for this one: resolved, never ``native``."""

from __future__ import annotations

import platform
from functools import cache

from stages import cpu


@cache
def host() -> dict[str, str]:
    """Return architecture and the features that matter of this CPU."""
    return {'machine': platform.machine(), 'features': ' '.join(cpu.decisive())}


@cache
def system() -> dict[str, str]:
    """Return what every result depends on: operating system, architecture and Python."""
    return {
        'system': platform.system(),
        'machine': platform.machine(),
        'python': '.'.join(platform.python_version_tuple()[:2]),
    }
