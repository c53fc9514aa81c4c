"""Layers of the SSD branch that say where boxes may lie."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from stages.frameworks.caffe.layers.entry import Entry, Value, Work, entry
from stages.frameworks.caffe.net import LARGEST

if TYPE_CHECKING:
    import numpy

DECODED: Final = 'DetectionOutput'
"""What makes boxes of the heads; their number is the data's to decide."""


def _prior_box(work: Work) -> Value:
    """Write PriorBox: shapes alone say it, so it is a constant of the shape [1, 2, numbers]: boxes, and variances."""
    if len(work.inputs) != 2 or {len(value.shape) for value in work.inputs} != {4}:
        raise work.layer.wrong('takes other than two pictures')
    boxes = prior_boxes(work)
    variance = work.params.numbers('variance') or [0.1]
    if len(variance) not in (1, 4):
        raise work.layer.wrong(f'has {len(variance)} variances; expected one or four')
    return replace(work.made(work.weight(_stacked(boxes, variance), 'boxes'), (1, 2, boxes.size)), batched=False)


def _stacked(boxes: numpy.ndarray, variance: list[float]) -> Any:
    import numpy as np

    fours = np.array(variance * (4 if len(variance) == 1 else 1), np.float32)
    return np.stack([boxes.reshape(-1), np.tile(fours, boxes.size // 4)])[np.newaxis]


def prior_boxes(work: Work) -> numpy.ndarray:
    """Return the boxes as fractions of the picture, [rows, columns, boxes of a place, 4] (prior_box_layer.cpp)."""
    import numpy as np

    said = work.params
    rows, columns = work.inputs[0].shape[2:]
    height, width = _sizes(work, 'img', work.inputs[1].shape[2:], 'img_size')
    down, right = _sizes(work, 'step', (height / rows, width / columns), 'step')
    offset = said.number('offset', 0.5)
    wide = np.array(_extents(work), np.float64)
    if rows * columns * wide.size * 2 > LARGEST:
        raise work.layer.wrong(f'would give {rows * columns * len(wide)} boxes')
    y, x = np.mgrid[:rows, :columns].astype(np.float64)
    centre = np.stack([(x + offset) * right, (y + offset) * down], -1)[:, :, None]
    corners = np.concatenate([centre - wide / 2, centre + wide / 2], -1) / np.array([width, height] * 2)
    corners = np.clip(corners, 0, 1) if said.flag('clip', False) else corners
    boxes: numpy.ndarray = corners.astype(np.float32)
    return boxes


def _sizes(work: Work, name: str, otherwise: tuple[float, ...], single: str) -> tuple[float, float]:
    one, two = work.params.number(f'{name}_h', 0), work.params.number(f'{name}_w', 0)
    both = work.params.number(single, 0)
    if (one or two) and both:
        raise work.layer.wrong(f'says {single} and {name}_h or {name}_w: two meanings')
    if min(one, two, both) < 0:
        raise work.layer.wrong(f'has a {single} below 0')
    return (one or both or otherwise[0], two or both or otherwise[1])


def _extents(work: Work) -> list[tuple[float, float]]:
    """Return width and height of every box of a place, in pixels."""
    said = work.params
    small, large = said.numbers('min_size'), said.numbers('max_size')
    if not small or (large and len(large) != len(small)):
        raise work.layer.wrong(f'has {len(small)} smallest sizes and {len(large)} largest')
    ratios: list[float] = []
    for ratio in said.numbers('aspect_ratio'):
        if ratio <= 0:
            raise work.layer.wrong(f'has the aspect ratio {ratio}')
        if all(abs(ratio - known) >= 1e-6 for known in (1.0, *ratios)):
            ratios += [ratio, 1 / ratio] if said.flag('flip', True) else [ratio]
    found: list[tuple[float, float]] = []
    for place, size in enumerate(small):
        found.append((size, size))
        if large:
            between = math.sqrt(size * large[place])
            found.append((between, between))
        found += [(size * math.sqrt(ratio), size / math.sqrt(ratio)) for ratio in ratios]
    return found


LAYERS: Final[Mapping[str, Entry]] = {
    'PriorBox': entry(
        _prior_box, 'prior_box_param', 'min_size', 'max_size', 'aspect_ratio', 'flip', 'clip', 'variance', 'img_size',
        'img_h', 'img_w', 'step', 'step_h', 'step_w', 'offset',
    ),
}  # fmt: skip
