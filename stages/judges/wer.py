"""The word error rate: changes of words that make the answers the texts, over the number of their words.

Texts are as those of ``cer``; ``space`` is the number that stands between words.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from stages.contract.judge import Outputs
from stages.judges.sequences import error_rate, sequences, words

METRIC: Final = 'wer'
BETTER: Final = 'lower'
RANGE: Final = None


@dataclass(frozen=True)
class Params:
    space: int
    """The number of what stands between words."""

    blank: int | None = None
    """The number of CTC's blank; absent: the answers are no CTC."""

    end: int | None = None
    """The number that ends a text; what follows is not counted."""

    axis: int | None = None
    """Of scores: the axis of the characters in one sample's output, its batch left out; absent: the last."""


def score(params: Params, outputs: Outputs, read: str, data: Mapping[str, Any]) -> float:
    """Return the rate over all samples: of each the changes, of all the words."""
    found = sequences(METRIC, params.blank, params.end, params.axis, outputs[read], data)
    answers, wanted = ([words(text, params.space) for text in texts] for texts in found)
    return error_rate(METRIC, answers, wanted)
