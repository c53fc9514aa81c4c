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
    outside = bool(corners.min() < 0 or corners.max() > 1)
    if outside and 'clip' not in said.fields:
        raise work.layer.refused('does not say `clip`: SSD takes false, OpenCV true; write it out')
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


def _detection_output(work: Work) -> Value:
    """Write DetectionOutput: boxes decoded, the best of each class kept, one row of seven numbers for each box.

    Image, label, confidence and corners, as detection_output_layer.cpp has them; of one sample.
    """
    from onnx import TensorProto

    if len(work.inputs) != 3 or work.inputs[0].shape[0] != 1:
        raise work.layer.refused('decodes other than one sample with three inputs')
    said, classes = work.params, work.params.whole('num_classes', 0)
    loc, conf, prior = work.inputs
    count = prior.shape[-1] // 4
    if not said.flag('share_location', True) or loc.shape[1] != 4 * count or conf.shape[1] != classes * count:
        raise work.layer.refused('has boxes of its own for each class')
    nms = said.message('nms_param')
    if nms.number('eta', 1) != 1:
        raise work.layer.refused('changes its threshold as it goes (eta)')
    work.mixes.append(work.layer.what)
    boxes = _decoded(work, count)
    table = work.op('Reshape', conf.name, work.wholes([1, count, classes], 'table'))
    scores = work.op('Transpose', table, perm=[0, 2, 1])
    nothing = work.weight(-1, 'nothing')
    scores = work.op('Where', _foreground(work, classes), scores, nothing)
    if 0 < (most := nms.whole('top_k', -1)) < count:
        best, _ = work.graph.ops('TopK', scores, work.wholes([most], 'most'), name=work.layer.name, count=2, axis=2)
        least = work.op('ReduceMin', best, axes=[2], keepdims=1)
        scores = work.op('Where', work.op('GreaterOrEqual', scores, least), scores, nothing)
    bounds = [
        work.wholes([count], 'count'),
        work.weight([nms.number('nms_threshold', 0.3)], 'iou'),
        work.weight([said.number('confidence_threshold', -3.4e38)], 'confidence'),
    ]
    kept = work.op('NonMaxSuppression', boxes, scores, *bounds)
    score = work.op('GatherND', scores, kept)
    if (whole := said.whole('keep_top_k', -1)) > 0:
        size = work.op('Min', work.op('Shape', score), work.wholes([whole], 'whole'))
        _, places = work.graph.ops('TopK', score, size, name=work.layer.name, count=2, axis=0)
        places, _ = work.graph.ops('TopK', places, size, name=work.layer.name, count=2, axis=0, largest=0)
        kept, score = work.op('Gather', kept, places), work.op('Gather', score, places)
    image, label, box = work.graph.ops(
        'Split', kept, work.wholes([1, 1, 1], 'ones'), name=work.layer.name, count=3, axis=1
    )
    corners = work.op('GatherND', boxes, work.op('Concat', image, box, axis=1))
    numbers = [work.op('Cast', each, to=TensorProto.FLOAT) for each in (image, label)]
    row = work.op('Concat', *numbers, work.op('Unsqueeze', score, work.wholes([1], 'axis')), corners, axis=1)
    value = work.op('Unsqueeze', row, work.wholes([0, 1], 'front'))
    return replace(work.made(value, (1, 1, max(1, whole if whole > 0 else count), 7)), batched=False, open=(2,))


def _foreground(work: Work, classes: int) -> str:
    import numpy as np

    mask = np.ones((1, classes, 1), bool)
    if 0 <= (background := work.params.whole('background_label_id', 0)) < classes:
        mask[0, background] = False
    return work.graph.weight(mask, f'{work.layer.name}.foreground')


def _decoded(work: Work, count: int) -> str:
    """Return the boxes as corners, [1, boxes, 4]."""
    kind = work.params.choice('code_type', ('CORNER', 'CENTER_SIZE', 'CORNER_SIZE'), 1)
    if kind == 'CORNER_SIZE':
        raise work.layer.refused('codes boxes as corner and size')

    def halves(value: str, axis: int, sizes: list[int]) -> list[str]:
        parts = work.wholes(sizes, 'halves')
        return work.graph.ops('Split', value, parts, name=work.layer.name, count=2, axis=axis)

    loc = work.op('Reshape', work.inputs[0].name, work.wholes([1, count, 4], 'four'))
    both = work.op('Reshape', work.inputs[2].name, work.wholes([2, count, 4], 'both'))
    prior, variance = halves(both, 0, [1, 1])
    if not work.params.flag('variance_encoded_in_target', False):
        loc = work.op('Mul', loc, variance)
    if kind == 'CORNER':
        return work.op('Add', prior, loc)
    (low, high), (shift, growth) = halves(prior, 2, [2, 2]), halves(loc, 2, [2, 2])
    half = work.weight(0.5, 'half')
    size = work.op('Sub', high, low)
    centre = work.op('Add', work.op('Mul', shift, size), work.op('Mul', work.op('Add', low, high), half))
    reach = work.op('Mul', work.op('Mul', work.op('Exp', growth), size), half)
    return work.op('Concat', work.op('Sub', centre, reach), work.op('Add', centre, reach), axis=2)


LAYERS: Final[Mapping[str, Entry]] = {
    'PriorBox': entry(
        _prior_box, 'prior_box_param', 'min_size', 'max_size', 'aspect_ratio', 'flip', 'clip', 'variance', 'img_size',
        'img_h', 'img_w', 'step', 'step_h', 'step_w', 'offset',
    ),
    DECODED: entry(
        _detection_output, 'detection_output_param', 'num_classes', 'share_location', 'background_label_id',
        'nms_param', 'code_type', 'variance_encoded_in_target', 'keep_top_k', 'confidence_threshold',
        'save_output_param',
    ),
}  # fmt: skip
