"""The table of layers of Core ML neural networks: what is read, and what is not, and why."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from stages.frameworks.coreml import arrays, lookups, pointwise, products, recurrent, reductions, spatial
from stages.frameworks.coreml.layer import Write

_ROOMS: Final = (spatial, products, pointwise, reductions, arrays, lookups, recurrent)

LAYERS: Final[Mapping[str, Write]] = {word: write for room in _ROOMS for word, write in room.LAYERS.items()}

_SHAPES: Final = (
    'rangeDynamic', 'sliceDynamic', 'sliceBySize', 'fillDynamic', 'broadcastToDynamic', 'reshapeDynamic',
    'whereNonZero', 'NonMaximumSuppression',
)  # fmt: skip
_CHANCE: Final = ('randomNormal', 'randomUniform', 'randomBernoulli')

NOT_READ: Final[Mapping[str, str]] = {
    **dict.fromkeys(('branch', 'loop', 'loopBreak', 'loopContinue'), 'branches or loops'),
    'custom': 'is code from elsewhere',
    **dict.fromkeys(_SHAPES, 'has a size or a place that the data decides'),
    **{f'{word}{form}': 'is random' for word in _CHANCE for form in ('Like', 'Static', 'Dynamic')},
    'categoricalDistribution': 'is random',
    **dict.fromkeys(('scatter', 'scatterND', 'scatterAlongAxis', 'reverseSeq', 'cropResize'), 'is not read'),
}
"""Documented layers that are not read, and why."""
