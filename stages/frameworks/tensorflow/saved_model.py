"""``saved_model.pb`` as data: what its graph may do, which of its signatures is meant, and a mend for Keras 2."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Final

from stages.errors import StepError, UnsupportedError

SERVE: Final = 'serve'
SERVING: Final = 'serving_default'
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


def choose_graph(file: str, saved: Any, tags: Sequence[str]) -> bool:
    """
    Keep the graph that was saved under ``tags`` (none given: the only one, or the one to serve), as the one to serve.

    Say whether that changed anything.
    """
    graphs = list(saved.meta_graphs)
    found = [graph for graph in graphs if set(graph.meta_info_def.tags) == set(tags or (SERVE,))]
    if not tags and len(graphs) == 1:
        found = graphs
    if len(found) != 1:
        has = '; '.join(', '.join(graph.meta_info_def.tags) or 'no tags' for graph in graphs)
        raise StepError(
            f'{file}: has {len(graphs)} graphs, by their tags: {has}\nsay which in `source`: `tags: [TAG, …]`'
        )
    [kept] = found
    if len(graphs) == 1 and list(kept.meta_info_def.tags) == [SERVE]:
        return False
    kept.meta_info_def.tags[:] = [SERVE]
    alone = type(kept).FromString(kept.SerializeToString())
    del saved.meta_graphs[:]
    saved.meta_graphs.append(alone)
    return True


def choose_signature(file: str, graph: Any, name: str) -> bool:
    """
    Keep the signature ``name`` (none given: the usual one, or the only one) under the usual name, and no other.

    So whoever reads the model later sees one signature. Say whether that changed anything.
    """
    usable = sorted(key for key, about in graph.signature_def.items() if about.outputs and not key.startswith('__'))
    default = SERVING if SERVING in usable else usable[0] if len(usable) == 1 else ''
    chosen = name or default
    if chosen not in usable:
        has = f'no signature {name!r}; it has' if name else 'several signatures:' if usable else 'no signatures'
        raise StepError(f'{file}: has {has} {", ".join(usable)}\nsay which in `source`: `signature: NAME`')
    if usable == [SERVING]:
        return False
    graph.signature_def[SERVING].CopyFrom(type(graph.signature_def[chosen]).FromString(
        graph.signature_def[chosen].SerializeToString()
    ))  # fmt: skip
    for key in usable:
        if key != SERVING:
            del graph.signature_def[key]
    for node in graph.object_graph_def.nodes:
        if node.user_object.identifier == 'signature_map':
            kept = [child.node_id for child in node.children if child.local_name == chosen]
            del node.children[:]
            for id in kept:
                node.children.add(node_id=id, local_name=SERVING)
    return True


def variables(graph: Any) -> list[str]:
    """Return the names of the graph's variables; without any, its weights are constants and nothing lies beside it."""
    held = [node.variable.name for node in graph.object_graph_def.nodes if node.WhichOneof('kind') == 'variable']
    nodes = [node for node in graph.graph_def.node if node.op in ('VarHandleOp', 'VariableV2', 'Variable')]
    return sorted({*held, *(node.name for node in nodes)})


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
