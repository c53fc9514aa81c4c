"""Text from outside, made safe to print: names, exception texts, log lines, machine facts."""

from __future__ import annotations

import math
import re
from typing import Any

from stages.terminal.plain import ANSI, HIDDEN

LONGEST = 4000
_SPACE = re.compile(r'[\t\r\n\v\f\x85\u2028\u2029]+')


def clean(text: str, longest: int = LONGEST) -> str:
    """One line without escape sequences, control characters or anything that reorders or hides text.

    It keeps what it is moved in by: lines of code to copy mean something by that.
    """
    line = HIDDEN.sub('', _SPACE.sub(' ', ANSI.sub('', text))).rstrip()
    return line if len(line) <= longest else line[: longest - 1] + '…'


def clean_tree(value: Any) -> Any:
    """The same data with every string (keys too) cleaned; NaN and infinity, which JSON has not, become None."""
    if isinstance(value, str):
        return clean(value)
    if isinstance(value, dict):
        return {clean(str(key)): clean_tree(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [clean_tree(item) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value


def in_markdown(text: str) -> str:
    """Text that Markdown shows as it is: no table cell, code span, tag, link, image or emphasis comes of it."""
    return re.sub(r'([\\`|*\[\]<>])', r'\\\1', text.replace('&', '&amp;')).replace('\\<', '&lt;').replace('\\>', '&gt;')


def in_csv(value: Any) -> Any:
    """A cell that no spreadsheet takes for a formula (a leading apostrophe, as spreadsheets themselves write it)."""
    return "'" + value if isinstance(value, str) and value[:1] in ('=', '+', '-', '@') else value
