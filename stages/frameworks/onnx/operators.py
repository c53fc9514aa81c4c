"""Which operators an ONNX model holds, and which of its nodes a recipe means."""

from __future__ import annotations

import fnmatch
from collections import Counter
from typing import TYPE_CHECKING

from stages.errors import StepError
from stages.frameworks.onnx import walk
from stages.frameworks.onnx.names import name_nodes

if TYPE_CHECKING:
    import onnx


def operators(model: onnx.ModelProto) -> set[str]:
    """Return the operators of the graph and of the graphs inside it."""
    return {node.op_type for node in walk.nodes(model.graph)}


def count(model: onnx.ModelProto, operators: set[str]) -> int:
    """Return how many nodes, of the graph and of those inside it, are one of ``operators``."""
    return sum(node.op_type in operators for node in walk.nodes(model.graph))


def counted(model: onnx.ModelProto) -> dict[str, int]:
    """Return how many nodes of each operator there are, also in inner graphs and functions; the most frequent first."""
    nodes = [*walk.nodes(model.graph), *(node for f in model.functions for node in walk.nodes(f))]
    return dict(Counter(f'{n.domain}.{n.op_type}' if n.domain else n.op_type for n in nodes).most_common())


def operators_by_domain(model: onnx.ModelProto) -> set[tuple[str, str]]:
    """Return (domain, operator) of all nodes, those in the model's functions too."""
    found = {(node.domain, node.op_type) for node in walk.nodes(model.graph)}
    return found | {(n.domain, n.op_type) for f in model.functions for n in walk.nodes(f)}


def named(model: onnx.ModelProto, globs: tuple[str, ...]) -> list[str]:
    """
    Return the names of nodes that match ``globs``, also inside inner graphs; a glob that matches none is a mistake.

    Nodes get names of their own first, so that what is returned means these nodes and no others.
    """
    nodes = list(walk.nodes(model.graph))
    names = [node.name for node in nodes]
    for glob in globs:
        if not any(fnmatch.fnmatchcase(name, glob) for name in names):
            raise StepError(f'no node is called {glob!r}; there are {", ".join(n for n in names[:12] if n)} …')
    name_nodes(model)
    return [
        node.name
        for node, name in zip(nodes, names, strict=True)
        if any(fnmatch.fnmatchcase(name, glob) for glob in globs)
    ]
