"""``saved_model.pb`` as data: what its graph may do, and the one mend that models of Keras 2 need."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Any, Final

from stages.errors import UnsupportedError

OUTSIDE: Final = re.compile(
    r'.*PyFunc.*|ReadFile|WriteFile|.*MatchingFiles|Save.*|Restore.*|Merge.*Checkpoints.*|.*Dataset.*|.*Reader.*'
    r'|.*Summary.*|Debug.*|Dump.*|.*Rpc.*|Remote.*|Collective.*|_?(Host)?(Send|Recv)|.*TextFile.*|.*TPU.*'
)
"""Operators that read or write files, run Python, or talk to others. No model needs them to answer."""


def check(file: str, graph: Any) -> None:
    """Raise UnsupportedError when anything but the saver, which is never run, reaches outside."""
    saver = graph.saver_def
    own = {name.split(':')[0] for name in (saver.save_tensor_name, saver.restore_op_name) if name}
    nodes = [node for node in graph.graph_def.node if node.name not in own]
    functions = {f.signature.name: f for f in graph.graph_def.library.function}
    called = {name for node in nodes for name in _calls(node)}
    called |= {name for f in functions.values() for node in f.node_def for name in _calls(node)}
    called |= set(graph.object_graph_def.concrete_functions)
    alone = {name for node in graph.graph_def.node if node.name in own for name in _calls(node)} - called
    everything = [*nodes, *(n for name, f in functions.items() if name not in alone for n in f.node_def)]
    if found := sorted(_outside(everything)):
        raise UnsupportedError(
            f'{file}: its graph reaches outside the model: {", ".join(found[:8])}\n'
            'what to try: export the model for serving, without reading, writing or Python in its graph'
        )


def mend(graph: Any) -> bool:
    """
    Remove what an optimizer of Keras 2 left; say whether there was any.

    Since its classes went to another package, TensorFlow cannot load the moments of Adam ("no attribute add_slot"),
    and with them the whole model. They say nothing about what it answers.
    """
    found = False
    for node in graph.object_graph_def.nodes:
        found = found or bool(node.slot_variables)
        del node.slot_variables[:]
    return found


def _calls(node: Any) -> Iterator[str]:
    for value in node.attr.values():
        if value.HasField('func'):
            yield value.func.name
        yield from (function.name for function in value.list.func)


def _outside(nodes: Iterable[Any]) -> Iterator[str]:
    for node in nodes:
        to_file = node.op == 'PrintV2' and node.attr['output_stream'].s.startswith(b'file:')
        if OUTSIDE.fullmatch(node.op) or to_file:
            yield node.op
