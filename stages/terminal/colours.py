"""The first word of a line in colour, where colours are wanted: what was built, what was there, what failed."""

from __future__ import annotations

import os
import re
from typing import Final, TextIO

GREEN, YELLOW, CYAN, FAINT, BOLD, RED = '32', '33', '36', '2', '1', '1;31'
COLOURS: Final = {
    'built': GREEN,
    'done': GREEN,
    'measured': GREEN,
    'cached': CYAN,
    'current': FAINT,
    'log': FAINT,
    '...': FAINT,
    'note': YELLOW,
    'refused': YELLOW,
    'gone': YELLOW,
    'report': BOLD,
    'FAILED': RED,
    'Failed:': RED,
}
"""By the word that a line of ours begins with."""

FIRST: Final = re.compile(rf'(\n*)( *)({"|".join(map(re.escape, COLOURS))})(?=\s)')


def wanted(stream: TextIO) -> bool:
    """Whether colours are: as NO_COLOR and FORCE_COLOR say (no-color.org, force-color.org), else on a terminal."""
    if os.environ.get('NO_COLOR'):
        return False
    if os.environ.get('FORCE_COLOR'):
        return True
    return os.environ.get('TERM') != 'dumb' and stream.isatty()


def coloured(text: str, stream: TextIO) -> str:
    """Return ``text``, which is safe to show, with the word it begins with in colour where colours are wanted."""
    found = FIRST.match(text)
    if found is None or not wanted(stream):
        return text
    return f'{found[1]}{found[2]}\x1b[{COLOURS[found[3]]}m{found[3]}\x1b[0m{text[found.end() :]}'
