"""Spearman's correlation: Pearson's, of ranks; 1 where the answers are in the order of the truth."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from stages.contract.judge import Outputs
from stages.judges.pearson import correlation, together

if TYPE_CHECKING:
    import numpy

METRIC: Final = 'spearman'
BETTER: Final = 'higher'
RANGE: Final = (-1.0, 1.0)


@dataclass(frozen=True)
class Params:
    """Nothing is to be said."""


def score(params: Params, outputs: Outputs, read: str, data: Mapping[str, Any]) -> float:
    """Return the correlation of ranks over all numbers of all samples."""
    one, two = together(METRIC, outputs, read, data)
    return correlation(METRIC, ranks(one), ranks(two))


def ranks(values: numpy.ndarray) -> numpy.ndarray:
    """Return the rank of each value from 1; equal ones share the mean of theirs."""
    import numpy as np

    _, place, counts = np.unique(values, return_inverse=True, return_counts=True)
    last = np.cumsum(counts)
    found: numpy.ndarray = (last - (counts - 1) / 2)[place.reshape(-1)]
    return found
