"""The character error rate: changes that make the answers the texts, over the length of the texts (Levenshtein, 1966).

Texts are numbers of characters or tokens: ``labels`` holds a row for each sample, filled up with -1. An answer is such
numbers, or a score for each at every step, the largest of which is taken (CTC where ``blank`` is said: without repeats
and blanks).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from stages.contract.judge import Outputs
from stages.judges.sequences import error_rate, sequences

METRIC: Final = 'cer'
BETTER: Final = 'lower'
RANGE: Final = None


@dataclass(frozen=True)
class Params:
    blank: int | None = None
    """The number of CTC's blank; absent: the answers are no CTC."""

    end: int | None = None
    """The number that ends a text; what follows is not counted."""

    axis: int | None = None
    """Of scores: the axis of the characters in one sample's output, its batch left out; absent: the last."""


def score(params: Params, outputs: Outputs, read: str, data: Mapping[str, Any]) -> float:
    """Return the rate over all samples: of each the changes, of all the length."""
    answers, wanted = sequences(METRIC, params.blank, params.end, params.axis, outputs[read], data)
    return error_rate(METRIC, answers, wanted)
