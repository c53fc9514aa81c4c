"""Layers of Core ML neural networks that put numbers in other places: shapes, slices, look-ups, constants."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Final

from stages.frameworks.coreml.layer import LARGEST, Layer, Write

if TYPE_CHECKING:
    pass

FLOAT, INT64 = 1, 7
END: Final = (1 << 63) - 1


def sizes(layer: Layer, told: Sequence[int]) -> list[int]:
    """Return sizes as the file tells them, none of them open, and together no more than can be."""
    found = [int(each) for each in told]
    if not found or min(found) < 1 or math.prod(found) > LARGEST:
        raise layer.refused(f'has the shape {found}')
    return found


def _copy(layer: Layer) -> str:
    return layer.pointwise(lambda x: layer.op('Identity', x), layer.x)


def _reshape(layer: Layer) -> str:
    told, shape = layer.told, [int(each) for each in layer.told.targetShape]
    if layer.rank(layer.x) != 5 or len(shape) not in (3, 4) or any(each == 0 or each < -1 for each in shape):
        raise layer.refused(f'takes {list(layer.shape(layer.x))} and makes {shape} of it')
    sequence, batch = layer.shape(layer.x)[:2]
    shape = [sequence, batch, *shape] if len(shape) == 3 else [shape[0], batch, *shape[1:]]
    if told.ReshapeOrder.Name(told.mode) == 'CHANNEL_FIRST':
        return layer.reshaped(layer.x, shape)
    last = layer.op('Transpose', layer.x, perm=[0, 1, 3, 4, 2])
    made = layer.reshaped(last, [*shape[:2], shape[3], shape[4], shape[2]])
    return layer.op('Transpose', made, perm=[0, 1, 4, 2, 3])


def _flatten(layer: Layer) -> str:
    x = layer.four(layer.x)
    if layer.told.FlattenOrder.Name(layer.told.mode) == 'CHANNEL_LAST':
        x = layer.op('Transpose', x, perm=[0, 2, 3, 1])
    return layer.back(layer.reshaped(x, (layer.shape(x)[0], math.prod(layer.shape(x)[1:]), 1, 1)), layer.x)


def _permute(layer: Layer) -> str:
    axes = [int(each) for each in layer.told.axis] or [0, 1, 2, 3]
    if sorted(axes) != [0, 1, 2, 3] or layer.rank(layer.x) != 5:
        raise layer.refused(f'permutes {list(layer.shape(layer.x))} by {axes}')
    order = [0 if axis == 0 else axis + 1 for axis in axes]
    if axes[0] == 0:
        four = layer.four(layer.x)
        return layer.back(layer.op('Transpose', four, perm=[0, *(axis for axis in axes[1:])]), layer.x)
    return layer.op('Transpose', layer.x, perm=[order[0], 1, *order[1:]])


def _transpose(layer: Layer) -> str:
    return layer.op('Transpose', layer.x, perm=[int(each) for each in layer.told.axes])


def _joined(axis: int) -> Write:
    def write(layer: Layer) -> str:
        def joined(*given: str) -> str:
            return layer.op('Concat', *given, axis=axis)

        return layer.pointwise(joined, *layer.inputs) if axis == -3 else joined(*layer.inputs)

    return write


def _concat(layer: Layer) -> str:
    found: str = _joined(-5 if layer.told.sequenceConcat else -3)(layer)
    return found


def _concat_nd(layer: Layer) -> str:
    if layer.told.interleave:
        raise layer.refused('interleaves what it joins')
    return layer.op('Concat', *layer.inputs, axis=int(layer.told.axis))


def _stack(layer: Layer) -> str:
    axis = int(layer.told.axis)
    axes = layer.wholes([axis], 'axis')
    return layer.op('Concat', *(layer.op('Unsqueeze', each, axes) for each in layer.inputs), axis=axis)


def _parts(layer: Layer, axis: int, sizes: Sequence[int]) -> list[str]:
    if sum(sizes) != layer.shape(layer.x)[axis] or len(sizes) != len(layer.spec.output):
        raise layer.refused(
            f'splits {layer.shape(layer.x)[axis]} into {list(sizes)}, with {len(layer.spec.output)} names'
        )
    return layer.ops('Split', layer.x, layer.wholes(sizes, 'sizes'), count=len(sizes), axis=axis)


def _split(layer: Layer) -> list[str]:
    count = max(1, int(layer.told.nOutputs))
    return _parts(layer, -3, [layer.shape(layer.x)[-3] // count] * min(count, LARGEST))


def _split_nd(layer: Layer) -> list[str]:
    axis, count = int(layer.told.axis), max(1, int(layer.told.numSplits))
    sizes = [int(each) for each in layer.told.splitSizes]
    return _parts(layer, axis, sizes or [layer.shape(layer.x)[axis] // count] * min(count, len(layer.spec.output) + 1))


def _repeat(layer: Layer) -> str:
    times = [1] * layer.rank(layer.x)
    times[-5] = int(layer.told.nRepetitions) or 1
    return layer.op('Tile', layer.x, layer.wholes(times, 'times'))


def _tile(layer: Layer) -> str:
    if len(layer.inputs) > 1:
        raise layer.refused('how often it repeats is computed')
    times = [int(each) for each in layer.told.reps]
    times = [1] * (layer.rank(layer.x) - len(times)) + times
    return layer.op('Tile', layer.x, layer.wholes(times, 'times'))


def _cut(layer: Layer, cuts: Sequence[tuple[int, int, int, int]]) -> str:
    """Return the first input cut along axes, each with its start, end and step."""
    starts, ends, axes, steps = ([cut[place] for cut in cuts] for place in range(4))
    return layer.op(
        'Slice', layer.x, layer.wholes(starts, 'starts'), layer.wholes(ends, 'ends'), layer.wholes(axes, 'axes'),
        layer.wholes(steps, 'steps'),
    )  # fmt: skip


def _slice(layer: Layer) -> str:
    told = layer.told
    axis = {'CHANNEL_AXIS': -3, 'HEIGHT_AXIS': -2, 'WIDTH_AXIS': -1}[told.SliceAxis.Name(told.axis)]
    return _cut(layer, [(int(told.startIndex), int(told.endIndex), axis, int(told.stride) or 1)])


def _slice_static(layer: Layer) -> str:
    told, rank = layer.told, layer.rank(layer.x)
    lists = [told.beginIds, told.endIds, told.strides, told.beginMasks, told.endMasks]
    squeezed = [bool(each) for each in told.squeezeMasks] or [False] * rank
    if any(len(each) != rank for each in (*lists, squeezed)):
        raise layer.refused(f'tells {[len(each) for each in lists]} numbers for {rank} axes')
    cuts = []
    for axis, (start, end, step, no_start, no_end) in enumerate(zip(*lists, strict=True)):
        if squeezed[axis]:
            cuts.append((int(start), int(start) + 1 if start != -1 else END, axis, 1))
            continue
        first = (0 if step > 0 else END) if no_start else int(start)
        cuts.append((first, (END if step > 0 else -END) if no_end else int(end), axis, int(step)))
    made = _cut(layer, cuts)
    gone = [axis for axis in range(rank) if squeezed[axis]]
    return layer.op('Squeeze', made, layer.wholes(gone, 'gone')) if gone else made


def _reverse(layer: Layer) -> str:
    turned = [axis for axis, each in enumerate(layer.told.reverseDim) if each]
    if len(layer.told.reverseDim) != layer.rank(layer.x):
        raise layer.refused(f'tells {len(layer.told.reverseDim)} axes for {layer.rank(layer.x)}')
    return _cut(layer, [(-1, -END, axis, -1) for axis in turned]) if turned else layer.op('Identity', layer.x)


def _windows(layer: Layer) -> str:
    import numpy as np

    told, axis = layer.told, int(layer.told.axis) % layer.rank(layer.x)
    size, wide, step = layer.shape(layer.x)[axis], int(told.windowSize), int(told.step)
    if not 0 < wide <= size or step < 1:
        raise layer.refused(f'windows of {wide}, {step} apart, along {size}')
    places = np.arange(0, size - wide + 1, step)[:, None] + np.arange(wide)
    return layer.op('Gather', layer.x, layer.values.weight(places, f'{layer.spec.output[0]}.places'), axis=axis)


def _expand_dims(layer: Layer) -> str:
    return layer.op('Unsqueeze', layer.x, layer.wholes([int(each) for each in layer.told.axes], 'axes'))


def _squeeze(layer: Layer) -> str:
    shape = layer.shape(layer.x)
    axes = [int(each) % len(shape) for each in layer.told.axes]
    if layer.told.squeezeAll:
        axes = [axis for axis, size in enumerate(shape) if size == 1]
    if any(shape[axis] != 1 for axis in axes):
        raise layer.refused(f'removes axes {axes} of {list(shape)}')
    left = [size for axis, size in enumerate(shape) if axis not in axes] or [1]
    return layer.op('Reshape', layer.x, layer.wholes(left, 'shape'))


def _flatten_2d(layer: Layer) -> str:
    return layer.op('Flatten', layer.x, axis=int(layer.told.axis))


def _reshape_static(layer: Layer) -> str:
    shape = [int(each) for each in layer.told.targetShape]
    if not shape or any(each == 0 or each < -1 for each in shape):
        raise layer.refused(f'makes the shape {shape}')
    return layer.op('Reshape', layer.x, layer.wholes(shape, 'shape'))


def _rank_preserving(layer: Layer) -> str:
    shape = [int(each) for each in layer.told.targetShape]
    if len(shape) != layer.rank(layer.x) or min(shape) < -1:
        raise layer.refused(f'makes {shape} of {list(layer.shape(layer.x))}')
    return layer.op('Reshape', layer.x, layer.wholes(shape, 'shape'))  # 0 keeps a size in ONNX, too


def _reshape_like(layer: Layer) -> str:
    return layer.op('Reshape', layer.x, layer.wholes(layer.shape(layer.inputs[1]), 'shape'))


def _broadcast(layer: Layer, shape: Sequence[int]) -> str:
    return layer.op('Expand', layer.x, layer.wholes(shape, 'shape'))


def _broadcast_like(layer: Layer) -> str:
    return _broadcast(layer, layer.shape(layer.inputs[1]))


def _broadcast_static(layer: Layer) -> str:
    return _broadcast(layer, sizes(layer, layer.told.targetShape))


def _pad(layer: Layer) -> str:
    told, shape = layer.told, layer.shape(layer.x)
    amounts = [int(each) for each in told.padAmounts]
    if len(layer.inputs) > 1 or len(amounts) != 2 * len(shape):
        raise layer.refused(f'tells {len(amounts)} amounts for {len(shape)} axes')
    if told.padToGivenOutputSizeMode:
        layer.values.bound.append(f'{layer.kind} {layer.spec.name}')
        amounts = [max(0, each - shape[place // 2]) if each else 0 for place, each in enumerate(amounts)]
    pads = layer.wholes([*amounts[::2], *amounts[1::2]], 'pads')
    return layer.op('Pad', layer.x, pads, layer.const(told.value, 'value'), mode='constant')


def _softmax_nd(layer: Layer) -> str:
    return layer.op('Softmax', layer.x, axis=int(layer.told.axis))


LAYERS: Final[Mapping[str, Write]] = {
    'copy': _copy,
    'reshape': _reshape,
    'flatten': _flatten,
    'permute': _permute,
    'transpose': _transpose,
    'concat': _concat,
    'concatND': _concat_nd,
    'stack': _stack,
    'split': _split,
    'splitND': _split_nd,
    'sequenceRepeat': _repeat,
    'tile': _tile,
    'slice': _slice,
    'sliceStatic': _slice_static,
    'reverse': _reverse,
    'slidingWindows': _windows,
    'expandDims': _expand_dims,
    'squeeze': _squeeze,
    'flattenTo2D': _flatten_2d,
    'reshapeStatic': _reshape_static,
    'reshapeLike': _reshape_like,
    'rankPreservingReshape': _rank_preserving,
    'broadcastToLike': _broadcast_like,
    'broadcastToStatic': _broadcast_static,
    'constantPad': _pad,
    'softmaxND': _softmax_nd,
}
