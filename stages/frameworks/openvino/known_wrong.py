"""Where OpenVINO 2026.4 answers an ONNX model wrongly without a word.

Each row was seen against the outputs that ONNX's own operator tests expect (benchmarks/onnx_operators.py), or, of older
operator sets, against ONNX Runtime. Ties are no rows: of equal numbers TopK may give another's index first, and of two
boxes whose overlap is exactly the threshold NonMaxSuppression keeps one.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final

from stages.frameworks.onnx import known
from stages.frameworks.onnx.known import Case, Node

if TYPE_CHECKING:
    import onnx

SEEN: Final = 'OpenVINO 2026.4'
FLOAT, FLOAT16, DOUBLE, BFLOAT16 = 1, 10, 11, 16
"""ONNX's numbers for its float types."""


def _is(name: str, value: Any) -> Callable[[Node], bool]:
    return lambda node: bool(node.attribute(name, None) == value)


def _between_double_and_float(node: Node) -> bool:
    source, like = node.takes(0), node.takes(1)
    target = like.kind if node.proto.op_type == 'CastLike' and like else node.attribute('to', 0)
    if source is None or source.weight is not None:
        return False
    floats = {FLOAT, FLOAT16, BFLOAT16}
    return (source.kind == DOUBLE and target in floats) or (target == DOUBLE and source.kind in floats)


def _window_in_padding(node: Node) -> bool:
    """Say whether ceil_mode counts a window that begins behind the input, which ONNX leaves out."""
    kernel = node.attribute('kernel_shape', [])
    if not node.attribute('ceil_mode', 0) or node.attribute('auto_pad', 'NOTSET') != 'NOTSET':
        return False
    axes = len(kernel)
    strides, pads = node.attribute('strides', [1] * axes), node.attribute('pads', [0] * 2 * axes)
    dilations, given = node.attribute('dilations', [1] * axes), node.takes(0)
    known = given.shape[2:] if given and given.shape and len(given.shape) == axes + 2 else (None,) * axes
    for at, size in enumerate(known):
        wide, before, after = dilations[at] * (kernel[at] - 1) + 1, pads[at], pads[at + axes]
        if size is None and after + strides[at] > wide:  # at some size it begins there
            return True
        if size is not None:
            last = math.ceil((size + before + after - wide) / strides[at]) * strides[at]
            if last >= size + before:
                return True
    return False


def _fractional(node: Node) -> bool:
    """Say whether align_corners goes by scales that do not lead to whole sizes."""
    scales, given = node.takes(2), node.takes(0)
    numbers = scales.numbers() if scales else None
    if node.attribute('coordinate_transformation_mode', '') != 'align_corners' or scales is None:
        return False
    if not numbers:  # computed ones come from sizes
        return scales.given
    sizes = given.shape if given and given.shape and len(given.shape) == len(numbers) else (None,) * len(numbers)
    return any(not (scale * (size or 1)).is_integer() for scale, size in zip(numbers, sizes, strict=True))


def _other_axis(node: Node) -> bool:
    """Say whether the axis, an input since operator set 20 and the last but one by itself, may be another than 1."""
    axis, given = node.takes(2), node.takes(0)
    rank = len(given.shape) if given and given.shape else 0
    numbers = axis.numbers() if axis else [-2.0]
    return node.opset >= 20 and (not numbers or numbers[0] not in (1.0, 1.0 - rank))


def _many_repeats(node: Node) -> bool:
    """Say whether a caller may repeat four axes at once; where the model computes the repeats, it rarely does."""
    given, repeats = node.takes(0), node.takes(1)
    return bool(repeats and repeats.given and given and (given.shape is None or len(given.shape) > 3))


def _told_axes(node: Node) -> bool:
    """Say whether a reduction is told its axes as an attribute, which the sets 13 to 17 have, and 18 no more."""
    return 13 <= node.opset < 18 and bool(node.attribute('axes', []))


CASES: Final = (
    Case(('LSTM', 'GRU', 'RNN'), 'layout=1', 'it takes batches for steps of time', _is('layout', 1)),
    Case(('LSTM',), 'peepholes (input P)', 'it leaves them out', lambda node: node.takes(7) is not None),
    Case(('Attention',), 'is_causal=1 and past_key', 'it masks as if there were no past',
         lambda node: bool(node.attribute('is_causal', 0)) and node.takes(4) is not None),
    Case(('Cast', 'CastLike'), 'to or from double', 'infinities become the largest number', _between_double_and_float),
    Case(('DynamicQuantizeLinear',), 'any input', 'numbers between two steps come out one off', lambda _: True),
    Case(('MaxPool',), 'ceil_mode=1', 'a window that begins in the padding counts', _window_in_padding),
    Case(('DFT',), 'onesided=1', 'its shape has an axis too many or too few', _is('onesided', 1)),
    Case(('DFT',), 'axis, of operator set 20', 'it transforms axis 1, whatever is asked for', _other_axis),
    Case(('RoiAlign',), 'mode=max', 'it takes the largest of other samples', _is('mode', 'max')),
    Case(('Resize',), 'exclude_outside=1', 'weights outside of the image count', _is('exclude_outside', 1)),
    Case(('Resize',), 'antialias=1', 'it filters otherwise', _is('antialias', 1)),
    Case(('Resize',), 'keep_aspect_ratio_policy', 'it stretches to the sizes',
         lambda node: node.attribute('keep_aspect_ratio_policy', 'stretch') != 'stretch'),
    Case(('Resize',), 'align_corners with scales that give no whole size', 'it goes by the size', _fractional),
    Case(('ReduceL1', 'ReduceLogSum', 'ReduceLogSumExp'), 'axes, of operator sets 13 to 17', 'it reduces all axes',
         _told_axes),
    Case(('Tile',), 'repeats as an input', 'of four axes at once it leaves memory as it is', _many_repeats),
)  # fmt: skip


def refuse(model: onnx.ModelProto, insist: bool) -> None:
    """Raise UnsupportedError, naming operator and attribute, when ``model`` holds a known case; not if ``insist``."""
    if not insist:
        known.refuse(model, CASES, SEEN, 'the onnx alone, or openvino: {insist: true}')
