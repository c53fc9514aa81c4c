"""Why a variant failed, taken apart so that it can be read: the sentence, the tool's words, what to try."""

from __future__ import annotations

import re
from dataclasses import dataclass

from stages.report.findings import NO_REASON, Failed, Variant

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


def reason_of(variant: Variant) -> Reason | None:
    """The reason of a variant that was not built, or is too far from its source; None when it is neither."""
    if variant.built and variant.too_far is None:
        return None
    failed = variant.too_far if variant.built else variant.failure
    failed = failed or Failed('', (NO_REASON,))
    lines = [line.strip() for line in failed.lines]
    at = next((i for i, line in enumerate(lines) if line.startswith(ADVICE)), len(lines))
    operator = _OPERATOR.search(lines[0])
    return Reason(
        expected=variant.status == 'unsupported',
        step=failed.step,
        head=lines[0],
        words=tuple(lines[1:at]),
        operator=operator[1] if operator else '',
        advice=' '.join(lines[at:]).removeprefix(ADVICE).strip(),
        log=failed.log,
        repeat=failed.repeat,
    )
