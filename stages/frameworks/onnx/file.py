"""ONNX files whose bytes depend on the model alone."""

from __future__ import annotations

import fnmatch
import itertools
import re
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from stages.contract.port import Tensor

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

    from stages.frameworks.onnx import external as onnx_external

    _strip_graph(model.graph)
    for function in model.functions:
        _clear(function)
        for node in function.node:
            _strip_node(node)
    _clear(model)
    if sum(len(w.raw_data) for w in model.graph.initializer) > most:
        onnx_external.put_out(model, path.with_name(f'{path.name}.data'))
        path.write_bytes(model.SerializeToString(deterministic=True))
        onnx.checker.check_model(path)  # by path: only so does it look at the file of weights
    else:
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


def rename(model: onnx.ModelProto, names: Mapping[str, str]) -> None:
    """Rename values of the graph (inputs, outputs, what lies between), in the graphs inside it too.

    What lies between makes way for a new name. Raises StepError when another input or output bears it.
    """
    from stages.errors import StepError

    changed = {old: new for old, new in names.items() if old != new}
    ports = {v.name for v in (*model.graph.input, *model.graph.output)}
    held = {name for node in _nodes(model.graph) for name in (*node.input, *node.output)}
    held |= ports | {v.name for v in model.graph.initializer}
    for clash in sorted((held - changed.keys()) & set(changed.values())):
        if clash in ports:
            raise StepError(f'the model already calls another value {clash!r}; choose another name in the recipe')
        changed[clash] = next(n for i in itertools.count() if (n := f'{clash}_inner_{i}') not in held)

    def visit(graph: Any) -> None:
        for value in (*graph.input, *graph.output, *graph.value_info, *graph.initializer):
            value.name = changed.get(value.name, value.name)
        for sparse in graph.sparse_initializer:
            sparse.values.name = changed.get(sparse.values.name, sparse.values.name)
        for note in graph.quantization_annotation:
            note.tensor_name = changed.get(note.tensor_name, note.tensor_name)
        for node in graph.node:
            node.input[:] = [changed.get(name, name) for name in node.input]
            node.output[:] = [changed.get(name, name) for name in node.output]
            for inner in _graphs(node):
                visit(inner)

    visit(model.graph)


def name_dimensions(model: onnx.ModelProto, signature: tuple[Tensor, ...]) -> None:
    """Call the free dimensions of the inputs, and those of the same name elsewhere, as ``signature`` does."""
    declared = {t.name: t for t in signature}
    names: dict[str, str] = {}
    for value in model.graph.input:
        if value.name not in declared:
            continue
        for dim, word in zip(value.type.tensor_type.shape.dim, declared[value.name].shape, strict=False):
            if isinstance(word, str) and dim.dim_value <= 0:
                if dim.dim_param:
                    names.setdefault(dim.dim_param, word)
                else:
                    dim.dim_param = word
    for value in (*model.graph.input, *model.graph.output, *model.graph.value_info):
        for dim in value.type.tensor_type.shape.dim:
            if dim.dim_param in names:
                dim.dim_param = names[dim.dim_param]


def inputs_without_weights(model: onnx.ModelProto) -> None:
    """Drop weights from the inputs, where old files list them: a runtime would have to let a caller change them."""
    weights = {w.name for w in model.graph.initializer}
    kept = [v for v in model.graph.input if v.name not in weights]
    if len(kept) < len(model.graph.input):
        model.ir_version = max(model.ir_version, 4)  # the first in which a weight need not be an input
        copies = [type(v).FromString(v.SerializeToString()) for v in kept]
        del model.graph.input[:]
        model.graph.input.extend(copies)


def constants_as_weights(model: onnx.ModelProto) -> None:
    """Make a weight of every Constant node of the graph: quantizers look for weights, not for nodes."""
    kept = []
    for node in model.graph.node:
        if node.op_type == 'Constant' and node.domain in ('', 'ai.onnx') and node.attribute[0].name == 'value':
            model.graph.initializer.add().CopyFrom(node.attribute[0].t)
            model.graph.initializer[-1].name = node.output[0]
        else:
            kept.append(type(node).FromString(node.SerializeToString()))
    del model.graph.node[:]
    model.graph.node.extend(kept)


def at_least_opset(path: Path, version: int) -> onnx.ModelProto:
    """Return the model in ``path``, moved to operator set ``version`` when its own is older."""
    import onnx
    from onnx import version_converter

    model = onnx.load(path)
    own = next((entry.version for entry in model.opset_import if entry.domain in ('', 'ai.onnx')), version)
    return version_converter.convert_version(model, version) if own < version else model


def named(path: Path, globs: tuple[str, ...]) -> list[str]:
    """Return the names of nodes in the file ``path`` that match ``globs``; a glob that matches none is a mistake."""
    import onnx

    from stages.errors import StepError

    names = [node.name for node in onnx.load(path, load_external_data=False).graph.node]
    for glob in globs:
        if not fnmatch.filter(names, glob):
            raise StepError(f'no node is called {glob!r}; there are {", ".join(names[:12])} …')
    return [name for name in names if any(fnmatch.fnmatchcase(name, glob) for glob in globs)]


def write_with_shapes(model: onnx.ModelProto, path: Path) -> None:
    """Write ``model`` as ONNX Runtime wants it before static quantization: shapes inferred, constants folded."""
    import onnx
    from onnxruntime.quantization.shape_inference import quant_pre_process

    plain = path.with_suffix('.plain')
    onnx.save(model, plain)  # a file: given a model it moves weights outside and then cannot infer from them
    try:
        quant_pre_process(plain, path)
    except Exception:  # some transformers: 'Incomplete symbolic shape inference'
        quant_pre_process(plain, path, skip_symbolic_shape=True)
    plain.unlink()


def open_once(path: Path) -> None:
    """Load ``path`` in ONNX Runtime, which refuses some graphs that the checker lets through."""
    import onnxruntime as ort

    options = ort.SessionOptions()
    options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_DISABLE_ALL
    ort.InferenceSession(str(path), options, providers=['CPUExecutionProvider'])


def operators(model: onnx.ModelProto) -> set[str]:
    """Return the operators of the graph and of the graphs inside it."""
    return {node.op_type for node in _nodes(model.graph)}


def operators_by_domain(model: onnx.ModelProto) -> set[tuple[str, str]]:
    """Return (domain, operator) of all nodes, those in the model's functions too."""
    found = {(node.domain, node.op_type) for node in _nodes(model.graph)}
    return found | {(n.domain, n.op_type) for f in model.functions for n in _nodes(f)}


def _nodes(graph: Any) -> Iterator[Any]:
    for node in graph.node:
        yield node
        for inner in _graphs(node):
            yield from _nodes(inner)


def _graphs(node: Any) -> Iterator[Any]:
    for attribute in node.attribute:
        if attribute.HasField('g'):
            yield attribute.g
        yield from attribute.graphs


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

    class Reader(CalibrationDataReader):  # type: ignore[misc]
        def __init__(self) -> None:
            self.done = 0

        def get_next(self) -> dict[str, Any] | None:
            if self.done == len(feeds):
                return None
            self.done += 1
            progress(self.done / len(feeds), f'calibrating {self.done}/{len(feeds)}')
            return feeds[self.done - 1]

    return Reader()
