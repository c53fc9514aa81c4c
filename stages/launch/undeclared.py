"""Files of a project that a step opens although its recipe does not name them: seen even where the system allows it,
and even where the tool that was refused goes on without."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable
from typing import Any, Final

MOST: Final = 20
"""Paths that are told of one step."""


def watch(root: str, allowed: Iterable[str]) -> list[str]:
    """Return a list that grows by each file below ``root``, and not below ``allowed``, that this process opens.

    By Python's own audit events, for as long as the process lives; what a tool opens in its own C is not seen.
    """
    found: list[str] = []
    inside, outside = os.path.join(root, ''), tuple(os.path.join(path, '') for path in allowed)  # noqa: PTH118

    def look(event: str, arguments: tuple[Any, ...]) -> None:
        if event != 'open' or not isinstance(arguments[0], str) or len(found) >= MOST:
            return
        path = os.path.abspath(arguments[0])  # noqa: PTH100  # no Path: it is made for every file that is opened
        if path.startswith(inside) and not path.startswith(outside) and path not in found and os.path.isfile(path):  # noqa: PTH113
            found.append(path)

    sys.addaudithook(look)
    return found
