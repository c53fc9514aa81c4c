"""What the graph of a SavedModel may do, decided before TensorFlow loads it: its operators are of a list."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any, Final

from stages.errors import IntegrityError, UnsupportedError
from stages.frameworks.tensorflow.operators import OPERATORS, SAVING

SCREENS: Final = (b'stdout', b'stderr', b'log(info)', b'log(warning)', b'log(error)')
"""Where PrintV2 may print to; anything else is a file."""

CONSTANTS: Final = 4 << 30
"""Bytes of all constants that one number in the file stands for, once they are laid out."""

Node = tuple[str, Any]
"""Where it is, and what."""


def check(file: str, graph: Any) -> None:
    """
    Raise UnsupportedError unless all operators are of the list, in the graph and in every function of its library.

    The saver's own functions, which nobody calls who asks the model, may save and restore besides.
    """
    saver = _saver(graph)
    functions = {f.signature.name: f for f in graph.graph_def.library.function}
    of_saver = _alone(graph, saver, functions)
    foreign: dict[str, str] = {}
    size = 0
    for where, node in _nodes(graph):
        extra = SAVING if where in of_saver else frozenset[str]()
        if not _may(node, functions, extra):
            foreign.setdefault(node.op, where)
        if node.op == 'Const':
            size += _bytes(file, node.attr['value'].tensor)
    if foreign:
        listed = ', '.join(
            f'{op}{f" (function {where})" if where else ""}' for op, where in sorted(foreign.items())[:8]
        )
        raise UnsupportedError(
            f'{file}: its graph reaches outside the model, or holds what is not known here: {listed}\n'
            'what to try: export the model for serving, without files, Python, datasets or compiled code in its graph'
        )
    if size > CONSTANTS:
        raise IntegrityError(f'{file}: its constants take {size:,} bytes once laid out; at most {CONSTANTS:,} are read')


def _nodes(graph: Any) -> Iterator[Node]:
    """Give every node with the name of its function; of the graph itself, with none."""
    for node in graph.graph_def.node:
        yield '', node
    for function in graph.graph_def.library.function:
        for node in function.node_def:
            yield function.signature.name, node


def _may(node: Any, functions: Any, extra: frozenset[str]) -> bool:
    from tensorflow.python.framework import op_def_registry

    if node.op == 'PrintV2':
        return node.attr['output_stream'].s in (b'', *SCREENS)
    if node.op in OPERATORS or node.op in extra:
        return True
    # a function may be called by its name; one that is called as an operator of TensorFlow is not it
    return node.op in functions and op_def_registry.get(node.op) is None


def _saver(graph: Any) -> set[str]:
    """Return the names of the nodes that save and restore, and that neither another node nor a signature asks."""
    saver = graph.saver_def
    own = {name.split(':')[0] for name in (saver.save_tensor_name, saver.restore_op_name) if name}
    taken = {_base(name) for node in graph.graph_def.node for name in node.input}
    for about in graph.signature_def.values():
        taken |= {_base(info.name) for part in (about.inputs, about.outputs) for info in part.values()}
    return own - taken


def _alone(graph: Any, saver: set[str], functions: Any) -> set[str]:
    """Return the functions that the saver's nodes call, and nobody else."""
    called = {name for node in graph.graph_def.node if node.name not in saver for name in _calls(node)}
    called |= {name for f in functions.values() for node in f.node_def for name in _calls(node)}
    called |= set(graph.object_graph_def.concrete_functions)
    for part in graph.object_graph_def.nodes:
        called |= {*part.function.concrete_functions, part.bare_concrete_function.concrete_function_name}
    return {name for node in graph.graph_def.node if node.name in saver for name in _calls(node)} - called


def _calls(node: Any) -> Iterator[str]:
    yield node.op
    for value in node.attr.values():
        if value.HasField('func'):
            yield value.func.name
        yield from (function.name for function in value.list.func)


def _base(name: str) -> str:
    return name.removeprefix('^').split(':')[0]


def _bytes(file: str, tensor: Any) -> int:
    """Return the bytes that a constant takes beyond those that lie in the file."""
    from tensorflow.python.framework import dtypes

    sizes = [int(dim.size) for dim in tensor.tensor_shape.dim]
    if any(size < 0 for size in sizes):
        raise IntegrityError(f'{file}: a constant of the shape {sizes}')
    item: int = dtypes.as_dtype(tensor.dtype).size or 8
    return 0 if tensor.tensor_content else math.prod(sizes) * item
