"""A symbol of MXNet, read as data: a flat list of nodes, each with its operator, attributes and inputs."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from stages.errors import IntegrityError, UnsupportedError
from stages.frameworks.mxnet.operators import HEADS, LOSSES, OPERATORS

LARGEST: Final = 1 << 26
"""Bytes of a symbol; real ones have some hundred thousand."""
MOST: Final = 100_000
MOST_HEADS: Final = 1_000
VARIABLE: Final = 'null'


@dataclass(frozen=True)
class Node:
    """A node: a variable (``null``), or an operator on outputs of nodes before it."""

    op: str
    name: str
    attrs: Mapping[str, str]
    inputs: tuple[tuple[int, int], ...]
    """Of each: which node, and which output of that."""


@dataclass(frozen=True)
class Symbol:
    """What the file says."""

    file: str
    nodes: tuple[Node, ...]
    heads: tuple[tuple[int, int], ...]
    version: str
    """Of MXNet, as the file has it."""

    @property
    def variables(self) -> list[str]:
        """The names of what is not computed: inputs and weights, in order."""
        return [node.name for node in self.nodes if node.op == VARIABLE]

    @property
    def outputs(self) -> list[str]:
        """What MXNet calls the outputs."""
        return [self.called(*head) for head in self.heads]

    def called(self, node: int, place: int) -> str:
        """Return what an output of a node is called; of an operator with several they are numbered."""
        found = self.nodes[node]
        if found.op == VARIABLE:
            return found.name
        several = any(at for each in self.nodes for of, at in each.inputs if of == node) or place
        several = several or any(of == node and at for of, at in self.heads)
        return f'{found.name}_output{place}' if several else f'{found.name}_output'


def read(path: Path) -> Symbol:
    """Return the symbol at ``path``. Raises IntegrityError for what is none."""
    if path.stat().st_size > LARGEST:
        raise IntegrityError(f'{path.name}: larger than any symbol')
    try:
        said = json.loads(path.read_bytes())
        nodes = tuple(_node(place, each) for place, each in enumerate(said['nodes']))
        heads = tuple((int(head[0]), int(head[1])) for head in said['heads'])
        version = str((said.get('attrs') or {}).get('mxnet_version', ['', ''])[1])
    except (ValueError, KeyError, TypeError, IndexError, AttributeError, RecursionError) as error:
        what = f'{type(error).__name__}: {str(error)[:200]}'
        raise IntegrityError(f'{path.name}: not a symbol of MXNet, or a damaged one: {what}') from error
    fits = 0 < len(nodes) <= MOST and 0 < len(heads) <= MOST_HEADS
    if not fits or any(not 0 <= of < len(nodes) or at < 0 for of, at in heads):
        raise IntegrityError(f'{path.name}: {len(nodes)} nodes and {len(heads)} outputs make no symbol')
    names = [node.name for node in nodes]
    if twice := next((name for name in names if names.count(name) > 1), None) if len({*names}) < len(names) else None:
        raise IntegrityError(f'{path.name}: two nodes are called {twice!r}')
    return Symbol(path.name, nodes, heads, version)


def _node(place: int, said: Any) -> Node:
    inputs = tuple((int(each[0]), int(each[1])) for each in said['inputs'])
    if any(not 0 <= of < place or at < 0 for of, at in inputs):
        raise ValueError(f'node {place} takes what is not before it')
    if said.get('subgraphs'):
        raise ValueError(f'node {place} ({said["op"]}) has graphs inside, which are not read')
    attrs = said.get('attrs') or said.get('attr') or said.get('param') or {}
    return Node(str(said['op']), str(said['name']), {str(k): str(v) for k, v in attrs.items()}, inputs)


def check(symbol: Symbol) -> None:
    """Raise UnsupportedError with every operator that is not of the list, and heads that only training has."""
    foreign = {node.op: None for node in symbol.nodes if node.op not in OPERATORS and node.op != VARIABLE}
    loss = [f'{op} is of training' for op in foreign if op in LOSSES]
    rest = [op for op in foreign if op not in LOSSES]
    if foreign:
        words = [*loss, *([f'not for inference, or not known here: {", ".join(rest[:8])}'] if rest else [])]
        cut = '\nname an output before it: output: [NAME_output]' if loss else ''
        raise UnsupportedError(f'{symbol.file}: {"; ".join(words)}{cut}')


def cut(symbol: Symbol, outputs: Sequence[str]) -> Symbol:
    """
    Return the symbol that gives ``outputs`` (its own, where none are named), and has nothing else.

    Heads of classifiers that also take labels become what they are without them: Softmax.
    """
    heads = [_found(symbol, name) for name in outputs] if outputs else list(symbol.heads)
    nodes: list[Node] = []
    places: dict[int, int] = {}
    for place in _needed(symbol, heads):
        node = symbol.nodes[place]
        taken = node.inputs[:1] if node.op in HEADS else node.inputs
        kept = tuple((places[of], at) for of, at in taken)
        if node.op in HEADS:
            flat = node.attrs.get('multi_output', '0') not in ('1', 'True', 'true')
            if flat and node.attrs.get('preserve_shape', '0') not in ('1', 'True', 'true'):
                nodes.append(Node('Flatten', f'{node.name}_flat', {}, kept))
                kept = ((len(nodes) - 1, 0),)
            node = Node('softmax', node.name, {'axis': '-1' if flat else '1'}, kept)
        else:
            node = Node(node.op, node.name, node.attrs, kept)
        nodes.append(node)
        places[place] = len(nodes) - 1
    return Symbol(symbol.file, tuple(nodes), tuple((places[of], at) for of, at in heads), symbol.version)


def _found(symbol: Symbol, name: str) -> tuple[int, int]:
    for place, node in enumerate(symbol.nodes):
        if node.op != VARIABLE and name.startswith(f'{node.name}_output'):
            at = name.removeprefix(f'{node.name}_output')
            if at == '' or at.isdecimal():
                return place, int(at or 0)
    last = [f'{node.name}_output' for node in symbol.nodes if node.op != VARIABLE][-5:]
    raise UnsupportedError(f'{symbol.file}: nothing in it gives {name!r}; the last are {", ".join(last)}')


def _needed(symbol: Symbol, heads: Iterable[tuple[int, int]]) -> list[int]:
    needed, waiting = set[int](), [of for of, _ in heads]
    while waiting:
        place = waiting.pop()
        if place in needed:
            continue
        needed.add(place)
        node = symbol.nodes[place]
        waiting += [of for of, _ in (node.inputs[:1] if node.op in HEADS else node.inputs)]
    return sorted(needed)


def text(symbol: Symbol) -> str:
    """Return the symbol as MXNet loads it."""
    nodes = [
        {'op': node.op, 'name': node.name, 'inputs': [[of, at, 0] for of, at in node.inputs]}
        | ({'attrs': dict(node.attrs)} if node.attrs else {})
        for node in symbol.nodes
    ]
    variables = [place for place, node in enumerate(symbol.nodes) if node.op == VARIABLE]
    version = int(symbol.version) if symbol.version.isdecimal() else 10900
    return json.dumps(
        {
            'nodes': nodes,
            'arg_nodes': variables,
            'node_row_ptr': list(range(len(nodes) + 1)),
            'heads': [[of, at, 0] for of, at in symbol.heads],
            'attrs': {'mxnet_version': ['int', version]},
        }
    )
