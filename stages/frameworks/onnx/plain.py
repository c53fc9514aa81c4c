"""Machine-learning operators (``ai.onnx.ml``), which ONNX Runtime alone runs, in operators that every engine has.

What each computes is told by ONNX's own documentation of the domain, and in what that leaves open by ONNX Runtime,
whose answers those are compared with.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

from stages.errors import UnsupportedError
from stages.frameworks.onnx import plain_trees
from stages.frameworks.onnx.build import Graph
from stages.frameworks.onnx.plain_node import ADVICE, Node, Write, labels, transformed

if TYPE_CHECKING:
    import onnx

DOMAIN: Final = 'ai.onnx.ml'
INT64: Final = 7


OLDEST: Final = 13
"""Of ONNX's sets of operators: of older ones sums, softmax and shapes are told in other ways."""


def plain(model: onnx.ModelProto) -> onnx.ModelProto:
    """Return ``model`` without machine-learning operators, and without what none of its outputs needs.

    Raises UnsupportedError with every operator that has no plain form here, and where there is none to write anew.
    """
    from onnx import helper

    operators = {**OPERATORS, **plain_trees.OPERATORS}
    kept = _needed(model)
    opset = next((each.version for each in model.opset_import if each.domain in ('', 'ai.onnx')), 0)
    if not any(node.domain == DOMAIN for node in model.graph.node):
        raise UnsupportedError(f'the model has no operators of {DOMAIN}\nwhat to try: leave this stage out')
    if opset < OLDEST:
        raise UnsupportedError(f'the model is of opset {opset}; from {OLDEST} on they are written anew\n{ADVICE}')
    left = [node.op_type for node in kept if node.domain == DOMAIN and node.op_type not in operators]
    if left:
        raise UnsupportedError(f'{", ".join(dict.fromkeys(left))} of {DOMAIN}: no plain form is known\n{ADVICE}')
    graph = Graph(taken={name for node in kept for name in (*node.input, *node.output)})
    for node in kept:
        if node.domain != DOMAIN:
            graph.nodes.append(node)
            continue
        told = {each.name: _value(helper.get_attribute_value(each)) for each in node.attribute}
        one = Node(node, graph, opset, told)
        try:
            made = operators[node.op_type](one)
        except (KeyError, IndexError, ValueError, TypeError) as error:
            raise one.refused(f'is told in a way that is not read: {type(error).__name__}: {error}') from error
        for name, value in zip(node.output, made, strict=False):
            if name and value:
                graph.nodes.append(helper.make_node('Identity', [value], [name], name=name))
            elif name in {each for other in kept for each in other.input} | {o.name for o in model.graph.output}:
                raise one.refused(f'its output {name} has no plain form')
    del model.graph.node[:], model.graph.value_info[:]
    model.graph.node.extend(graph.nodes)
    model.graph.initializer.extend(graph.weights)
    domains = [each for each in model.opset_import if each.domain != DOMAIN]
    del model.opset_import[:]
    model.opset_import.extend(domains)
    kept = _needed(model)  # of what was written anew: labels that nobody asks for
    del model.graph.node[:]
    model.graph.node.extend(kept)
    return model


def refuse(model: onnx.ModelProto, tool: str) -> None:
    """Raise UnsupportedError, naming them, where a model has machine-learning operators, of which ``tool`` has none."""
    from stages.frameworks.onnx import walk

    found = dict.fromkeys(node.op_type for node in walk.nodes(model.graph) if node.domain == DOMAIN)
    if found:
        raise UnsupportedError(
            f'{tool} cannot do this to this model (operator {", ".join(found)}): it has none of {DOMAIN}\n'
            'what to try: onnx-plain before it; of boosted trees `onnx: {trees: plain}`; or the onnx alone'
        )


def _needed(model: onnx.ModelProto) -> list[Any]:
    wanted, kept = {value.name for value in model.graph.output}, []
    for node in reversed(model.graph.node):
        if wanted & {*node.output}:
            wanted |= {*node.input}
            kept.append(node)
    return kept[::-1]


def _value(value: Any) -> Any:
    if isinstance(value, bytes):
        return value.decode('utf-8', 'replace')
    return [_value(each) for each in value] if isinstance(value, (list, tuple)) else value


def _scaler(node: Node) -> list[str]:
    moved = node.op('Sub', node.single(node.x), node.floats(node.told.get('offset', [0.0]), 'offset'))
    return [node.op('Mul', moved, node.floats(node.told.get('scale', [1.0]), 'scale'))]


def _normalizer(node: Node) -> list[str]:
    kind = node.told.get('norm', 'MAX')
    x = node.single(node.x)
    # no ReduceL1, of which OpenVINO takes all axes
    size = {
        'MAX': lambda: node.reduced('ReduceMax', x, -1),
        'L1': lambda: node.reduced('ReduceSum', node.op('Abs', x), -1),
        'L2': lambda: node.reduced('ReduceL2', x, -1),
    }[kind]()
    none = node.op('Equal', size, node.floats(0, 'nought'))
    return [node.op('Div', x, node.op('Where', none, node.floats(1, 'one'), size))]


def _scores(node: Node, rows: int) -> str:
    """Return a product with the node's coefficients, of so many rows, and its intercepts."""
    import numpy as np

    held = np.array(node.told['coefficients'], np.float32).reshape(rows, -1)
    product = node.op('MatMul', node.single(node.x), node.floats(held.T, 'coefficients'))
    return node.op('Add', product, node.floats(node.told.get('intercepts') or [0.0] * rows, 'intercepts'))


def _linear_regressor(node: Node) -> list[str]:
    return [transformed(node, _scores(node, int(node.told.get('targets', 1))))]


def _linear_classifier(node: Node) -> list[str]:
    count = len(node.told.get('classlabels_ints') or node.told.get('classlabels_strings') or ())
    if count < 2 or len(node.told.get('intercepts') or [0] * count) != count:
        raise node.refused(f'has one row of coefficients for {count} classes')
    scores = _scores(node, count)
    return [labels(node, scores), transformed(node, scores)]


def _extractor(node: Node) -> list[str]:
    return [node.op('Gather', node.x, node.op('Reshape', node.proto.input[1], node.wholes([-1], 'row')), axis=-1)]


def _binarizer(node: Node) -> list[str]:
    limit = node.floats(node.told.get('threshold', 0.0), 'threshold')
    return [node.single(node.op('Greater', node.single(node.x), limit))]


def _imputer(node: Node) -> list[str]:
    import math

    if 'imputed_value_floats' not in node.told:
        raise node.refused('fills in whole numbers')
    gone = float(node.told.get('replaced_value_float', math.nan))
    missing = node.op('IsNaN', node.x) if math.isnan(gone) else node.op('Equal', node.x, node.floats(gone, 'gone'))
    return [node.op('Where', missing, node.floats(node.told['imputed_value_floats'], 'instead'), node.x)]


def _vectorizer(node: Node) -> list[str]:
    return [node.op('Concat', *(node.single(each) for each in node.proto.input), axis=1)]


def _one_hot(node: Node) -> list[str]:
    if 'cats_int64s' not in node.told:
        raise node.refused('its categories are words')
    wide = node.op('Unsqueeze', node.op('Cast', node.x, to=INT64), node.wholes([-1], 'last'))
    return [node.single(node.op('Equal', wide, node.wholes(node.told['cats_int64s'], 'categories')))]


OPERATORS: Final[Mapping[str, Write]] = {
    'Scaler': _scaler,
    'Normalizer': _normalizer,
    'LinearRegressor': _linear_regressor,
    'LinearClassifier': _linear_classifier,
    'ArrayFeatureExtractor': _extractor,
    'Binarizer': _binarizer,
    'Imputer': _imputer,
    'FeatureVectorizer': _vectorizer,
    'OneHotEncoder': _one_hot,
}
