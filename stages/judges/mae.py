"""The mean absolute error: how far numbers are from the truth, in their own units."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from stages.contract.judge import Outputs
from stages.judges.usual import pairs

METRIC: Final = 'mae'
BETTER: Final = 'lower'
RANGE: Final = None


@dataclass(frozen=True)
class Params:
    """Nothing is to be said."""


def score(params: Params, outputs: Outputs, read: str, data: Mapping[str, Any]) -> Any:
    """Return the mean absolute difference from ``truth`` of each sample."""
    import numpy as np

    return np.asarray([float(np.abs(one - two).mean()) for one, two in pairs(METRIC, outputs[read], data)])
