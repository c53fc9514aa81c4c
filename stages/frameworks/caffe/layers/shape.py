"""Layers that lay blobs out anew: cut, joined, turned, resized; and those that reduce or do nothing."""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Final

from stages.frameworks.caffe.layers.entry import Entry, Value, Work, entry


def _nothing(work: Work) -> Sequence[Value]:
    """Return what came, for each top: what Dropout does at test time, and Split always."""
    return [work.one for _ in work.layer.tops]


def _flatten(work: Work) -> Value:
    value = work.one
    first = work.axis(work.params.whole('axis', 1), value)
    last = work.axis(work.params.whole('end_axis', -1), value)
    if last < first:
        raise work.layer.wrong(f'joins axes {first} to {last}')
    return work.reshaped(
        value, (*value.shape[:first], math.prod(value.shape[first : last + 1]), *value.shape[last + 1 :])
    )


def _reshape(work: Work) -> Value:
    """Write Reshape: 0 keeps the size at that place, -1 stands for what is left."""
    value = work.one
    asked = work.params.message('shape').wholes('dim')
    first = work.axis(work.params.whole('axis', 0), value, also_end=True)
    count = work.params.whole('num_axes', -1)
    end = len(value.shape) if count < 0 else first + count
    if end > len(value.shape) or asked.count(-1) > 1 or min(asked, default=0) < -1:
        raise work.layer.wrong(f'reshapes axes {first} to {end} of {len(value.shape)} to {asked}')
    if any(dim == 0 and first + place >= len(value.shape) for place, dim in enumerate(asked)):
        raise work.layer.wrong(f'keeps an axis that the blob does not have: {asked}')
    shape = [*value.shape[:first], *asked, *value.shape[end:]]
    for place in range(first, first + len(asked)):
        shape[place] = value.shape[place] if shape[place] == 0 else shape[place]
    known = math.prod(dim for dim in shape if dim != -1)
    if -1 in shape:
        if known < 1 or math.prod(value.shape) % known:
            raise work.layer.wrong(f'cannot make {shape} of {list(value.shape)}')
        shape[shape.index(-1)] = math.prod(value.shape) // known
    if first == 0 and asked and asked[0] not in (0, -1) and value.batched:
        work.mixes.append(work.layer.what)  # the size of a batch, written out
    return work.reshaped(value, shape)


def _concat(work: Work) -> Value:
    first = work.inputs[0]
    axis = work.axis(work.params.whole('axis', work.params.whole('concat_dim', 1)), first)
    shapes = [value.shape for value in work.inputs]
    if len({(*shape[:axis], *shape[axis + 1 :]) for shape in shapes}) > 1:
        raise work.layer.wrong(f'joins blobs of the shapes {", ".join(map(str, shapes))} along axis {axis}')
    whole = (*first.shape[:axis], sum(shape[axis] for shape in shapes), *first.shape[axis + 1 :])
    if any(value.batched for value in work.inputs):
        work.over_samples(axis)
    value = work.op('Concat', *(each.name for each in work.inputs), axis=axis)
    made = work.made(value, whole)
    return replace(made, batched=any(each.batched for each in work.inputs))


def _slice(work: Work) -> Sequence[Value]:
    value, tops = work.one, len(work.layer.tops)
    axis = work.over_samples(work.axis(work.params.whole('axis', work.params.whole('slice_dim', 1)), value))
    points = work.params.wholes('slice_point')
    if not points and value.shape[axis] % tops == 0:
        points = [value.shape[axis] // tops * part for part in range(1, tops)]
    ends = [0, *points, value.shape[axis]]
    sizes = [high - low for low, high in itertools.pairwise(ends)]
    if len(sizes) != tops or min(sizes) < 1:
        raise work.layer.wrong(f'cuts {value.shape[axis]} at {points} into {tops} parts')
    if tops == 1:
        return [value]
    made = work.graph.ops('Split', value.name, work.wholes(sizes, 'sizes'), name=work.layer.name, count=tops, axis=axis)
    return [
        work.made(name, (*value.shape[:axis], size, *value.shape[axis + 1 :]), value)
        for name, size in zip(made, sizes, strict=True)
    ]


def _crop(work: Work) -> Value:
    if len(work.inputs) != 2:
        raise work.layer.wrong(f'takes {len(work.inputs)} blobs; expected two')
    value, like = work.inputs
    axis = work.axis(work.params.whole('axis', 2), value)
    given = work.params.wholes('offset') or [0]
    axes = list(range(axis, len(value.shape)))
    offsets = given * len(axes) if len(given) == 1 else given
    if len(offsets) != len(axes) or len(like.shape) != len(value.shape):
        raise work.layer.wrong(f'has {len(given)} offsets for {len(axes)} axes')
    ends = [offset + like.shape[each] for offset, each in zip(offsets, axes, strict=True)]
    if min(offsets) < 0 or any(end > value.shape[each] for end, each in zip(ends, axes, strict=True)):
        raise work.layer.wrong(f'crops {list(value.shape)} at {offsets} to {list(like.shape)}')
    if axis == 0:
        work.mixes.append(work.layer.what)
    parts = [work.wholes(each, word) for each, word in ((offsets, 'starts'), (ends, 'ends'), (axes, 'axes'))]
    return work.made(work.op('Slice', value.name, *parts), (*value.shape[:axis], *like.shape[axis:]))


def _permute(work: Work) -> Value:
    value = work.one
    order = work.params.wholes('order')
    order += [axis for axis in range(len(value.shape)) if axis not in order]
    if sorted(order) != list(range(len(value.shape))):
        raise work.layer.wrong(f'orders {len(value.shape)} axes as {order}')
    if order[:1] != [0]:
        work.mixes.append(work.layer.what)
    return work.made(work.op('Transpose', value.name, perm=order), [value.shape[axis] for axis in order])


def _tile(work: Work) -> Value:
    value, count = work.one, work.params.whole('tiles', 1)
    axis = work.over_samples(work.axis(work.params.whole('axis', 1), value))
    repeats = [count if place == axis else 1 for place in range(len(value.shape))]
    shape = [size * times for size, times in zip(value.shape, repeats, strict=True)]
    return work.made(work.op('Tile', value.name, work.wholes(repeats, 'repeats')), shape)


def _reduction(work: Work) -> Value:
    value, said = work.one, work.params
    axis = work.over_samples(work.axis(said.whole('axis', 0), value))
    how = said.choice('operation', ('SUM', 'ASUM', 'SUMSQ', 'MEAN'), 1)
    axes, name = list(range(axis, len(value.shape))), value.name
    if how == 'MEAN':
        made = work.op('ReduceMean', name, axes=axes, keepdims=0)
    elif how == 'SUM':
        made = work.op('ReduceSum', name, work.wholes(axes, 'axes'), keepdims=0)
    else:
        made = work.op('ReduceL1' if how == 'ASUM' else 'ReduceSumSquare', name, axes=axes, keepdims=0)
    factor = said.number('coeff', 1)
    made = work.op('Mul', made, work.weight(factor, 'coeff')) if factor != 1 else made
    return work.made(made, value.shape[:axis])


def _argmax(work: Work) -> Value:
    """Write ArgMax: places as numbers of float32, of all but the samples where no axis is named."""
    from onnx import TensorProto

    value, said, count = work.one, work.params, work.params.whole('top_k', 1)
    named = bool(said.fields.get('axis'))
    axis = work.over_samples(work.axis(said.whole('axis', 1), value)) if named else 1
    flat = value if named else work.reshaped(value, (value.shape[0], math.prod(value.shape[1:])))
    if not 1 <= count <= flat.shape[axis]:
        raise work.layer.wrong(f'wants the {count} largest of {flat.shape[axis]}')
    best, places = work.graph.ops(
        'TopK', flat.name, work.wholes([count], 'k'), name=work.layer.name, count=2, axis=axis
    )
    places = work.op('Cast', places, to=TensorProto.FLOAT)
    shape = (*flat.shape[:axis], count, *flat.shape[axis + 1 :])
    if named:
        return work.made(best if said.flag('out_max_val', False) else places, shape)
    axes = work.wholes([1], 'axes')
    rows = [places, *([best] if said.flag('out_max_val', False) else [])]
    rows = [work.op('Unsqueeze', row, axes) for row in rows]
    return work.made(work.op('Concat', *rows, axis=1) if len(rows) > 1 else rows[0], (value.shape[0], len(rows), count))


def _shuffle(work: Work) -> Value:
    value, group = work.one, work.params.whole('group', 1)
    n, channels, *rest = value.shape
    if group < 1 or channels % group:
        raise work.layer.wrong(f'shuffles {channels} channels in {group} groups')
    apart = work.reshaped(value, (n, group, channels // group, *rest))
    turned = work.op('Transpose', apart.name, perm=[0, 2, 1, *range(3, len(rest) + 3)])
    return work.reshaped(work.made(turned, (n, channels // group, group, *rest)), value.shape)


def _interp(work: Work) -> Value:
    """Write Interp: bilinear, corners on corners."""
    import numpy as np

    value, said = work.inputs[0], work.params
    if len(value.shape) != 4 or said.whole('pad_beg', 0) or said.whole('pad_end', 0):
        raise work.layer.refused('takes no picture, or pads it')
    size = [said.whole('height', 0), said.whole('width', 0)]
    if len(work.inputs) > 1:
        size = [*work.inputs[1].shape[2:]]
    elif not any(size):
        shrink, zoom = said.whole('shrink_factor', 1), said.whole('zoom_factor', 1)
        if shrink < 1 or zoom < 1:
            raise work.layer.wrong(f'shrinks by {shrink} and zooms by {zoom}')
        size = [(length - 1) // shrink + 1 for length in value.shape[2:]]
        size = [length + (length - 1) * (zoom - 1) for length in size]
    made = work.made(value.name, (*value.shape[:2], *size))
    # corners say where numbers come from, the factor only how many there are: a little more than needed is exact
    factors = [
        np.float32((want + 0.25) / have) if want != have else 1
        for want, have in zip(size, value.shape[2:], strict=True)
    ]
    scales = work.weight([1, 1, *factors], 'scales')
    corners = {'mode': 'linear', 'coordinate_transformation_mode': 'align_corners'}
    return replace(made, name=work.op('Resize', value.name, '', scales, **corners))


LAYERS: Final[Mapping[str, Entry]] = {
    'Dropout': Entry(_nothing, 'dropout_param', frozenset({'dropout_ratio', 'engine', 'scale_train'})),
    'Split': Entry(_nothing),
    'Silence': Entry(lambda work: []),
    'Flatten': entry(_flatten, 'flatten_param', 'axis', 'end_axis'),
    'Reshape': entry(_reshape, 'reshape_param', 'shape', 'axis', 'num_axes'),
    'Concat': entry(_concat, 'concat_param', 'axis', 'concat_dim'),
    'Slice': Entry(_slice, 'slice_param', frozenset({'axis', 'slice_point', 'slice_dim', 'engine'})),
    'Crop': entry(_crop, 'crop_param', 'axis', 'offset'),
    'Permute': entry(_permute, 'permute_param', 'order'),
    'Tile': entry(_tile, 'tile_param', 'axis', 'tiles'),
    'Reduction': entry(_reduction, 'reduction_param', 'operation', 'axis', 'coeff'),
    'ArgMax': entry(_argmax, 'argmax_param', 'out_max_val', 'top_k', 'axis'),
    'ShuffleChannel': entry(_shuffle, 'shuffle_channel_param', 'group'),
    'Interp': entry(
        _interp, 'interp_param', 'height', 'width', 'zoom_factor', 'shrink_factor', 'pad_beg', 'pad_end',
    ),
}  # fmt: skip
