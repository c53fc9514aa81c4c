"""Text from outside, made safe to print: names, exception texts, log lines, machine facts."""

from __future__ import annotations

import math
import re
from typing import Any

LONGEST = 4000
_ANSI = re.compile(r'\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)?|[@-Z\\-_])|\x9b[0-?]*[ -/]*[@-~]')
_SPACE = re.compile(r'[\t\r\n\v\f\x85\u2028\u2029]+')
# C0, C1, zero-width and bidirectional controls, byte order mark, lone surrogates and non-characters.
_HIDDEN = re.compile(
    '[\x00-\x08\x0e-\x1f\x7f-\x9f\xad\u061c\u180e\u200b-\u200f\u202a-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb\ufffe\uffff'
    '\ud800-\udfff\U000e0000-\U000e007f]'
)


def clean(text: str, longest: int = LONGEST) -> str:
    """One line without escape sequences, control characters or anything that reorders or hides text."""
    line = _HIDDEN.sub('', _SPACE.sub(' ', _ANSI.sub('', text))).strip()
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
