"""What the graph of a SavedModel may do, decided before TensorFlow loads it: its operators are of a list."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator
from typing import Any, Final

from stages.errors import IntegrityError, UnsupportedError
from stages.frameworks.tensorflow import saver
from stages.frameworks.tensorflow.operators import OPERATORS

SCREENS: Final = (b'stdout', b'stderr', b'log(info)', b'log(warning)', b'log(error)')
"""Where PrintV2 may print to; anything else is a file."""

QUIET: Final = ('Const', 'Identity', 'NoOp', 'Placeholder', 'PartitionedCall', 'StatefulPartitionedCall')
"""What computes nothing itself."""

CONSTANTS: Final = 4 << 30
"""Bytes of all constants that one number in the file stands for, once they are laid out."""

Node = tuple[str, Any]
"""Where it is, and what."""


def check(file: str, graph: Any) -> None:
    """
    Raise UnsupportedError unless all operators are of the list, in the graph and in every function of its library.

    What saves and restores the model, which nobody runs who asks it, may do that besides.
    """
    saves = saver.allowance(graph)
    functions = {f.signature.name: f for f in graph.graph_def.library.function}
    foreign: dict[str, str] = {}
    size = 0
    for where, node in _nodes(graph):
        if not _may(node, functions) and not saves(where, node):
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


def counted(graph: Any) -> dict[str, int]:
    """Return how many nodes of each operator the answers take, each function counted once; the most frequent first."""
    functions = {f.signature.name: f for f in graph.graph_def.library.function}
    outputs = [out.name for signature in graph.signature_def.values() for out in signature.outputs.values()]
    nodes = _behind(outputs, {node.name: node for node in graph.graph_def.node})
    seen: set[str] = set()
    found: Counter[str] = Counter()
    while nodes:
        node = nodes.pop()
        found[node.op] += node.op not in QUIET
        called = [a.func.name for a in node.attr.values()] + [f.name for a in node.attr.values() for f in a.list.func]
        for name in {*called, node.op} & functions.keys() - seen:
            seen.add(name)
            nodes += functions[name].node_def
    return {name: count for name, count in found.most_common() if count and name not in functions}


def _behind(outputs: list[str], nodes: dict[str, Any]) -> list[Any]:
    """Return the nodes of the outermost graph that ``outputs``, names of tensors, are computed from."""
    waiting, found = [_node(name) for name in outputs], dict[str, Any]()
    while waiting:
        name = waiting.pop()
        if name in nodes and name not in found:
            found[name] = nodes[name]
            waiting += [_node(taken) for taken in nodes[name].input]
    return [*found.values()]


def _node(tensor: str) -> str:
    return tensor.removeprefix('^').partition(':')[0]


def _nodes(graph: Any) -> Iterator[Node]:
    """Give every node with the name of its function; of the graph itself, with none."""
    for node in graph.graph_def.node:
        yield '', node
    for function in graph.graph_def.library.function:
        for node in function.node_def:
            yield function.signature.name, node


def _may(node: Any, functions: Any) -> bool:
    from tensorflow.python.framework import op_def_registry

    if node.op == 'PrintV2':
        return node.attr['output_stream'].s in (b'', *SCREENS)
    if node.op in OPERATORS:
        return True
    # a function may be called by its name; one that is called as an operator of TensorFlow is not it
    return node.op in functions and op_def_registry.get(node.op) is None


def _bytes(file: str, tensor: Any) -> int:
    """Return the bytes that a constant takes beyond those that lie in the file."""
    from tensorflow.python.framework import dtypes

    sizes = [int(dim.size) for dim in tensor.tensor_shape.dim]
    if any(size < 0 for size in sizes):
        raise IntegrityError(f'{file}: a constant of the shape {sizes}')
    item: int = dtypes.as_dtype(tensor.dtype).size or 8
    return 0 if tensor.tensor_content else math.prod(sizes) * item
