"""The peak signal-to-noise ratio of pictures, in decibels: 20 log₁₀(peak) − 10 log₁₀(mean squared error)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from stages.contract.judge import Outputs
from stages.judges.usual import pairs

METRIC: Final = 'psnr'
BETTER: Final = 'higher'
RANGE: Final = None

MOST: Final = 100.0
"""What equal pictures get; their ratio would be infinite, and so would every mean with them."""


@dataclass(frozen=True)
class Params:
    peak: float = 1.0
    """The span of the values: 1 for 0 to 1, 255 for 0 to 255, 2 for -1 to 1."""

    def __post_init__(self) -> None:
        if self.peak <= 0:
            raise ValueError(f'`peak` is {self.peak:g}; expected the span of the values, like 1 or 255')


def score(params: Params, outputs: Outputs, read: str, data: Mapping[str, Any]) -> Any:
    """Return the ratio of each sample, at most ``MOST``."""
    import numpy as np

    errors = np.asarray([float(((one - two) ** 2).mean()) for one, two in pairs(METRIC, outputs[read], data)])
    least = params.peak**2 / 10 ** (MOST / 10)
    return 10 * np.log10(params.peak**2 / np.maximum(errors, least))
