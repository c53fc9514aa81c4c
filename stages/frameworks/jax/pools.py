"""Pooling as jax2onnx writes it from a window of JAX, over every axis, in the form that runtimes have a kernel for."""

from __future__ import annotations

from typing import Any

from stages.frameworks.onnx import walk


def with_channels_first(model: Any) -> None:
    """
    Let each MaxPool that pools over all axes, two of them by windows of 1, pool over the others alone.

    A window of JAX covers batch and channels too: [1, 2, 2, 1] over [batch, height, width, channels]. It is written
    with two axes put before, hence four pooled ones, and runtimes pool three at most. With the two axes that it leaves
    as they are in front it is ONNX's own form, and gives the same numbers.
    """
    fresh = walk.unused(walk.names(model) | {node.name for node in walk.nodes(model.graph)})
    for graph in walk.every_graph(model.graph):
        makers = {name: node for node in graph.node for name in node.output}
        for squeeze in [node for node in graph.node if node.op_type == 'Squeeze']:
            pool = makers.get(squeeze.input[0])
            still = _still(pool) if pool is not None and pool.op_type == 'MaxPool' and len(pool.output) == 1 else []
            given = _before(makers, pool) if len(still) == 2 else ''
            if pool is not None and given:
                _put(graph, squeeze, pool, given, still, fresh)
        _sweep(graph)


def _before(makers: dict[str, Any], pool: Any) -> str:
    """Return what the pooled value is, without the two axes that were put before it; empty where there are none."""
    name = pool.input[0]
    for _ in range(2):
        node = makers.get(name)
        if node is None or node.op_type != 'Unsqueeze':
            return ''
        name = node.input[0]
    return str(name)


def _still(pool: Any) -> list[int]:
    """Return the axes that a pooling leaves as they are."""
    said = {attribute.name: list(attribute.ints) for attribute in pool.attribute}
    size = said['kernel_shape']
    rank = len(size)
    ones = [1] * rank
    steps, spread = said.get('strides') or ones, said.get('dilations') or ones
    pads = said.get('pads') or [0] * 2 * rank
    if any(a.name == 'auto_pad' and a.s not in (b'NOTSET', b'VALID') for a in pool.attribute):
        return []
    return [a for a in range(rank) if size[a] == steps[a] == spread[a] == 1 and pads[a] == pads[a + rank] == 0]


def _put(graph: Any, squeeze: Any, pool: Any, given: str, still: list[int], fresh: Any) -> None:
    from onnx import helper

    said = {attribute.name: helper.get_attribute_value(attribute) for attribute in pool.attribute}
    rank = len(said['kernel_shape'])
    moving = [axis for axis in range(rank) if axis not in still]
    order = [*still, *moving]
    for name, value in said.items():
        if name in ('kernel_shape', 'strides', 'dilations'):
            said[name] = [value[axis] for axis in moving]
        elif name == 'pads':
            said[name] = [value[axis + side] for side in (0, rank) for axis in moving]
    first, pooled = fresh(f'{squeeze.output[0]}.first'), fresh(f'{squeeze.output[0]}.pooled')
    back = [order.index(axis) for axis in range(rank)]
    nodes = [
        helper.make_node('Transpose', [given], [first], name=first, perm=order),
        helper.make_node('MaxPool', [first], [pooled], name=pooled, **said),
        helper.make_node('Transpose', [pooled], [squeeze.output[0]], name=fresh(squeeze.output[0]), perm=back),
    ]
    at = [*graph.node].index(squeeze)
    walk.replace(graph.node, [*graph.node[:at], *nodes, *graph.node[at + 1 :]])


def _sweep(graph: Any) -> None:
    """Leave out the nodes of the old form, and what only they took or said."""
    while True:
        used = walk.used(graph)
        gone = [n for n in graph.node if n.op_type in ('MaxPool', 'Unsqueeze') and not used & set(n.output)]
        if not gone:
            break
        for node in gone:
            graph.node.remove(node)
    used = walk.used(graph)
    walk.replace(graph.initializer, [each for each in graph.initializer if each.name in used])
    known = used | walk.defined(graph)
    walk.replace(graph.value_info, [value for value in graph.value_info if value.name in known])
