"""Linear layers of an ONNX graph, which exporters write as Gemm or as MatMul and Add."""

from __future__ import annotations

from typing import Any


def as_products(model: Any) -> None:
    """
    Write each Gemm with a fixed matrix and no scaling as MatMul and Add, which is the same sum.

    Tools that pack weights look for MatMul only; torch writes Linear as Gemm where its input has two axes.
    """
    import numpy as np
    from onnx import helper, numpy_helper

    weights = {w.name: w for w in model.graph.initializer}
    nodes = []
    for node in model.graph.node:
        said = {a.name: helper.get_attribute_value(a) for a in node.attribute}
        plain = said.get('alpha', 1) == said.get('beta', 1) == 1 and not said.get('transA', 0)
        if node.op_type != 'Gemm' or not plain or node.input[1] not in weights:
            nodes.append(node)
            continue
        matrix = numpy_helper.to_array(weights[node.input[1]])
        name = f'{node.output[0]}_matrix'
        turned = np.ascontiguousarray(matrix.T) if said.get('transB', 0) else matrix
        model.graph.initializer.append(numpy_helper.from_array(turned, name))
        bias = list(node.input[2:3])
        product = f'{node.output[0]}_product' if bias else node.output[0]
        nodes.append(helper.make_node('MatMul', [node.input[0], name], [product], name=f'{node.output[0]}_matmul'))
        if bias:
            nodes.append(helper.make_node('Add', [product, *bias], [node.output[0]], name=f'{node.output[0]}_add'))
    copies = [type(n).FromString(n.SerializeToString()) for n in nodes]
    del model.graph.node[:]
    model.graph.node.extend(copies)
    used = {name for node in model.graph.node for name in node.input}
    for number in reversed(range(len(model.graph.initializer))):
        if model.graph.initializer[number].name in weights.keys() - used:
            del model.graph.initializer[number]
