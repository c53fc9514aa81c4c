"""What is known of the values of an ONNX graph before anything is read: shapes, element types, constants."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    import numpy
    import onnx

LARGE: Final = 4096
"""Bytes beyond which a weight is no shape, no axis and no size."""


NARROW: Final = ('FLOAT8', 'FLOAT4', 'INT4', 'UINT4', 'INT2', 'UINT2')
"""How ONNX's names of small element types begin, integers of eight bits aside: TVM packs some and mistakes others."""


@dataclass(frozen=True)
class Types:
    """Shapes and types, by the names of values; the numbers of those that are weights."""

    shapes: Mapping[str, tuple[int, ...]]
    """Of those values whose every size is known."""

    dtypes: Mapping[str, int]
    """ONNX's numbers for element types."""

    weights: Mapping[str, Any]
    """Protobuf tensors."""

    opset: int

    def constant(self, name: str) -> numpy.ndarray | None:
        """Return the numbers of a weight; None for what is computed."""
        from onnx import numpy_helper

        return numpy_helper.to_array(self.weights[name]) if name in self.weights else None


def types_of(model: onnx.ModelProto) -> Types:
    """Return what ONNX's own inference says of ``model``."""
    from onnx import shape_inference

    inferred = shape_inference.infer_shapes(light(model), data_prop=True).graph
    shapes: dict[str, tuple[int, ...]] = {}
    dtypes: dict[str, int] = {}
    for value in (*inferred.value_info, *inferred.input, *inferred.output):
        kind = value.type.tensor_type
        if kind.elem_type:
            dtypes[value.name] = kind.elem_type
        if kind.HasField('shape') and all(dim.HasField('dim_value') for dim in kind.shape.dim):
            shapes[value.name] = tuple(dim.dim_value for dim in kind.shape.dim)
    for weight in model.graph.initializer:
        shapes[weight.name], dtypes[weight.name] = tuple(weight.dims), weight.data_type
    return Types(shapes, dtypes, {weight.name: weight for weight in model.graph.initializer}, opset_of(model))


def opset_of(model: onnx.ModelProto) -> int:
    """Return the version of ONNX's own operators that ``model`` is written in."""
    return next((entry.version for entry in model.opset_import if entry.domain in ('', 'ai.onnx')), 1)


def light(model: onnx.ModelProto) -> onnx.ModelProto:
    """Return ``model`` with large weights as inputs: a copy of any model that fits into one message."""
    import onnx
    from onnx import helper

    graph = onnx.GraphProto(name=model.graph.name)
    graph.node.extend(model.graph.node)
    graph.input.extend(model.graph.input)
    graph.output.extend(model.graph.output)
    graph.value_info.extend(model.graph.value_info)
    for weight in model.graph.initializer:
        typed = helper.make_tensor_value_info(weight.name, weight.data_type, weight.dims)
        if weight.ByteSize() <= LARGE:
            graph.initializer.add().CopyFrom(weight)
            graph.value_info.append(typed)
        else:
            graph.input.append(typed)
    result = onnx.ModelProto(ir_version=model.ir_version, graph=graph)
    result.opset_import.extend(model.opset_import)
    result.functions.extend(model.functions)
    return result


def whole(lightened: onnx.ModelProto, model: onnx.ModelProto) -> onnx.ModelProto:
    """Return ``lightened``, made of ``light(model)``, with the large weights of ``model`` in their places."""
    large = {w.name: w for w in model.graph.initializer if w.ByteSize() > LARGE}
    kept = [v for v in lightened.graph.input if v.name not in large]
    copies = [type(v).FromString(v.SerializeToString()) for v in kept]
    del lightened.graph.input[:]
    lightened.graph.input.extend(copies)
    lightened.graph.initializer.extend(large.values())
    return lightened


def strange(model: onnx.ModelProto) -> str | None:
    """Return what in ``model`` is of an element type that TVM gets wrong, or that no caller can hand over; or None."""
    from onnx import TensorProto

    def word(kind: int) -> str:
        return str(TensorProto.DataType.Name(kind))

    graph = model.graph
    ports = [(value.name, value.type.tensor_type.elem_type) for value in (*graph.input, *graph.output)]
    weights = [(weight.name, weight.data_type) for weight in graph.initializer]
    casts = [(n.output[0], a.i) for n in graph.node if n.op_type == 'Cast' for a in n.attribute if a.name == 'to']
    for name, kind in (*ports, *weights, *casts):
        if word(kind).startswith(NARROW):
            return f'{name} is of {word(kind)}, which TVM mistakes for another type'
    brains = [value.name for value in graph.input if value.type.tensor_type.elem_type == TensorProto.BFLOAT16]
    return f'the input {brains[0]} is of BFLOAT16, which NumPy cannot hand over' if brains else None
