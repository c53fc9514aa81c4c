"""Versions of installed packages, read from folder names: importing a framework for its version is too slow."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterable, Mapping

MISSING = 'missing'


def installed(paths: Iterable[str] | None = None) -> dict[str, str]:
    """Return every installed distribution and its version; the first on the path wins, as for imports."""
    found: dict[str, str] = {}
    for folder in sys.path if paths is None else paths:
        try:
            names = os.listdir(folder or '.')
        except OSError:
            continue
        for name in names:
            if name.endswith(('.dist-info', '.egg-info')) and '-' in name:
                package, version = name.rsplit('.', 1)[0].split('-')[:2]
                found.setdefault(normal(package), version)
    return found


def versions(tools: Iterable[str], found: Mapping[str, str]) -> dict[str, str]:
    """Return the version of each of ``tools``; ``missing`` where it is not installed."""
    return {tool: found.get(normal(tool), MISSING) for tool in tools}


def normal(name: str) -> str:
    """Return a distribution's name as comparisons need it (PEP 503)."""
    return re.sub(r'[-_.]+', '-', name).lower()
