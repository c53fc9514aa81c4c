"""The part of a SavedModel's graph that saves and restores it, which is no part of the model.

It may read and write, under one condition each: nothing that anybody asks the model for comes from it, and what is run
to restore a model, as loading one of TensorFlow 1 does, restores from where it is told to, and does nothing else.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from stages.frameworks.tensorflow.operators import SAVING


def allowance(graph: Any) -> Callable[[str, Any], bool]:
    """Return whether a node, in the function of this name or in the graph itself, saves or restores as it may."""
    saver = graph.saver_def
    nodes = {node.name: node for node in graph.graph_def.node}
    asked = _behind(nodes, _asked(graph))
    restored = _behind(nodes, [_base(saver.restore_op_name)])
    saved = _behind(nodes, [_base(saver.save_tensor_name)])
    prefix = _base(saver.filename_tensor_name)
    told = prefix in nodes and nodes[prefix].op in ('Placeholder', 'PlaceholderWithDefault')
    own = {_base(name) for name in (saver.save_tensor_name, saver.restore_op_name)} - asked
    others = _called_by_others(graph, own)
    saving, restoring = (_called(nodes, names) - others for names in (own - restored, own & restored))
    arguments = {f.signature.name: [a.name for a in f.signature.input_arg] for f in graph.graph_def.library.function}

    def may(where: str, node: Any) -> bool:
        if node.op not in SAVING or (not where and node.name in asked):
            return False
        if where in restoring or (not where and node.name in restored):
            source = node.input[0] if node.input else ''
            from_where_it_is_told = source in arguments[where] if where else told and _base(source) == prefix
            return node.op == 'RestoreV2' and from_where_it_is_told
        return where in saving or (not where and node.name in saved)

    return may


def calls(node: Any) -> Iterator[str]:
    """Give the functions that a node names: its operator may be one."""
    yield node.op
    for value in node.attr.values():
        if value.HasField('func'):
            yield value.func.name
        yield from (function.name for function in value.list.func)


def _asked(graph: Any) -> Iterator[str]:
    """Give every node that a signature takes or gives, or that loading runs to set the model up."""
    for about in graph.signature_def.values():
        for side in (about.inputs, about.outputs):
            for info in side.values():
                yield _base(info.name)
                sparse, inner = info.coo_sparse, info.composite_tensor.components
                yield from map(_base, (sparse.values_tensor_name, sparse.indices_tensor_name))
                yield from map(_base, (sparse.dense_shape_tensor_name, *(part.name for part in inner)))
    for collection in graph.collection_def.values():
        yield from (_base(name) for name in collection.node_list.value)
    for asset in graph.asset_file_def:
        yield _base(asset.tensor_info.name)


def _behind(nodes: Mapping[str, Any], names: Iterable[str]) -> set[str]:
    """Return these nodes and all that they depend on."""
    found: set[str] = set()
    waiting = list(names)
    while waiting:
        name = waiting.pop()
        if name in nodes and name not in found:
            found.add(name)
            waiting += map(_base, nodes[name].input)
    return found


def _called(nodes: Mapping[str, Any], names: Iterable[str]) -> set[str]:
    return {called for name in names if name in nodes for called in calls(nodes[name])}


def _called_by_others(graph: Any, own: set[str]) -> set[str]:
    """Return the functions that anything but the nodes ``own`` calls."""
    called = {name for node in graph.graph_def.node if node.name not in own for name in calls(node)}
    called |= {name for f in graph.graph_def.library.function for node in f.node_def for name in calls(node)}
    called |= set(graph.object_graph_def.concrete_functions)
    for part in graph.object_graph_def.nodes:
        called |= {*part.function.concrete_functions, part.bare_concrete_function.concrete_function_name}
    return called


def _base(name: str) -> str:
    return name.removeprefix('^').split(':')[0]
