"""Layers of Core ML neural networks that know channels, height and width, and products with weights."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from stages.frameworks.coreml.layer import Layer, Write

AXES_3D: Final = ('Depth', 'Height', 'Width')


def _pair(told: Sequence[int], default: int) -> list[int]:
    found = [int(each) for each in told] or [default, default]
    if len(found) != 2:
        raise ValueError(f'{found} are no sizes of height and width')
    return found


def _edges(layer: Layer, told: Any) -> list[int]:
    """Return top, left, bottom, right of border amounts."""
    both = [(int(each.startEdgeSize), int(each.endEdgeSize)) for each in told.borderAmounts] or [(0, 0), (0, 0)]
    if len(both) != 2:
        raise layer.refused(f'has borders of {len(both)} axes; expected height and width')
    return [both[0][0], both[1][0], both[0][1], both[1][1]]


def same(sizes: Sequence[int], kernel: Sequence[int], strides: Sequence[int], *, heavy_start: bool) -> list[int]:
    """Return paddings, first of all starts, then of all ends, that leave ``size / stride`` rounded up."""
    starts, ends = [], []
    for size, wide, stride in zip(sizes, kernel, strides, strict=True):
        total = max(0, (-(-size // stride) - 1) * stride + wide - size)
        less, more = total // 2, total - total // 2
        starts.append(more if heavy_start else less)
        ends.append(less if heavy_start else more)
    return [*starts, *ends]


def _pads(
    layer: Layer, sizes: Sequence[int], kernel: Sequence[int], strides: Sequence[int], oneof: str
) -> dict[str, Any]:
    """Return the padding in ONNX's words: as numbers, but for what goes by sizes that are open."""
    kind = layer.told.WhichOneof(oneof)
    if kind == 'same':
        lower = layer.told.same.SamePaddingMode.Name(layer.told.same.asymmetryMode) == 'TOP_LEFT_HEAVY'
        if layer.values.open and {*strides} != {1}:
            return {'auto_pad': 'SAME_LOWER' if lower else 'SAME_UPPER'}
        return {'pads': same(sizes, kernel, strides, heavy_start=lower)}
    if kind in ('valid', None):
        return {'pads': _edges(layer, layer.told.valid.paddingAmounts) if kind else [0, 0, 0, 0]}
    raise layer.refused(f'pads by {kind}')


def _goes_by_rests(layer: Layer, strides: Sequence[int]) -> None:
    if {*strides} != {1}:
        layer.values.bound.append(f'{layer.kind} {layer.spec.name}')


def _convolution(layer: Layer) -> str:
    told, x = layer.told, layer.four(layer.x, least=4)
    kernel, strides, spread = _pair(told.kernelSize, 3), _pair(told.stride, 1), _pair(told.dilationFactor, 1)
    groups, channels = int(told.nGroups) or 1, int(told.outputChannels)
    wide = [(each - 1) * step + 1 for each, step in zip(kernel, spread, strict=True)]
    bias = [layer.const(layer.held('bias', [channels]), 'bias')] if told.hasBias else []
    if told.isDeconvolution:
        return layer.back(_deconvolution(layer, x, kernel, strides, groups, bias), layer.x)
    if len(layer.inputs) > 1:
        weight = layer.inputs[1]
        wide = [(each - 1) * step + 1 for each, step in zip(layer.shape(weight)[2:], spread, strict=True)]
    else:
        weight = layer.const(layer.held('weights', [channels, int(told.kernelChannels), *kernel]), 'weight')
    pads = _pads(layer, layer.shape(x)[2:], wide, strides, 'ConvolutionPaddingType')
    made = layer.op('Conv', x, weight, *bias, strides=strides, dilations=spread, group=groups, **pads)
    return layer.back(made, layer.x)


def _deconvolution(layer: Layer, x: str, kernel: list[int], strides: list[int], groups: int, bias: list[str]) -> str:
    told = layer.told
    if int(told.outputChannels) % groups:
        raise layer.refused(f'{told.outputChannels} channels in {groups} groups')
    shape = [int(told.kernelChannels), int(told.outputChannels) // groups, *kernel]
    weight = layer.const(layer.held('weights', shape, axis=1), 'weight')
    sizes, kind = layer.shape(x)[2:], told.WhichOneof('ConvolutionPaddingType')
    full = [(size - 1) * step + wide for size, step, wide in zip(sizes, strides, kernel, strict=True)]
    if told.outputShape:
        wanted = [int(each) for each in told.outputShape]
    elif kind == 'same':
        wanted = [size * step for size, step in zip(sizes, strides, strict=True)]
    else:
        way = _pads(layer, sizes, kernel, strides, 'ConvolutionPaddingType')
        return layer.op('ConvTranspose', x, weight, *bias, strides=strides, group=groups, **way)
    cut = [whole - want for whole, want in zip(full, wanted, strict=True)]
    if min(cut) < 0 or any(each % 2 for each in cut):
        raise layer.refused(f'comes out as {full} before it is cut to {wanted}; which side is longer is not told')
    pads = [each // 2 for each in cut] * 2
    return layer.op('ConvTranspose', x, weight, *bias, strides=strides, group=groups, pads=pads)


def _pooling(layer: Layer) -> str:
    told, x = layer.told, layer.four(layer.x, least=4)
    kind, sizes = told.PoolingType.Name(told.type), layer.shape(x)[2:]
    operator = {'MAX': 'MaxPool', 'AVERAGE': 'AveragePool', 'L2': 'LpPool'}[kind]
    if told.globalPooling:
        return layer.back(layer.op(f'Global{operator}', x, **({'p': 2} if kind == 'L2' else {})), layer.x)
    kernel, strides = _pair(told.kernelSize, 3), _pair(told.stride, 1)
    more: dict[str, Any] = {'p': 2} if kind == 'L2' else {}
    if told.WhichOneof('PoolingPaddingType') == 'includeLastPixel':
        pads = _complete(layer, sizes, kernel, strides)
        more |= {'pads': pads}
        if kind == 'AVERAGE' and not told.avgPoolExcludePadding and pads[:2] != pads[2:]:
            raise layer.refused('averages windows that end behind the padding; by how much it divides is not told')
    else:
        more |= _pads(layer, sizes, kernel, strides, 'PoolingPaddingType')
    if kind == 'AVERAGE':
        more |= {'count_include_pad': int(not told.avgPoolExcludePadding)}
    return layer.back(layer.op(operator, x, kernel_shape=kernel, strides=strides, **more), layer.x)


def _complete(layer: Layer, sizes: Sequence[int], kernel: Sequence[int], strides: Sequence[int]) -> list[int]:
    """Return paddings with which the last window takes in the last pixel, as the format's own formula has it."""
    _goes_by_rests(layer, strides)
    amounts = _pair(layer.told.includeLastPixel.paddingAmounts, 0)
    ends = []
    for size, wide, stride, pad in zip(sizes, kernel, strides, amounts, strict=True):
        count = -(-(size + 2 * pad - wide) // stride) + 1
        if any(amounts) and (count - 1) * stride >= size + pad:
            count -= 1
        ends.append(max(pad, (count - 1) * stride + wide - size - pad))
    return [*amounts, *ends]


def _three(layer: Layer, word: str) -> list[int]:
    return [int(getattr(layer.told, f'{word}{axis}')) or 1 for axis in AXES_3D]


def _pads_3d(layer: Layer, kernel: Sequence[int], strides: Sequence[int], kinds: Any) -> list[int]:
    told, kind = layer.told, kinds.Name(layer.told.paddingType)
    if kind == 'SAME':
        _goes_by_rests(layer, strides)
        return same(layer.shape(layer.x)[2:], kernel, strides, heavy_start=False)
    sides = ('Front', 'Top', 'Left', 'Back', 'Bottom', 'Right')
    return [int(getattr(told, f'customPadding{side}')) if kind == 'CUSTOM' else 0 for side in sides]


def _convolution_3d(layer: Layer) -> str:
    told = layer.told
    if told.isDeconvolution:
        raise layer.refused('a deconvolution on three axes is not read')
    kernel, strides, spread = (_three(layer, word) for word in ('kernel', 'stride', 'dilation'))
    groups, channels = int(told.nGroups) or 1, int(told.outputChannels)
    shape = [channels, int(told.inputChannels) // groups, *kernel]
    weight = layer.const(layer.held('weights', shape), 'weight')
    bias = [layer.const(layer.held('bias', [channels]), 'bias')] if told.hasBias else []
    wide = [(each - 1) * step + 1 for each, step in zip(kernel, spread, strict=True)]
    pads = _pads_3d(layer, wide, strides, told.PaddingType)
    return layer.op('Conv', layer.x, weight, *bias, strides=strides, dilations=spread, group=groups, pads=pads)


def _pooling_3d(layer: Layer) -> str:
    told = layer.told
    kernel, strides = _three(layer, 'kernel'), _three(layer, 'stride')
    pads = _pads_3d(layer, kernel, strides, told.Pooling3DPaddingType)
    if told.PoolingType3D.Name(told.type) == 'MAX':
        return layer.op('MaxPool', layer.x, kernel_shape=kernel, strides=strides, pads=pads)
    count = int(not told.countExcludePadding)
    return layer.op('AveragePool', layer.x, kernel_shape=kernel, strides=strides, pads=pads, count_include_pad=count)


def _global_3d(layer: Layer) -> str:
    kind = layer.told.GlobalPoolingType3D.Name(layer.told.type)
    return layer.op('GlobalMaxPool' if kind == 'MAX' else 'GlobalAveragePool', layer.x)


def _padding(layer: Layer) -> str:
    told, kind = layer.told, layer.told.WhichOneof('PaddingType')
    mode = {'constant': 'constant', 'reflection': 'reflect', 'replication': 'edge', None: 'constant'}[kind]
    top, left, bottom, right = _edges(layer, told.paddingAmounts)
    lead = [0] * (layer.rank(layer.x) - 2)
    x = layer.four(layer.x) if len(lead) > 0 else layer.x
    lead = [0, 0] if lead else []
    pads = layer.wholes([*lead, top, left, *lead, bottom, right], 'pads')
    value = [layer.const(told.constant.value, 'value')] if mode == 'constant' else []
    made = layer.op('Pad', x, pads, *value, mode=mode)
    return layer.back(made, layer.x) if lead else made


def _crop(layer: Layer) -> str:
    x = layer.four(layer.x)
    height, width = layer.shape(x)[2:]
    if len(layer.inputs) > 1:
        top, left = _pair(layer.told.offset, 0)
        high, wide = layer.shape(layer.inputs[1])[-2:]
        ends = [top + high, left + wide]
        if ends[0] > height or ends[1] > width:
            raise layer.refused(f'cuts up to {ends} of {height} × {width}')
    else:
        top, left, bottom, right = _edges(layer, layer.told.cropAmounts)
        ends = [height - bottom, width - right]
    starts, axes = layer.wholes([top, left], 'starts'), layer.wholes([2, 3], 'axes')
    return layer.back(layer.op('Slice', x, starts, layer.wholes(ends, 'ends'), axes), layer.x)


def _resized(layer: Layer, sizes: Sequence[int], way: dict[str, Any]) -> str:
    x = layer.four(layer.x)
    wanted = layer.wholes([*layer.shape(x)[:2], *sizes], 'sizes')
    return layer.back(layer.op('Resize', x, '', '', wanted, **way), layer.x)


def _upsample(layer: Layer) -> str:
    told, x = layer.told, layer.four(layer.x)
    factors = [float(each) for each in told.fractionalScalingFactor] or [float(each) for each in told.scalingFactor]
    factors = factors or [1.0, 1.0]
    sizes = [size * factor for size, factor in zip(layer.shape(x)[2:], factors, strict=True)]
    if any(not each.is_integer() for each in sizes):
        raise layer.refused(f'comes out as {sizes}, which are no whole numbers')
    if told.InterpolationMode.Name(told.mode) == 'NN':
        way = {'mode': 'nearest', 'coordinate_transformation_mode': 'asymmetric', 'nearest_mode': 'floor'}
    else:
        word = told.LinearUpsampleMode.Name(told.linearUpsampleMode)
        grid = {'DEFAULT': 'asymmetric', 'ALIGN_CORNERS_TRUE': 'align_corners', 'ALIGN_CORNERS_FALSE': 'half_pixel'}
        way = {'mode': 'linear', 'coordinate_transformation_mode': grid[word]}
    return _resized(layer, [int(each) for each in sizes], way)


def _resize_bilinear(layer: Layer) -> str:
    told, sizes = layer.told, _pair(layer.told.targetSize, 1)
    word = told.mode.Method.Name(told.mode.samplingMethod)
    if word == 'ROI_ALIGN_MODE' or (word == 'ALIGN_ENDPOINTS_MODE' and 1 in sizes):
        raise layer.refused(f'samples by {word} to {sizes}, which ONNX has no word for')
    grid = 'asymmetric' if word == 'UPSAMPLE_MODE' else 'align_corners'
    return _resized(layer, sizes, {'mode': 'linear', 'coordinate_transformation_mode': grid})


def _reorganize(layer: Layer) -> str:
    kind, size = layer.told.ReorganizationType.Name(layer.told.mode), int(layer.told.blockSize)
    x = layer.four(layer.x)
    if kind == 'SPACE_TO_DEPTH':
        return layer.back(layer.op('SpaceToDepth', x, blocksize=size), layer.x)
    mode = 'DCR' if kind == 'DEPTH_TO_SPACE' else 'CRD'
    return layer.back(layer.op('DepthToSpace', x, blocksize=size, mode=mode), layer.x)


LAYERS: Final[Mapping[str, Write]] = {
    'convolution': _convolution,
    'convolution3d': _convolution_3d,
    'pooling': _pooling,
    'pooling3d': _pooling_3d,
    'globalPooling3d': _global_3d,
    'padding': _padding,
    'crop': _crop,
    'upsample': _upsample,
    'resizeBilinear': _resize_bilinear,
    'reorganizeData': _reorganize,
}
