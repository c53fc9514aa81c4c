"""``saved_model.pb`` as data: which of its graphs and signatures is meant, and a mend for Keras 2."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from stages.errors import StepError

SERVE: Final = 'serve'
SERVING: Final = 'serving_default'


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
