"""Frameworks that a step does not declare are not there for it: it pays for none, and none can change its result.

Several tools import every framework they find, to serve it. A key names the tools that a step declares; so what it does
not name must not be found.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable
from importlib.machinery import ModuleSpec
from typing import Any


class _Hiding:
    """A finder that does not find some packages."""

    def __init__(self, finder: Any, names: frozenset[str]) -> None:
        self.finder, self.names = finder, names

    def find_spec(self, name: str, path: Any = None, target: Any = None) -> ModuleSpec | None:
        """Return what the finder finds, unless it is hidden."""
        if name.partition('.')[0] in self.names:
            return None
        found: ModuleSpec | None = self.finder.find_spec(name, path, target)
        return found

    def __getattr__(self, name: str) -> Any:
        return getattr(self.finder, name)  # what metadata of distributions and caches are asked for


def hide(names: Iterable[str]) -> None:
    """Let this process find none of the packages ``names`` any more; those hidden before are found again."""
    hidden = frozenset(names)
    bare = [finder.finder if isinstance(finder, _Hiding) else finder for finder in sys.meta_path]
    sys.meta_path[:] = [_Hiding(finder, hidden) for finder in bare] if hidden else bare
