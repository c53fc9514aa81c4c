"""Layers of Core ML neural networks that are numbers, look numbers up, or mask them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

from stages.frameworks.coreml.arrays import INT64, sizes
from stages.frameworks.coreml.layer import LARGEST, Layer, Write

if TYPE_CHECKING:
    import numpy


def _get_shape(layer: Layer) -> str:
    return layer.op('Identity', layer.const(layer.shape(layer.x), 'shape'))


def _constant(layer: Layer, shape: Sequence[int]) -> str:
    return layer.op('Identity', layer.const(layer.held('data', sizes(layer, layer.told.shape)).reshape(shape), 'data'))


def _load_constant(layer: Layer) -> str:
    return _constant(layer, (1, 1, *sizes(layer, layer.told.shape)))


def _load_constant_nd(layer: Layer) -> str:
    return _constant(layer, sizes(layer, layer.told.shape))


def _range(layer: Layer) -> str:
    import numpy as np

    told = layer.told
    start, end, step = float(told.startValue), float(told.endValue), float(told.stepSizeValue)
    count = (end - start) / step if step else 0
    if not 0 < count <= LARGEST:
        raise layer.refused(f'counts from {start:g} to {end:g} by {step:g}')
    return layer.op('Identity', layer.const(np.arange(start, end, step), 'range'))


def _indices(layer: Layer) -> str:
    return layer.cast(layer.inputs[1], INT64)


def _gather(layer: Layer) -> str:
    return layer.op('Gather', layer.x, _indices(layer), axis=int(layer.told.axis))


def _gather_nd(layer: Layer) -> str:
    return layer.op('GatherND', layer.x, _indices(layer))


def _gather_along(layer: Layer) -> str:
    return layer.op('GatherElements', layer.x, _indices(layer), axis=int(layer.told.axis))


def _embedded(layer: Layer, size: int, words: int, tail: Sequence[int]) -> str:
    shape = layer.shape(layer.x)
    if tuple(shape[-len(tail) :]) != (1,) * len(tail):
        raise layer.refused(f'looks up {list(shape)}; its last {len(tail)} sizes have to be 1')
    table = layer.held('weights', [size, words]).T
    rows = layer.cast(layer.reshaped(layer.x, shape[: -len(tail)]), INT64)
    made = layer.op('Gather', layer.const(table, 'table'), rows, axis=0)
    if layer.told.hasBias:
        made = layer.op('Add', made, layer.const(layer.held('bias', [size]), 'bias'))
    return layer.reshaped(made, (*shape[: -len(tail)], size, *tail[1:]))


def _embedding(layer: Layer) -> str:
    return _embedded(layer, int(layer.told.outputChannels), int(layer.told.inputDim), (1, 1, 1))


def _embedding_nd(layer: Layer) -> str:
    return _embedded(layer, int(layer.told.embeddingSize), int(layer.told.vocabSize), (1,))


def _masked(layer: Layer, keep: Any) -> str:
    import numpy as np

    rows, columns = layer.shape(layer.x)[-2:]
    mask: numpy.ndarray = keep(np.arange(rows)[:, None], np.arange(columns)[None])
    chosen = layer.values.weight(mask, f'{layer.spec.output[0]}.kept')
    return layer.op('Where', chosen, layer.x, layer.const(0, 'nought'))


def _band(layer: Layer) -> str:
    low, high = int(layer.told.numLower), int(layer.told.numUpper)
    return _masked(layer, lambda m, n: ((low < 0) | (m - n <= low)) & ((high < 0) | (n - m <= high)))


def _lower(layer: Layer) -> str:
    return _masked(layer, lambda m, n: n - m <= int(layer.told.k))


def _upper(layer: Layer) -> str:
    return _masked(layer, lambda m, n: n - m >= int(layer.told.k))


def _one_hot(layer: Layer) -> str:
    import numpy as np

    if len(layer.inputs) > 1:
        raise layer.refused('how many classes there are is computed')
    told, rank = layer.told, layer.rank(layer.x) + 1
    count, axis = int(told.oneHotVectorSize), int(told.axis) % rank
    if not 0 < count <= LARGEST:
        raise layer.refused(f'makes vectors of {count}')
    classes = layer.const(np.arange(count).reshape([count if place == axis else 1 for place in range(rank)]), 'classes')
    same = layer.op('Equal', layer.op('Unsqueeze', layer.x, layer.wholes([axis], 'axis')), classes)
    return layer.op('Where', same, layer.const(told.onValue, 'on'), layer.const(told.offValue, 'off'))


def _cumulated(layer: Layer) -> str:
    import numpy as np

    if len(layer.inputs) > 1:
        raise layer.refused('its axis is computed')
    axis = layer.values.weight(np.array(int(layer.told.axis), np.int64), f'{layer.spec.output[0]}.axis')
    told = {'exclusive': int(layer.told.excludeFinalSum), 'reverse': int(layer.told.reverse)}
    return layer.op('CumSum', layer.x, axis, **told)


def _filled(layer: Layer, shape: Sequence[int]) -> str:
    return layer.op('Expand', layer.const([layer.told.value], 'value'), layer.wholes(shape, 'shape'))


def _fill_like(layer: Layer) -> str:
    return _filled(layer, layer.shape(layer.x))


def _fill_static(layer: Layer) -> str:
    return _filled(layer, sizes(layer, layer.told.targetShape))


LAYERS: Final[Mapping[str, Write]] = {
    'fillLike': _fill_like,
    'fillStatic': _fill_static,
    'getShape': _get_shape,
    'loadConstant': _load_constant,
    'loadConstantND': _load_constant_nd,
    'rangeStatic': _range,
    'gather': _gather,
    'gatherND': _gather_nd,
    'gatherAlongAxis': _gather_along,
    'embedding': _embedding,
    'embeddingND': _embedding_nd,
    'matrixBandPart': _band,
    'lowerTriangular': _lower,
    'upperTriangular': _upper,
    'oneHot': _one_hot,
    'cumSum': _cumulated,
}
