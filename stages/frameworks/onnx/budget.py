"""What an ONNX model would take once it runs, as far as its file says: a few bytes can stand for terabytes."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, Final

from stages.errors import IntegrityError
from stages.frameworks.onnx import external, walk

if TYPE_CHECKING:
    import onnx

VALUE: Final = 16 << 30
"""Bytes of one value whose size the file says."""

NODES: Final = 1_000_000
"""Nodes once functions stand where they are called, as runtimes put them; models have some thousands."""


def check_calls(name: str, model: onnx.ModelProto) -> None:
    """Raise IntegrityError for functions that call functions that call functions, beyond any model.

    Before anything else is asked about the model: ONNX's own checker follows every call.
    """
    import onnx

    bodies = {(f.domain, f.name, f.overload): f for f in model.functions}
    counts: dict[tuple[str, str, str], int] = {}

    def count(part: Any, above: frozenset[tuple[str, str, str]]) -> int:
        total = 0
        for node in walk.messages(part, onnx.NodeProto):
            key = (node.domain, node.op_type, node.overload)
            if key in above:
                raise IntegrityError(f'{name}: the function {node.domain}.{node.op_type} calls itself')
            if key in bodies and key not in counts:
                counts[key] = count(bodies[key], above | {key})
            total += 1 + counts.get(key, 0)
        return total

    total = count(model.graph, frozenset())
    if total > NODES:
        raise IntegrityError(f'{name}: is {total:,} nodes once its functions are in place; at most {NODES:,} are taken')


def check(name: str, model: onnx.ModelProto) -> None:
    """Raise IntegrityError for a sparse weight or a computed value that is beyond any model."""
    import onnx

    for sparse in walk.messages(model, onnx.SparseTensorProto):
        _check_value(name, f'sparse tensor {sparse.values.name!r}', sparse.values.data_type, sparse.dims)
    for graph in walk.every_graph(_inferred(model).graph):
        for value in (*graph.value_info, *graph.output):
            held = value.type.tensor_type
            sizes = [dim.dim_value for dim in held.shape.dim if dim.dim_value > 0]  # else any
            _check_value(name, f'value {value.name!r}', held.elem_type, sizes)


def _check_value(name: str, what: str, kind: int, sizes: Any) -> None:
    width = 8 if kind in (0, 8) else external.width(what, kind)  # of text, what points to it
    size = math.prod(sizes) * width // 8
    if any(one < 0 for one in sizes) or size > VALUE:
        raise IntegrityError(
            f'{name}: the {what} has the shape {list(sizes)}, which takes {size:,} bytes; at most {VALUE:,} are taken'
        )


def _inferred(model: Any) -> Any:
    """Return what ONNX infers of ``model`` with its functions in place, and without its large weights."""
    from onnx import inliner, shape_inference

    from stages.frameworks.onnx.checked import skeleton

    light = skeleton(model)
    try:
        if light.functions:
            light = inliner.inline_local_functions(light)
        return shape_inference.infer_shapes(light, data_prop=True)
    except Exception:  # what is not sound, the checker says in better words
        return light
