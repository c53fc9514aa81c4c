"""Layers of Core ML neural networks that reduce axes, or look for what is largest."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from stages.frameworks.coreml.layer import Layer, Write
from stages.frameworks.coreml.pointwise import FLOAT


def _axes(layer: Layer) -> list[int]:
    rank = layer.rank(layer.x)
    told = list(range(rank)) if layer.told.reduceAll else [int(each) for each in layer.told.axes]
    if not told or any(not -rank <= each < rank for each in told):
        raise layer.refused(f'reduces axes {told} of {list(layer.shape(layer.x))}')
    return told


def _reduced(kind: str) -> Write:
    def write(layer: Layer) -> str:
        axes, keep = _axes(layer), int(layer.told.keepDims)
        if kind == 'ReduceSum':  # the only one that takes its axes as an input in this version of ONNX
            made = layer.op(kind, layer.x, layer.wholes(axes, 'axes'), keepdims=keep)
        else:
            made = layer.op(kind, layer.x, axes=axes, keepdims=keep)
        return made if layer.rank(made) else layer.reshaped(made, (1,))

    return write


def _old_reduced(layer: Layer) -> str:
    told = layer.told
    kind, axis = told.ReduceOperation.Name(told.mode), told.ReduceAxis.Name(told.axis)
    axes = {'CHW': [-3, -2, -1], 'HW': [-2, -1], 'C': [-3], 'H': [-2], 'W': [-1]}[axis]
    if kind == 'ARGMAX':
        if len(axes) > 1:
            raise layer.refused(f'takes the largest of {axis}; expected one axis')
        return layer.pointwise(lambda x: layer.cast(layer.op('ArgMax', x, axis=axes[0], keepdims=1), FLOAT), layer.x)
    if kind in ('SUM', 'LOGSUM'):
        tiny = float(told.epsilon) or 1e-6

        def write(x: str) -> str:
            given = layer.op('Log', layer.op('Add', x, layer.const(tiny, 'tiny'))) if kind == 'LOGSUM' else x
            return layer.op('ReduceSum', given, layer.wholes(axes, 'axes'), keepdims=1)

        return layer.pointwise(write, layer.x)
    named = {
        'AVG': 'ReduceMean', 'PROD': 'ReduceProd', 'SUMSQUARE': 'ReduceSumSquare', 'L1': 'ReduceL1', 'L2': 'ReduceL2',
        'MAX': 'ReduceMax', 'MIN': 'ReduceMin',
    }  # fmt: skip
    return layer.pointwise(lambda x: layer.op(named[kind], x, axes=axes, keepdims=1), layer.x)


def _extreme(kind: str) -> Write:
    def write(layer: Layer) -> str:
        keep = not layer.told.removeDim or layer.rank(layer.x) == 1
        found = layer.op(kind, layer.x, axis=int(layer.told.axis), keepdims=int(keep))
        return layer.cast(found, FLOAT)

    return write


def _top(layer: Layer) -> list[str]:
    if len(layer.inputs) > 1:
        raise layer.refused('how many are chosen is computed')
    count = layer.wholes([int(layer.told.K)], 'count')
    values, places = layer.ops(
        'TopK', layer.x, count, count=2, axis=int(layer.told.axis), largest=int(not layer.told.useBottomK), sorted=1
    )
    return [values, layer.cast(places, FLOAT)][: len(layer.spec.output)]


def _sorted(layer: Layer) -> str:
    axis = int(layer.told.axis)
    count = layer.wholes([layer.shape(layer.x)[axis]], 'count')
    _, places = layer.ops('TopK', layer.x, count, count=2, axis=axis, largest=int(layer.told.descending), sorted=1)
    return layer.cast(places, FLOAT)


LAYERS: Final[Mapping[str, Write]] = {
    'reduce': _old_reduced,
    **{
        f'reduce{word}': _reduced(f'Reduce{word}')
        for word in ('L1', 'L2', 'Max', 'Min', 'Sum', 'Prod', 'Mean', 'LogSum', 'SumSquare', 'LogSumExp')
    },
    'argMax': _extreme('ArgMax'),
    'argMin': _extreme('ArgMin'),
    'topK': _top,
    'argSort': _sorted,
}
