"""Walks over an ONNX graph that see the graphs inside it: what each defines, uses, and takes from around it."""

from __future__ import annotations

import heapq
import itertools
from collections.abc import Callable, Iterable, Iterator
from typing import Any


def graphs(node: Any) -> Iterator[Any]:
    """Yield the graphs that ``node`` holds: branches, the body of a loop."""
    for attribute in node.attribute:
        if attribute.HasField('g'):
            yield attribute.g
        yield from attribute.graphs


def messages(message: Any, kind: type[Any]) -> Iterator[Any]:
    """Yield every message of one kind wherever it stands in ``message``: in any field, of any message, at any depth."""
    waiting = [message]
    while waiting:
        part = waiting.pop()
        if isinstance(part, kind):
            yield part
        for field, value in part.ListFields():
            if field.message_type is not None:
                waiting += value if hasattr(value, 'append') else [value]


def every_graph(graph: Any) -> Iterator[Any]:
    """Yield ``graph`` and all graphs inside it."""
    yield graph
    for node in graph.node:
        for inner in graphs(node):
            yield from every_graph(inner)


def nodes(graph: Any) -> Iterator[Any]:
    """Yield the nodes of ``graph`` (or of a function) and of the graphs inside it."""
    for node in graph.node:
        yield node
        for inner in graphs(node):
            yield from nodes(inner)


def weights(graph: Any) -> set[str]:
    """Return the names of the weights of ``graph``, sparse ones too."""
    return {w.name for w in graph.initializer} | {w.values.name for w in graph.sparse_initializer}


def defined(graph: Any) -> set[str]:
    """Return every name that ``graph`` itself gives a value to."""
    made = {name for node in graph.node for name in node.output if name}
    return made | {v.name for v in graph.input} | weights(graph)


def taken(node: Any) -> set[str]:
    """Return the names that ``node`` takes from its graph, also those that only graphs inside it use."""
    names = {name for name in node.input if name}
    for inner in graphs(node):
        names |= captured(inner)
    return names


def used(graph: Any) -> set[str]:
    """Return the names that somebody in ``graph`` needs: its nodes, graphs inside them, its outputs."""
    names = {value.name for value in graph.output}
    for node in graph.node:
        names |= taken(node)
    return names


def captured(graph: Any) -> set[str]:
    """Return the names that ``graph`` takes from the graphs around it."""
    return used(graph) - defined(graph)


def names(model: Any) -> set[str]:
    """Return every name of a value in ``model``'s graph and in the graphs inside it."""
    found: set[str] = set()
    for graph in every_graph(model.graph):
        found |= defined(graph) | {v.name for v in (*graph.output, *graph.value_info)}
        found.update(name for node in graph.node for name in node.input)
    return found


def unused(held: set[str]) -> Callable[[str], str]:
    """Return a function that makes a new name out of a word: the word itself while nothing is called so."""

    def fresh(word: str) -> str:
        name = word
        for number in itertools.count():
            if name not in held:
                break
            name = f'{word}_{number}'
        held.add(name)
        return name

    return fresh


def replace(field: Any, items: Iterable[Any]) -> None:
    """Put ``items``, some of which may be of the repeated ``field`` itself, in the place of what it holds."""
    copies = [type(item).FromString(item.SerializeToString()) for item in items]
    del field[:]
    field.extend(copies)


def put_in_order(graph: Any) -> None:
    """Sort the nodes so that each comes after what it takes, also what graphs inside it take; else they keep places."""
    makers = {name: at for at, node in enumerate(graph.node) for name in node.output if name}
    waits = [{makers[name] for name in taken(node) & makers.keys()} for node in graph.node]
    followers: dict[int, list[int]] = {}
    for at, before in enumerate(waits):
        for one in before:
            followers.setdefault(one, []).append(at)
    ready = [at for at, before in enumerate(waits) if not before]
    order = []
    while ready:
        at = heapq.heappop(ready)
        order.append(at)
        for one in followers.get(at, ()):
            waits[one].discard(at)
            if not waits[one]:
                heapq.heappush(ready, one)
    if order != sorted(order):
        replace(graph.node, [graph.node[at] for at in order])
