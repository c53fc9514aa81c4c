"""The structural similarity of pictures (Wang, Bovik, Sheikh and Simoncelli, 2004).

With their Gaussian window of 11 pixels and 1.5 standard deviation, K = 0.01 and 0.03, where the window fits whole; of
several channels the mean. As scikit-image's ``structural_similarity`` with ``gaussian_weights=True, sigma=1.5,
use_sample_covariance=False``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from stages.contract.judge import Outputs
from stages.errors import StepError
from stages.judges.usual import pairs

if TYPE_CHECKING:
    import numpy

METRIC: Final = 'ssim'
BETTER: Final = 'higher'
RANGE: Final = (-1.0, 1.0)
RADIUS: Final = 5
SIGMA: Final = 1.5
K: Final = (0.01, 0.03)


@dataclass(frozen=True)
class Params:
    peak: float = 1.0
    """The span of the values: 1 for 0 to 1, 255 for 0 to 255, 2 for -1 to 1."""

    axis: int | None = None
    """The axis of the channels, axes of 1 not counted; absent: the one of 3 where only one is."""

    def __post_init__(self) -> None:
        if self.peak <= 0:
            raise ValueError(f'`peak` is {self.peak:g}; expected the span of the values, like 1 or 255')


def score(params: Params, outputs: Outputs, read: str, data: Mapping[str, Any]) -> Any:
    """Return the mean similarity of each sample."""
    import numpy as np

    found = []
    for one, two in pairs(METRIC, outputs[read], data):
        planes = zip(_planes(params, one), _planes(params, two), strict=True)
        found.append(float(np.mean([_similarity(a, b, params.peak) for a, b in planes])))
    return np.asarray(found)


def _planes(params: Params, picture: numpy.ndarray) -> list[numpy.ndarray]:
    """Return the channels of a picture, each height by width."""
    import numpy as np

    axis = params.axis
    if picture.ndim == 3 and axis is None:
        three = [place for place in (0, 2) if picture.shape[place] == 3]
        if len(three) != 1:
            raise StepError(
                f'ssim: one sample is {list(picture.shape)}; which axis holds the channels? Write `axis: …`'
            )
        axis = three[0]
    planes = [picture] if picture.ndim == 2 else [*np.moveaxis(picture, axis or 0, 0)] if picture.ndim == 3 else []
    if not planes or min(planes[0].shape) <= 2 * RADIUS:
        raise StepError(
            f'ssim: one sample is {list(picture.shape)}; expected pictures of {2 * RADIUS + 1} pixels and more'
        )
    return planes


def _similarity(one: numpy.ndarray, two: numpy.ndarray, peak: float) -> float:
    first, second = ((k * peak) ** 2 for k in K)
    mean_one, mean_two = _blurred(one), _blurred(two)
    spread_one = _blurred(one * one) - mean_one**2
    spread_two = _blurred(two * two) - mean_two**2
    common = _blurred(one * two) - mean_one * mean_two
    above = (2 * mean_one * mean_two + first) * (2 * common + second)
    below = (mean_one**2 + mean_two**2 + first) * (spread_one + spread_two + second)
    return float((above / below).mean())


def _blurred(plane: numpy.ndarray) -> numpy.ndarray:
    """Return ``plane`` under the window, where it fits whole."""
    import numpy as np

    window = np.exp(-(np.arange(-RADIUS, RADIUS + 1) ** 2) / (2 * SIGMA**2))
    window /= window.sum()
    for axis in (0, 1):
        plane = np.lib.stride_tricks.sliding_window_view(plane, len(window), axis) @ window
    return plane
