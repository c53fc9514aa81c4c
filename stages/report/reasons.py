"""Why a variant was not built, taken apart so that it can be read: the sentence, the tool's words, what to try."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

NO_REASON = 'no reason was recorded'
ADVICE = 'what to try:'
_OPERATOR = re.compile(r'\(operator ([^)\s]+)\)')


@dataclass(frozen=True)
class Reason:
    """What is known of one failure; empty texts where nothing is."""

    expected: bool
    """A tool refuses the model, and the recipe says so: a result, not an alarm."""

    step: str
    head: str
    """The first line: one sentence."""

    words: tuple[str, ...]
    """What the tool itself said, line by line."""

    operator: str
    advice: str
    log: str
    repeat: str

    @property
    def sentence(self) -> str:
        """Everything in a line, for lists and machines."""
        where = 'unsupported' if self.expected else f'failed at {self.step}' if self.step else 'failed'
        said = f'; {self.words[0]}' if self.words else ''
        return f'{where}: {self.head}{said}'


def reason_of(variant: dict[str, Any]) -> Reason | None:
    """The reason of a variant that was not built; None when it was."""
    if variant.get('status') == 'built':
        return None
    failed = variant.get('failure') or {}
    lines = [line for line in failed.get('lines') or [failed.get('reason') or NO_REASON] if line]
    at = next((i for i, line in enumerate(lines) if line.startswith(ADVICE)), len(lines))
    operator = _OPERATOR.search(lines[0])
    return Reason(
        expected=variant.get('status') == 'unsupported',
        step=failed.get('step') or '',
        head=lines[0],
        words=tuple(lines[1:at]),
        operator=operator[1] if operator else '',
        advice=' '.join(lines[at:]).removeprefix(ADVICE).strip(),
        log=failed.get('log') or '',
        repeat=failed.get('repeat') or '',
    )
