"""doit without a database: what it would remember is in our stamps, and a file can be broken, locked or foreign.

doit asks its database about files (we name none to it), about values of tasks (ours have none) and about ignored tasks.
"""

from __future__ import annotations

import os
from typing import Any, Final


class Forgetful:
    """The text form of doit's memory: nothing is read from it, nothing is written to it."""

    def decode(self, text: str) -> dict[str, Any]:
        """Return an empty memory."""
        return {}

    def encode(self, memory: object) -> str:
        """Return nothing to write."""
        return ''


NO_DATABASE: Final = {'backend': 'json', 'dep_file': os.devnull, 'codec_cls': Forgetful}
"""doit's settings: its plainest backend, on a file that is always there and never keeps anything."""
