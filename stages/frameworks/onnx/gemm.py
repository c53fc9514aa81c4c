"""Linear layers of an ONNX graph, which exporters write as Gemm or as MatMul and Add."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from stages.frameworks.onnx import walk, weights
from stages.frameworks.onnx.checked import edited

if TYPE_CHECKING:
    import onnx


def as_products(model: onnx.ModelProto) -> None:
    """
    Write each Gemm with a fixed matrix and no scaling as MatMul and Add, which is the same sum.

    Tools that pack weights look for MatMul only; torch writes Linear as Gemm where its input has two axes. Each product
    gets a matrix of its own name, made once for all layers that share it. What only the Gemm used goes.
    """
    edited(model, _as_products)


def _as_products(model: Any) -> None:
    fresh = walk.unused(walk.names(model) | {node.name for node in walk.nodes(model.graph)})
    replaced: set[str] = set()
    _visit(model.graph, {}, fresh, replaced)
    if replaced:
        weights.free(model)
        weights.drop_unused(model, replaced)


def _visit(graph: Any, around: Mapping[str, Any], fresh: Callable[[str], str], replaced: set[str]) -> None:
    """Rewrite ``graph`` and the graphs inside it; ``around`` are the weights of the graphs around it."""
    mine = walk.defined(graph)
    known = {name: w for name, w in around.items() if name not in mine} | {w.name: w for w in graph.initializer}
    # a weight that is an input may be another one at the next call
    known = {name: w for name, w in known.items() if name not in {value.name for value in graph.input}}
    turned: dict[tuple[str, bool], str] = {}
    made: list[Any] = []
    for node in graph.node:
        for inner in walk.graphs(node):
            _visit(inner, known, fresh, replaced)
        made.extend(_products(node, known, graph, turned, fresh) or [node])
    replaced.update(name for name, _ in turned)
    if turned:
        walk.replace(graph.node, made)


def _products(
    node: Any, known: Mapping[str, Any], graph: Any, turned: dict[tuple[str, bool], str], fresh: Callable[[str], str]
) -> list[Any] | None:
    """Return MatMul and Add for ``node``, its matrix put into ``graph``; None where it stays as it is."""
    import numpy as np
    from onnx import helper, numpy_helper

    if node.op_type != 'Gemm' or node.domain not in weights.STANDARD or node.input[1] not in known:
        return None
    # broadcast: before operator set 7 an Add of a vector needs to be told how
    said = {a.name: helper.get_attribute_value(a) for a in node.attribute}
    if said.get('alpha', 1) != 1 or said.get('beta', 1) != 1 or said.get('transA', 0) or 'broadcast' in said:
        return None
    name, over = node.input[1], bool(said.get('transB', 0))
    if (name, over) not in turned:
        matrix = numpy_helper.to_array(known[name])
        turned[name, over] = fresh(f'{node.output[0]}_matrix')
        whole = np.ascontiguousarray(matrix.T) if over else matrix
        graph.initializer.append(numpy_helper.from_array(whole, turned[name, over]))
    bias = [word for word in node.input[2:3] if word]
    product = fresh(f'{node.output[0]}_product') if bias else node.output[0]
    # it keeps the name: a recipe may have spared this node by it
    called = node.name or fresh(f'{node.output[0]}_matmul')
    matmul = helper.make_node('MatMul', [node.input[0], turned[name, over]], [product], name=called)
    if not bias:
        return [matmul]
    return [matmul, helper.make_node('Add', [product, *bias], [node.output[0]], name=fresh(f'{node.output[0]}_add'))]
