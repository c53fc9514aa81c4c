"""What an ONNX graph says of its inputs and outputs."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from stages.contract.match import matched
from stages.contract.port import ANY, Contract, Port
from stages.errors import StepError

if TYPE_CHECKING:
    import onnx

INTEGER: Final = {
    'QuantizeLinear', 'DequantizeLinear', 'QLinearConv', 'QLinearMatMul', 'ConvInteger', 'MatMulInteger',
    'DynamicQuantizeLinear', 'DynamicQuantizeMatMul', 'DynamicQuantizeLSTM', 'QAttention', 'QGemm', 'QLinearAdd',
    'MatMulIntegerToFloat', 'QEmbedLayerNormalization', 'QMoE',
}  # fmt: skip
"""Operators that compute in, or convert to, whole numbers of a quantized model."""

PACKED: Final = {'MatMulNBits', 'GatherBlockQuantized', 'MatMulBnb4'}
"""Operators of ONNX Runtime whose weights are packed; their attribute ``bits`` says how small."""


def read(model: onnx.ModelProto, where: str = 'model.onnx') -> Contract:
    """Return the ports of ``model`` under its own names, in its order, and the precision of its weights.

    Weights that old files list among the inputs are no inputs. A dimension that has no name gets that of its port and
    axis. Raises StepError for an input or output that is no tensor.
    """
    weights = {w.name for w in model.graph.initializer} | {s.values.name for s in model.graph.sparse_initializer}
    inputs = tuple(_port(value, where, 'input') for value in model.graph.input if value.name not in weights)
    outputs = tuple(_port(value, where, 'output') for value in model.graph.output)
    return Contract(inputs, outputs, precision=precision(model))


def made(model: onnx.ModelProto, before: Contract) -> Contract:
    """Return the contract of ``model``, which a step made of one with the contract ``before``, under the same names.

    An input that the tool found unused and dropped is no input any more.
    """
    found = read(model)
    taken = {port.name for port in found.inputs}
    kept = replace(
        before,
        inputs=tuple(replace(port, file='') for port in before.inputs if port.name in taken),
        outputs=tuple(replace(port, file='') for port in before.outputs),
    )
    contract = matched('model.onnx', found, kept)
    inputs = tuple(replace(port, file='') for port in contract.inputs)
    return replace(contract, inputs=inputs, outputs=tuple(replace(port, file='') for port in contract.outputs))


def precision(model: onnx.ModelProto) -> str:
    """Return what the model's numbers are made of: its operators say so, else the type that most weights have."""
    import math

    from onnx import TensorProto

    nodes = [node for graph in (model.graph, *model.functions) for node in graph.node]
    packed = [a.i for node in nodes if node.op_type in PACKED for a in node.attribute if a.name == 'bits']
    if packed:
        return 'int4' if min(packed) <= 4 else 'int8'
    if any(node.op_type in INTEGER for node in nodes):
        return 'int8'
    numbers: dict[Any, int] = {}
    for weight in model.graph.initializer:
        numbers[weight.data_type] = numbers.get(weight.data_type, 0) + math.prod(weight.dims)
    for node in nodes:
        if node.op_type == 'Constant':
            for attribute in node.attribute:
                if attribute.name == 'value':
                    kind = attribute.t.data_type
                    numbers[kind] = numbers.get(kind, 0) + math.prod(attribute.t.dims)
    floats = {
        TensorProto.FLOAT: 'f32',
        TensorProto.DOUBLE: 'f32',
        TensorProto.FLOAT16: 'f16',
        TensorProto.BFLOAT16: 'bf16',
    }
    found = {name: sum(n for kind, n in numbers.items() if floats.get(kind) == name) for name in set(floats.values())}
    if not any(found.values()):
        return _of_ports(model)
    return max(sorted(found), key=lambda name: found[name])


def _of_ports(model: Any) -> str:
    """A model without weights computes in what it takes and gives."""
    from onnx import TensorProto

    kinds = {value.type.tensor_type.elem_type for value in (*model.graph.input, *model.graph.output)}
    if TensorProto.BFLOAT16 in kinds:
        return 'bf16'
    return 'f16' if TensorProto.FLOAT16 in kinds else 'f32'


def _port(value: Any, where: str, role: str) -> Port:
    import onnx

    kind = value.type.WhichOneof('value')
    if kind != 'tensor_type':
        raise StepError(_no_tensor(value, where, role))
    held = value.type.tensor_type
    dtype = onnx.helper.tensor_dtype_to_np_dtype(held.elem_type)
    name = 'str' if held.elem_type == onnx.TensorProto.STRING else dtype.name
    shape: tuple[int | str, ...] = tuple(
        d.dim_value if d.HasField('dim_value') and d.dim_value > 0 else d.dim_param or f'{value.name}_{axis}'
        for axis, d in enumerate(held.shape.dim)
    )
    return Port(value.name, shape if held.HasField('shape') else ANY, name)


def _no_tensor(value: Any, where: str, role: str) -> str:
    kind = value.type.WhichOneof('value') or 'nothing'
    if kind == 'sequence_type' and value.type.sequence_type.elem_type.WhichOneof('value') == 'map_type':
        return (
            f'{where}: the {role} {value.name!r} is a sequence of maps, one for each sample, which only Python reads\n'
            'what to try: export the classifier without ZipMap (sklearn-onnx: options={"zipmap": False}): '
            'its probabilities are then a tensor'
        )
    words = {'sequence_type': 'a sequence', 'map_type': 'a map', 'optional_type': 'optional'}.get(kind, kind)
    return (
        f'{where}: the {role} {value.name!r} is {words}; models here take and give tensors\n'
        'what to try: export the model with its parts as inputs or outputs of their own'
    )
