"""Operations of Core ML programs that hold others: ``while_loop`` and ``cond``; and ``scatter``, which loops fill."""

from __future__ import annotations

from typing import Any, Final

from stages.frameworks.coreml.work import Work, Write
from stages.frameworks.onnx.build import Graph

BOOL, INT64 = 9, 7
KINDS: Final = {'fp16': 1, 'fp32': 1, 'fp64': 1, 'int32': 6, 'int64': 7, 'bool': 9}
"""ONNX's numbers for the program's types."""


def _once(work: Work, graph: Graph, value: str) -> str:
    """Return a truth of one number as ONNX wants it: without axes."""
    name = work.operation.outputs[0].name
    return graph.op('Reshape', value, graph.wholes([], f'{name}.once'), name=f'{name}.goes_on')


def _graph(work: Work, inner: Graph, inputs: list[Any], outputs: list[tuple[str, int]]) -> Any:
    """Return a graph inside the node; each of its outputs is a value of its own."""
    from onnx import helper

    name = work.operation.outputs[0].name
    made = [(inner.op('Identity', value, name=f'{name}.given'), kind) for value, kind in outputs]
    ends = [helper.make_tensor_value_info(value, kind, None) for value, kind in made]
    return helper.make_graph(inner.nodes, f'{name}.inner', inputs, ends)


def _kind(work: Work, value: Any) -> int:
    from coremltools.converters.mil.mil import types

    word = types.builtin_to_string(value.dtype)
    if word not in KINDS:
        raise work.refused(f'passes on {word}; expected numbers')
    return KINDS[word]


def _while(work: Work) -> list[str]:
    from onnx import helper

    asks, does = work.operation.blocks
    given = [work.of(each) for each in work.operation.inputs['loop_vars']]
    kinds = [_kind(work, each) for each in does.inputs]
    [begins] = work.inner(asks, work.graph, dict(zip((i.name for i in asks.inputs), given, strict=True)))
    inner = Graph([], work.graph.weights, work.graph.taken)
    names = [inner.name(f'{work.operation.outputs[0].name}.{word}') for word in ('turn', 'on')]
    passed = [inner.name(f'{each.name}.in') for each in does.inputs]
    found = work.inner(does, inner, dict(zip((i.name for i in does.inputs), passed, strict=True)))
    [goes_on] = work.inner(asks, inner, dict(zip((i.name for i in asks.inputs), found, strict=True)))
    inputs = [
        helper.make_tensor_value_info(names[0], INT64, []),
        helper.make_tensor_value_info(names[1], BOOL, []),
        *(helper.make_tensor_value_info(name, kind, None) for name, kind in zip(passed, kinds, strict=True)),
    ]
    ends = [(_once(work, inner, goes_on), BOOL), *zip(found, kinds, strict=True)]
    return work.graph.ops(
        'Loop', '', _once(work, work.graph, begins), *given, name=work.operation.outputs[0].name, count=len(given),
        body=_graph(work, inner, inputs, ends),
    )  # fmt: skip


def _cond(work: Work) -> list[str]:
    branches = []
    for block in work.operation.blocks:
        inner = Graph([], work.graph.weights, work.graph.taken)
        found = work.inner(block, inner, {})
        ends = [(value, _kind(work, each)) for value, each in zip(found, block.outputs, strict=True)]
        branches.append(_graph(work, inner, [], ends))
    return work.graph.ops(
        'If', _once(work, work.graph, work.value('pred')), name=work.operation.outputs[0].name,
        count=len(work.operation.outputs), then_branch=branches[0], else_branch=branches[1],
    )  # fmt: skip


def _scatter(work: Work) -> str:
    mode, axis = str(work.const('mode', 'update')), int(work.const('axis', 0))
    if axis or mode not in ('update', 'add', 'mul'):
        raise work.refused(f'puts numbers along axis {axis} by {mode}; read are update, add and mul along the first')
    places = work.op('Unsqueeze', work.sized('indices'), work.vector([-1], 'last'))
    how = {} if mode == 'update' else {'reduction': mode}
    return work.op('ScatterND', work.value('data'), places, work.value('updates'), **how)


OPERATORS: Final[dict[str, Write]] = {'while_loop': _while, 'cond': _cond, 'scatter': _scatter}
