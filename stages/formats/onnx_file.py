"""ONNX files whose bytes depend on the model alone."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import onnx


def write_stripped(model: onnx.ModelProto, path: Path) -> None:
    """
    Write ``model`` without doc strings and metadata, and check it.

    Exporters leave stack traces with the paths of the machine there: they would change the bytes from checkout to
    checkout, and tell strangers where we live.
    """
    import onnx

    _strip_graph(model.graph)
    for function in model.functions:
        _clear(function)
        for node in function.node:
            _strip_node(node)
    _clear(model)
    onnx.checker.check_model(model)
    path.write_bytes(model.SerializeToString(deterministic=True))


def name_by_position(model: onnx.ModelProto) -> None:
    """
    Number the names that ONNX Runtime's layout pass makes up, by where they stand.

    It hands out its ``…_token_14`` in the order of memory addresses, which differs from process to process.
    """
    names: dict[str, str] = {}
    made = re.compile(r'_token_\d+$|^reorder|^Reorder')
    fixed = {v.name for v in (*model.graph.input, *model.graph.output)}
    weights = {w.name for w in model.graph.initializer}

    def stable(name: str) -> str:
        if name in fixed or not made.search(name):
            return name
        return names.setdefault(name, f'layout_{len(names)}')

    def visit(graph: Any) -> None:
        for number, node in enumerate(graph.node):
            if made.search(node.name):
                node.name = f'{node.op_type}_{number}'
            node.input[:] = [stable(name) for name in node.input]
            node.output[:] = [stable(name) for name in node.output]
            for attribute in node.attribute:
                if attribute.HasField('g'):
                    visit(attribute.g)

    visit(model.graph)
    for value in (*model.graph.initializer, *model.graph.value_info):
        value.name = stable(value.name)
    renamed = sorted(model.graph.initializer, key=lambda w: w.name) if weights & names.keys() else None
    if renamed is not None:
        copies = [type(w).FromString(w.SerializeToString()) for w in renamed]
        del model.graph.initializer[:]
        model.graph.initializer.extend(copies)


def operators(model: onnx.ModelProto) -> set[str]:
    """Return the operators of the graph and of the graphs inside it."""
    found: set[str] = set()

    def visit(graph: Any) -> None:
        for node in graph.node:
            found.add(node.op_type)
            for attribute in node.attribute:
                if attribute.HasField('g'):
                    visit(attribute.g)

    visit(model.graph)
    return found


def real_inputs(model: onnx.ModelProto) -> dict[str, int]:
    """Return the inputs that are no weights, each with the fixed size of its first axis (1 where it is free)."""
    weights = {w.name for w in model.graph.initializer}
    sizes: dict[str, int] = {}
    for value in model.graph.input:
        if value.name not in weights:
            dims = value.type.tensor_type.shape.dim
            sizes[value.name] = max(dims[0].dim_value, 1) if len(dims) else 1
    return sizes


def _clear(part: Any) -> None:
    part.ClearField('doc_string')
    del part.metadata_props[:]


def _strip_graph(graph: Any) -> None:
    _clear(graph)
    for value in (*graph.value_info, *graph.input, *graph.output, *graph.initializer):
        _clear(value)
    for node in graph.node:
        _strip_node(node)


def _strip_node(node: Any) -> None:
    _clear(node)
    for attribute in node.attribute:
        attribute.ClearField('doc_string')
        if attribute.HasField('g'):
            _strip_graph(attribute.g)
        for inner in attribute.graphs:
            _strip_graph(inner)


def reader(feeds: list[dict[str, Any]], progress: Callable[[float, str], None]) -> Any:
    """Return ``feeds`` as the reader that ONNX Runtime's calibration asks for."""
    from onnxruntime.quantization import CalibrationDataReader

    class Reader(CalibrationDataReader):   # type: ignore[misc]
        def __init__(self) -> None:
            self.done = 0

        def get_next(self) -> dict[str, Any] | None:
            if self.done == len(feeds):
                return None
            self.done += 1
            progress(self.done / len(feeds), f'calibrating {self.done}/{len(feeds)}')
            return feeds[self.done - 1]

    return Reader()
