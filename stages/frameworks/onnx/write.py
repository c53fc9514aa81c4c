"""ONNX files whose bytes depend on the model alone."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from stages.frameworks.onnx import external, names, walk

if TYPE_CHECKING:
    import onnx

INSIDE = 2**31 - 2**26
"""Bytes of weights that one file holds: protobuf's limit, less room for the graph."""


def write_stripped(model: onnx.ModelProto, path: Path, most: int = INSIDE) -> None:
    """
    Write ``model`` without doc strings and metadata, and check it.

    Exporters leave stack traces with the paths of the machine there: they would change the bytes from checkout to
    checkout, and tell strangers where we live. More than ``most`` bytes of weights go into a file beside it, named as
    the model with ``.data``.
    """
    import onnx

    names.name_nodes(model, nameless=False)  # the checker lets two of one name pass, ONNX Runtime does not
    _clear(model)
    _strip_graph(model.graph)
    for function in model.functions:
        _clear(function)
        _strip(function)
    for tensor in external.tensors(model):
        _clear(tensor)
    if sum(external.size_of(w) for w in model.graph.initializer) > most:
        external.put_out(model, path.with_name(f'{path.name}.data'))
        path.write_bytes(model.SerializeToString(deterministic=True))
        onnx.checker.check_model(path)  # by path: only so does it look at the file of weights
    else:
        onnx.checker.check_model(model)
        path.write_bytes(model.SerializeToString(deterministic=True))


def _strip(graph: Any) -> None:
    """Clear the nodes of a graph or a function, and all of the graphs inside them."""
    for node in graph.node:
        _clear(node)
        for attribute in node.attribute:
            attribute.ClearField('doc_string')
        for inner in walk.graphs(node):
            _strip_graph(inner)


def _strip_graph(graph: Any) -> None:
    _clear(graph)
    for value in (*graph.value_info, *graph.input, *graph.output):
        _clear(value)
    _strip(graph)


def _clear(part: Any) -> None:
    part.ClearField('doc_string')
    if 'metadata_props' in part.DESCRIPTOR.fields_by_name:  # an older onnx, of a locked environment, lacks it
        part.ClearField('metadata_props')
