"""Pearson's correlation of the answers with the truth: 1 where one is a straight line of the other."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from stages.contract.judge import Outputs
from stages.errors import StepError
from stages.judges.usual import pairs

if TYPE_CHECKING:
    import numpy

METRIC: Final = 'pearson'
BETTER: Final = 'higher'
RANGE: Final = (-1.0, 1.0)


@dataclass(frozen=True)
class Params:
    """Nothing is to be said."""


def score(params: Params, outputs: Outputs, read: str, data: Mapping[str, Any]) -> float:
    """Return the correlation over all numbers of all samples."""
    return correlation(METRIC, *together(METRIC, outputs, read, data))


def together(name: str, outputs: Outputs, read: str, data: Mapping[str, Any]) -> tuple[numpy.ndarray, numpy.ndarray]:
    """Return all answers and all truths, a line each."""
    import numpy as np

    found = pairs(name, outputs[read], data)
    return np.concatenate([one.ravel() for one, _ in found]), np.concatenate([two.ravel() for _, two in found])


def correlation(name: str, one: numpy.ndarray, two: numpy.ndarray) -> float:
    """Return Pearson's r; raise StepError where one side is always the same, and so correlates with nothing."""
    import numpy as np

    one, two = one - one.mean(), two - two.mean()
    size = float(np.sqrt((one @ one) * (two @ two)))
    if not np.isfinite(size) or size == 0:
        side = 'answers' if not (one @ one) else 'truth'
        raise StepError(f'{name}: the {side} are all the same or no numbers; there is nothing to correlate')
    return float(np.clip(one @ two / size, -1.0, 1.0))
