"""The order of a graph's computation: the same whatever its nodes are called and wherever they stood before."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from stages.frameworks.onnx import walk


def reached(ends: Iterable[int], before: Mapping[int, Sequence[int]]) -> list[int]:
    """Return ``ends`` and all that they need, each number behind those that ``before`` has for it; in their order.

    A depth-first walk, without recursion: graphs are deeper than Python's stack.
    """
    order: dict[int, None] = {}
    for end in ends:
        waiting = [(end, False)]
        while waiting:
            number, seen = waiting.pop()
            if number in order:
                continue
            if seen:
                order[number] = None
                continue
            waiting.append((number, True))
            waiting += [(each, False) for each in reversed(before[number]) if each not in order]
    return list(order)


def put_in_order(model: Any) -> None:
    """Sort the nodes of a model, in every graph: each after what it takes, in the order in which outputs reach them."""
    for graph in walk.every_graph(model.graph):
        makers = {name: at for at, node in enumerate(graph.node) for name in node.output if name}
        ends = [makers[value.name] for value in graph.output if value.name in makers]
        ends += sorted(range(len(graph.node)), key=lambda at: _told(graph.node[at]))  # those that no output needs
        taken = [(*node.input, *sorted(walk.taken(node) - {*node.input})) for node in graph.node]
        before = {at: [makers[name] for name in names if name in makers] for at, names in enumerate(taken)}
        order = reached(ends, before)
        if order != sorted(order):
            walk.replace(graph.node, [graph.node[at] for at in order])


def _told(node: Any) -> tuple[str, ...]:
    return (node.op_type, *node.input, *node.output)
