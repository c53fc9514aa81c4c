"""What a TensorFlow function changes while it runs: variables that would go on into the next call."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any, Final

CHANGES: Final = re.compile(r'Assign\w*VariableOp|ResourceScatter\w+|ResourceStridedSliceAssign|ResourceApply\w+')
"""Operators that write into the variable that is their first input."""

HANDS_ON: Final = {'Identity', 'Enter', 'Switch'}
"""Operators behind which the variable is still the same."""


def changed(function: Any) -> list[Any]:
    """Return the variables that the concrete ``function``, or one that it calls, writes into."""
    graph = function.graph.as_graph_def()
    library = {f.signature.name: f for f in graph.library.function}
    written = _written(graph.node, library, {})
    handles = [outer for outer, inner in function.graph.captures if _value(inner.name) in written]
    return [v for v in function.graph.variables if any(v.handle is handle for handle in handles)]


def reread(function: Any) -> list[str]:
    """Return the operators, in the function or in one that it calls, that read a variable which was just written."""
    graph = function.graph.as_graph_def()
    found = []
    for nodes in (graph.node, *(f.node_def for f in graph.library.function)):
        written = {node.name: _value(node.input[0]) for node in nodes if CHANGES.fullmatch(node.op)}
        for node in nodes:
            before = {written.get(name[1:]) for name in node.input if name.startswith('^')}
            if node.op == 'ReadVariableOp' and _value(node.input[0]) in before:
                found.append(node.name)
    return found


def _written(nodes: Iterable[Any], library: Mapping[str, Any], known: dict[str, set[str]]) -> set[str]:
    """Return the names of the values, arguments of a function among them, that hold variables written into."""
    found: set[str] = set()
    sources = {}
    for node in nodes:
        given = [_value(name) for name in node.input if not name.startswith('^')]
        if node.op in HANDS_ON and given:
            sources[node.name] = given[0]
        if CHANGES.fullmatch(node.op):
            found.add(given[0])
        # a branch gets what follows the condition, a loop or a call everything
        passed = given[1:] if node.op in ('If', 'StatelessIf', 'Case', 'StatelessCase') else given
        for name in _called(node):
            if name in library:
                arguments = [a.name for a in library[name].signature.input_arg]
                inner = _of_function(name, library, known)
                found |= {outer for outer, own in zip(passed, arguments, strict=False) if own in inner}
    for name in list(found):
        while name in sources:
            name = sources[name]
            found.add(name)
    return found


def _of_function(name: str, library: Mapping[str, Any], known: dict[str, set[str]]) -> set[str]:
    if name not in known:
        known[name] = set()  # a function that calls itself adds nothing
        known[name] = _written(library[name].node_def, library, known)
    return known[name]


def _called(node: Any) -> Iterable[str]:
    for value in node.attr.values():
        if value.HasField('func'):
            yield value.func.name
        yield from (function.name for function in value.list.func)


def _value(name: str) -> str:
    return name.split(':')[0]
