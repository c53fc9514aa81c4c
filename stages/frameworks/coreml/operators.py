"""What operations of a Core ML program (MIL) are in ONNX: the table, by type. Half precision is computed in single."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from stages.frameworks.coreml import loops, shapes, steps
from stages.frameworks.coreml.work import Work, Write


def _unary(kind: str) -> Write:
    return lambda work: work.op(kind, work.value('x'))


def _binary(kind: str) -> Write:
    return lambda work: work.op(kind, work.value('x'), work.value('y'))


def _told(kind: str, **attributes: tuple[str, float]) -> Write:
    def write(work: Work) -> str:
        told = {name: float(work.const(key, default)) for name, (key, default) in attributes.items()}
        return work.op(kind, work.value('x'), **told)

    return write


def _pads(work: Work, kernel: Sequence[int], strides: Sequence[int], spread: Sequence[int]) -> dict[str, Any]:
    """Return the padding in ONNX's words; ``same`` puts the larger half at the end, ``same_lower`` at the start."""
    kind, count = str(work.const('pad_type', 'valid')), len(kernel)
    if kind == 'valid':
        return {'pads': [0] * count * 2}
    if kind == 'custom':
        both = work.wholes('pad')
        return {'pads': [*both[::2], *both[1::2]]}
    if kind in ('same', 'same_lower'):
        return {'auto_pad': 'SAME_UPPER' if kind == 'same' else 'SAME_LOWER'}
    raise work.refused(f'pads by {kind!r}')


def _conv(work: Work) -> str:
    weight, count = work.const('weight'), work.rank() - 2
    if weight is None:
        raise work.refused('its weights are computed')
    kernel, strides = list(weight.shape[2:]), work.wholes('strides', [1] * count)
    spread = work.wholes('dilations', [1] * count)
    bias = [work.value('bias')] if work.has('bias') else []
    return work.op(
        'Conv', work.value('x'), work.value('weight'), *bias, kernel_shape=kernel, strides=strides, dilations=spread,
        group=int(work.const('groups', 1)), **_pads(work, kernel, strides, spread),
    )  # fmt: skip


def _conv_transpose(work: Work) -> str:
    weight, count = work.const('weight'), work.rank() - 2
    kernel, strides = list(weight.shape[2:]), work.wholes('strides', [1] * count)
    spread = work.wholes('dilations', [1] * count)
    bias = [work.value('bias')] if work.has('bias') else []
    size = {'output_shape': work.wholes('output_shape')[2:]} if work.has('output_shape') else {}
    pads = {} if size else _pads(work, kernel, strides, spread)
    return work.op(
        'ConvTranspose', work.value('x'), work.value('weight'), *bias, kernel_shape=kernel, strides=strides,
        dilations=spread, group=int(work.const('groups', 1)), **pads, **size,
    )  # fmt: skip


def _pool(kind: str) -> Write:
    def write(work: Work) -> str:
        kernel = work.wholes('kernel_sizes')
        strides = work.wholes('strides', [1] * len(kernel))
        more: dict[str, Any] = {'ceil_mode': int(bool(work.const('ceil_mode', False)))}
        if kind == 'AveragePool':
            more['count_include_pad'] = int(not work.const('exclude_padding_from_average', False))
        pads = _pads(work, kernel, strides, [1] * len(kernel))
        return work.op(kind, work.value('x'), kernel_shape=kernel, strides=strides, **pads, **more)

    return write


def _linear(work: Work) -> str:
    turned = work.op('Transpose', work.value('weight'), perm=[1, 0])
    product = work.op('MatMul', work.value('x'), turned)
    return work.op('Add', product, work.value('bias')) if work.has('bias') else product


def _matmul(work: Work) -> str:
    sides = []
    for name in 'xy':
        value, rank = work.value(name), work.rank(name)
        if work.const(f'transpose_{name}', False):
            value = work.op('Transpose', value, perm=[*range(rank - 2), rank - 1, rank - 2])
        sides.append(value)
    return work.op('MatMul', *sides)


def _batch_norm(work: Work) -> str:
    import numpy as np

    count = work.const('mean').size
    parts = [
        work.value(n) if work.has(n) else work.graph.floats(np.full(count, d), n)
        for n, d in (('gamma', 1), ('beta', 0))
    ]
    epsilon = float(work.const('epsilon', 1e-5))
    return work.op(
        'BatchNormalization', work.value('x'), *parts, work.value('mean'), work.value('variance'), epsilon=epsilon
    )


def _normalized(work: Work, axes: list[int]) -> str:
    value = work.value('x')
    centred = work.op('Sub', value, work.op('ReduceMean', value, axes=axes, keepdims=1))
    variance = work.op('ReduceMean', work.op('Mul', centred, centred), axes=axes, keepdims=1)
    root = work.op('Sqrt', work.op('Add', variance, work.scalar(float(work.const('epsilon', 1e-5)), 'epsilon')))
    return work.op('Div', centred, root)


def _layer_norm(work: Work) -> str:
    axes = sorted(axis % work.rank() for axis in work.wholes('axes'))
    made = _normalized(work, axes)
    made = work.op('Mul', made, work.value('gamma')) if work.has('gamma') else made
    return work.op('Add', made, work.value('beta')) if work.has('beta') else made


def _instance_norm(work: Work) -> str:
    made, rank = _normalized(work, list(range(2, work.rank()))), work.rank()
    for name, kind in (('gamma', 'Mul'), ('beta', 'Add')):
        if work.has(name):
            wide = work.op('Unsqueeze', work.value(name), work.vector(range(1, rank - 1), 'axes'))
            made = work.op(kind, made, wide)
    return made


def _softmax(work: Work) -> str:
    return work.op('Softmax', work.value('x'), axis=int(work.const('axis', -1)))


def _gelu(work: Work) -> str:
    if str(work.const('mode', 'EXACT')) != 'EXACT':
        raise work.refused(f'is an approximation ({work.const("mode")})')
    value = work.value('x')
    inner = work.op('Erf', work.op('Mul', value, work.scalar(0.7071067811865476, 'root')))
    return work.op('Mul', work.op('Mul', value, work.scalar(0.5, 'half')), work.op('Add', inner, work.scalar(1, 'one')))


def _silu(work: Work) -> str:
    return work.op('Mul', work.value('x'), work.op('Sigmoid', work.value('x')))


def _prelu(work: Work) -> str:
    slope = work.op('Unsqueeze', work.value('alpha'), work.vector(range(1, work.rank() - 1), 'axes'))
    return work.op('PRelu', work.value('x'), slope if work.rank() > 2 else work.value('alpha'))


def _clip(low: str, high: str, least: float = 0, most: float = 0) -> Write:
    def write(work: Work) -> str:
        ends = [float(work.const(name, default)) for name, default in ((low, least), (high, most))]
        return work.op('Clip', work.value('x'), work.scalar(ends[0], 'min'), work.scalar(ends[1], 'max'))

    return write


def _shifted(kind: str) -> Write:
    """Log, reciprocal and reciprocal root add a small number first."""

    def write(work: Work) -> str:
        value, small = work.value('x'), float(work.const('epsilon', 0) or 0)
        value = work.op('Add', value, work.scalar(small, 'epsilon')) if small else value
        return work.op('Reciprocal', work.op('Sqrt', value)) if kind == 'Rsqrt' else work.op(kind, value)

    return write


def _square(work: Work) -> str:
    return work.op('Mul', work.value('x'), work.value('x'))


def _reduce(kind: str) -> Write:
    def write(work: Work) -> str:
        axes = work.wholes('axes', list(range(work.rank())))
        keep = int(bool(work.const('keep_dims', False)))
        if kind == 'ReduceSum':
            return work.op(kind, work.value('x'), work.vector(axes, 'axes'), keepdims=keep)
        return work.op(kind, work.value('x'), axes=axes, keepdims=keep)

    return write


def _arg(kind: str) -> Write:
    def write(work: Work) -> str:
        from onnx import TensorProto

        keep = int(bool(work.const('keep_dims', False)))
        made = work.op(kind, work.value('x'), axis=int(work.const('axis', -1)), keepdims=keep)
        return work.op('Cast', made, to=TensorProto.INT32)

    return write


def _pad(work: Work) -> str:
    pads, mode, rank = work.wholes('pad'), str(work.const('mode', 'constant')), work.rank()
    words = {'constant': 'constant', 'reflect': 'reflect', 'replicate': 'edge'}
    if mode not in words:
        raise work.refused(f'pads by {mode!r}')
    begin, end = pads[::2], pads[1::2]
    before = [0] * (rank - len(begin))
    value = [work.scalar(float(work.const('constant_val', 0)), 'value')] if mode == 'constant' else []
    return work.op(
        'Pad', work.value('x'), work.vector([*before, *begin, *before, *end], 'pads'), *value, mode=words[mode]
    )


def _values(work: Work) -> list[str]:
    return [work.of(each) for each in work.operation.inputs['values']]


def _concat(work: Work) -> str:
    if work.const('interleave', False):
        raise work.refused('interleaves')
    return work.op('Concat', *_values(work), axis=int(work.const('axis')))


def _stack(work: Work) -> str:
    axis = int(work.const('axis'))
    return work.op('Concat', *(work.op('Unsqueeze', v, work.vector([axis], 'axis')) for v in _values(work)), axis=axis)


def _split(work: Work) -> Sequence[str]:
    axis, names = int(work.const('axis')), [each.name for each in work.operation.outputs]
    sizes = [int(each.shape[axis]) for each in work.operation.outputs]
    if len(names) == 1:
        return [work.value('x')]
    return work.graph.ops(
        'Split', work.value('x'), work.vector(sizes, 'split'), name=names[0], count=len(names), axis=axis
    )


def _transpose(work: Work) -> str:
    return work.op('Transpose', work.value('x'), perm=[axis % work.rank() for axis in work.wholes('perm')])


def _axes(kind: str) -> Write:
    def write(work: Work) -> str:
        axes = work.wholes('axes', []) if work.has('axes') else []
        return work.op(kind, work.value('x'), *([work.vector(axes, 'axes')] if axes else []))

    return write


def _cast(work: Work) -> str:
    from onnx import TensorProto

    word = str(work.const('dtype'))
    kinds = {'fp16': 'FLOAT', 'fp32': 'FLOAT', 'int32': 'INT32', 'bool': 'BOOL', 'int64': 'INT64', 'int8': 'INT8'}
    if word not in kinds:
        raise work.refused(f'casts to {word}')
    return work.op('Cast', work.value('x'), to=getattr(TensorProto, kinds[word]))


def _gather(work: Work) -> str:
    if int(work.const('batch_dims', 0) or 0):
        raise work.refused('takes by samples (batch_dims)')
    return work.op('Gather', work.value('x'), work.value('indices'), axis=int(work.const('axis', 0)))


def _select(work: Work) -> str:
    return work.op('Where', work.value('cond'), work.value('a'), work.value('b'))


def _nearest(work: Work) -> str:
    factors = [float(work.const(f'scale_factor_{side}', 1)) for side in ('height', 'width')]
    scales = work.graph.floats([1, 1, *factors], f'{work.operation.outputs[0].name}.scales')
    how = {'mode': 'nearest', 'coordinate_transformation_mode': 'asymmetric', 'nearest_mode': 'floor'}
    return work.op('Resize', work.value('x'), '', scales, **how)


def _bilinear(work: Work) -> str:
    factors = [float(work.const(f'scale_factor_{side}', 1)) for side in ('height', 'width')]
    scales = work.graph.floats([1, 1, *factors], f'{work.operation.outputs[0].name}.scales')
    how = 'align_corners' if work.const('align_corners', True) else 'half_pixel'
    if how == 'half_pixel' and not work.const('half_pixel_centers', True):
        how = 'asymmetric'
    return work.op('Resize', work.value('x'), '', scales, mode='linear', coordinate_transformation_mode=how)


def _attention(work: Work) -> str:
    import math

    query, key, rank = work.value('query'), work.value('key'), work.rank('query')
    turned = work.op('Transpose', key, perm=[*range(rank - 2), rank - 1, rank - 2])
    scale = 1 / math.sqrt(work.sizes('query')[-1])
    scores = work.op('Mul', work.op('MatMul', query, turned), work.scalar(scale, 'scale'))
    if work.has('attn_mask'):
        if work.operation.inputs['attn_mask'].dtype.__name__ == 'bool':
            raise work.refused('has a mask of true and false')
        scores = work.op('Add', scores, work.value('attn_mask'))
    return work.op('MatMul', work.op('Softmax', scores, axis=-1), work.value('value'))


def _identity(work: Work) -> str:
    return work.value('x')


def _floor_div(work: Work) -> str:
    return work.op('Floor', work.op('Div', work.value('x'), work.value('y')))


_UNARY: Final = {
    'relu': 'Relu', 'sigmoid': 'Sigmoid', 'tanh': 'Tanh', 'softsign': 'Softsign', 'softplus': 'Softplus', 'exp': 'Exp',
    'sqrt': 'Sqrt', 'abs': 'Abs', 'sign': 'Sign', 'floor': 'Floor', 'ceil': 'Ceil', 'round': 'Round', 'sin': 'Sin',
    'cos': 'Cos', 'tan': 'Tan', 'asin': 'Asin', 'acos': 'Acos', 'atan': 'Atan', 'sinh': 'Sinh', 'cosh': 'Cosh',
    'atanh': 'Atanh', 'erf': 'Erf', 'logical_not': 'Not',
}  # fmt: skip
_BINARY: Final = {
    'add': 'Add', 'sub': 'Sub', 'mul': 'Mul', 'real_div': 'Div', 'pow': 'Pow', 'maximum': 'Max', 'minimum': 'Min',
    'equal': 'Equal', 'greater': 'Greater', 'greater_equal': 'GreaterOrEqual', 'less': 'Less',
    'less_equal': 'LessOrEqual',
    'logical_and': 'And', 'logical_or': 'Or', 'logical_xor': 'Xor',
}  # fmt: skip
_REDUCE: Final = {
    'reduce_sum': 'ReduceSum', 'reduce_mean': 'ReduceMean', 'reduce_max': 'ReduceMax', 'reduce_min': 'ReduceMin',
    'reduce_prod': 'ReduceProd', 'reduce_l1_norm': 'ReduceL1', 'reduce_l2_norm': 'ReduceL2',
    'reduce_sum_square': 'ReduceSumSquare', 'reduce_log_sum': 'ReduceLogSum', 'reduce_log_sum_exp': 'ReduceLogSumExp',
}  # fmt: skip

OPERATORS: Final[Mapping[str, Write]] = {
    **{word: _unary(kind) for word, kind in _UNARY.items()},
    **{word: _binary(kind) for word, kind in _BINARY.items()},
    **{word: _reduce(kind) for word, kind in _REDUCE.items()},
    **shapes.OPERATORS,
    **loops.OPERATORS,
    **steps.OPERATORS,
    'floor_div': _floor_div,
    'identity': _identity,
    'log': _shifted('Log'),
    'inverse': _shifted('Reciprocal'),
    'rsqrt': _shifted('Rsqrt'),
    'square': _square,
    'leaky_relu': _told('LeakyRelu', alpha=('alpha', 0.01)),
    'elu': _told('Elu', alpha=('alpha', 1.0)),
    'thresholded_relu': _told('ThresholdedRelu', alpha=('alpha', 1.0)),
    'sigmoid_hard': _told('HardSigmoid', alpha=('alpha', 0.2), beta=('beta', 0.5)),
    'prelu': _prelu,
    'relu6': _clip('', '', 0, 6),
    'clip': _clip('alpha', 'beta'),
    'gelu': _gelu,
    'silu': _silu,
    'softmax': _softmax,
    'conv': _conv,
    'conv_transpose': _conv_transpose,
    'linear': _linear,
    'matmul': _matmul,
    'max_pool': _pool('MaxPool'),
    'avg_pool': _pool('AveragePool'),
    'batch_norm': _batch_norm,
    'layer_norm': _layer_norm,
    'instance_norm': _instance_norm,
    'scaled_dot_product_attention': _attention,
    'reduce_argmax': _arg('ArgMax'),
    'reduce_argmin': _arg('ArgMin'),
    'pad': _pad,
    'concat': _concat,
    'stack': _stack,
    'split': _split,
    'transpose': _transpose,
    'expand_dims': _axes('Unsqueeze'),
    'squeeze': _axes('Squeeze'),
    'cast': _cast,
    'gather': _gather,
    'select': _select,
    'upsample_nearest_neighbor': _nearest,
    'upsample_bilinear': _bilinear,
}

_REST: Final = (
    'einsum', 'band_part', 'cumsum', 'topk', 'argsort', 'one_hot', 'non_zero', 'scatter_nd', 'gather_nd',
    'gather_along_axis', 'scatter_along_axis', 'l2_norm', 'local_response_norm', 'l2_pool', 'pixel_shuffle',
    'pixel_unshuffle', 'depth_to_space', 'space_to_depth', 'reverse_sequence', 'sliding_windows', 'exp2', 'mod',
    'not_equal', 'clamped_relu', 'linear_activation', 'scaled_tanh', 'softplus_parametric', 'flatten2d',
    'non_maximum_suppression', 'crop_resize', 'resize', 'resize_bilinear', 'affine', 'resample',
)  # fmt: skip
_CHANCE: Final = ('random_normal', 'random_uniform', 'random_bernoulli', 'random_categorical')

NOT_READ: Final[Mapping[str, str]] = {
    **dict.fromkeys(('read_state', 'coreml_update_state'), 'keeps state from call to call'),
    **dict.fromkeys(('make_list', 'list_read', 'list_write', 'list_gather'), 'keeps a list'),
    **dict.fromkeys(('custom', 'classify'), 'is code from elsewhere, or makes words'),
    **dict.fromkeys(_CHANCE, 'is random'),
    **dict.fromkeys(_REST, 'is not read'),
}
"""Documented operations that are not read, and why."""
