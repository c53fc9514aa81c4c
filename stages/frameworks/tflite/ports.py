"""What a TFLite file says of its inputs and outputs, of what it is made of, and of what it keeps between calls."""

from __future__ import annotations

import mmap
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

from stages.contract.match import matched
from stages.contract.port import Contract, Port, Quantization
from stages.errors import UnsupportedError

TYPES: Final = (
    'float32', 'float16', 'int32', 'uint8', 'int64', 'str', 'bool', 'int16', 'complex64', 'int8', 'float64',
    'complex128', 'uint64', 'resource', 'variant', 'uint32', 'uint16', 'int4', 'bfloat16', 'int2', 'uint4',
)  # fmt: skip
"""The types of tensors by their number in TFLite's schema, in the words of a port."""

NARROW: Final = {'int2': 'int4', 'int4': 'int4', 'uint4': 'int4', 'int8': 'int8', 'uint8': 'int8', 'int16': 'int8'}
"""What a quantized tensor of this type makes of a model."""

NO_PORT: Final = {'resource', 'variant', 'int2', 'int4', 'uint4', 'unknown'}


@dataclass(frozen=True)
class State:
    """What a file keeps from call to call."""

    tensors: tuple[str, ...]
    """Tensors that the interpreter keeps, and can set back to zero."""

    variables: tuple[str, ...]
    """Variables that the model writes while it answers; only a new interpreter has them as they were."""


def read(path: Path) -> Contract:
    """Return the ports of the file under its own names and in its order, its precision and its state."""
    model = _model(path)
    graph = model.subgraphs[0]
    given, returned = _names(model)
    inputs = tuple(_port(graph.tensors[i], name) for i, name in zip(graph.inputs, given, strict=True))
    outputs = tuple(_port(graph.tensors[i], name) for i, name in zip(graph.outputs, returned, strict=True))
    kept = _state(model)
    return Contract(inputs, outputs, precision=_precision(model), state=(*kept.tensors, *kept.variables))


def names(path: Path) -> tuple[list[str], list[str]]:
    """Return what ``read`` calls the inputs and outputs, by place."""
    return _names(_model(path))


def state(path: Path) -> State:
    """Return what the file keeps from call to call."""
    return _state(_model(path))


def made(path: Path, before: Contract) -> Contract:
    """Return the contract of the file at ``path``, made of a model with the contract ``before``, under its names.

    A file names no dimensions; those that are still free have the names they had. A converter may have names of its
    own for what it makes (``args_0``): the contract keeps both.
    """
    plain = replace(
        before,
        inputs=tuple(replace(port, file='') for port in before.inputs),
        outputs=tuple(replace(port, file='') for port in before.outputs),
    )
    contract = matched(path.name, read(path), plain)
    inputs = tuple(_own_name(port) for port in contract.inputs)
    outputs = tuple(_like(port, old) for port, old in zip(contract.outputs, before.outputs, strict=True))
    return replace(contract, inputs=inputs, outputs=outputs)


def _own_name(port: Port) -> Port:
    return replace(port, file='' if port.file == port.name else port.file)


def _like(port: Port, before: Port) -> Port:
    """Return an output with the names of dimensions that it had."""
    if len(port.shape) != len(before.shape):
        return _own_name(port)
    pairs = zip(port.shape, before.shape, strict=True)
    shape = tuple(old if isinstance(size, str) and isinstance(old, str) else size for size, old in pairs)
    return replace(_own_name(port), shape=shape, batch=before.batch)


def _model(path: Path) -> Any:
    """Return the file as objects. It is mapped: an engine that reads its names must not hold the weights twice."""
    from ai_edge_litert import schema_py_generated as schema

    with path.open('rb') as file:
        data = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
    return schema.ModelT.InitFromPackedBuf(data, 0)


def _names(model: Any) -> tuple[list[str], list[str]]:
    """Return a name for each input and output: the signature's, else the tensor's; made distinct by their place."""
    graph = model.subgraphs[0]
    signature = next((s for s in model.signatureDefs or [] if s.subgraphIndex == 0), None)
    given = {part.tensorIndex: _text(part.name) for part in signature.inputs or []} if signature else {}
    returned = {part.tensorIndex: _text(part.name) for part in signature.outputs or []} if signature else {}
    return _distinct(graph, graph.inputs, given, 'input'), _distinct(graph, graph.outputs, returned, 'output')


def _distinct(graph: Any, indices: Sequence[int], known: dict[int, str], what: str) -> list[str]:
    found: list[str] = []
    for place, index in enumerate(indices):
        name = known.get(index) or _text(graph.tensors[index].name) or what
        found.append(name if name not in found else f'{name}:{place}')
    return found


def _port(tensor: Any, name: str) -> Port:
    kind = _type(tensor)
    if kind in NO_PORT:
        raise UnsupportedError(f'{name}: values of type {kind} cannot be taken or given; expected numbers or strings')
    signature = tensor.shapeSignature
    declared = signature if signature is not None and len(signature) else tensor.shape
    shape = tuple(
        f'{name}_{axis}' if size < 0 else int(size) for axis, size in enumerate([] if declared is None else declared)
    )
    return Port(name, shape, kind, quantization=None if kind.startswith('float') else _quantization(tensor))


def _quantization(tensor: Any) -> Quantization | None:
    held = tensor.quantization
    if held is None or held.scale is None or not len(held.scale):
        return None
    scale = tuple(float(value) for value in held.scale)
    zero = tuple(int(value) for value in held.zeroPoint) if held.zeroPoint is not None else (0,) * len(scale)
    return Quantization(scale, zero, held.quantizedDimension if len(scale) > 1 else None)


def _precision(model: Any) -> str:
    """Return what the model computes in, or its weights are kept in.

    A file whose ports alone are whole numbers computes in float: a conversion right behind an input does not count.
    """
    from ai_edge_litert.schema_py_generated import BuiltinOperator

    codes, narrow = _codes(model), set()
    sizes = {'float16': 0, 'float32': 0}
    for graph in model.subgraphs:
        used: set[int] = set()
        for operator in graph.operators or []:
            if codes[operator.opcodeIndex] not in (BuiltinOperator.QUANTIZE, BuiltinOperator.DEQUANTIZE):
                used |= {*_listed(operator.inputs), *_listed(operator.outputs)}
        for index, tensor in enumerate(graph.tensors or []):
            kind, stored = _type(tensor), _stored(model, tensor)
            if kind in NARROW and (index in used or stored) and _quantization(tensor):
                narrow.add(NARROW[kind])
            if kind in sizes:
                sizes[kind] += stored * 8 // int(kind.removeprefix('float'))
    if narrow:
        return min(narrow)
    return 'f16' if sizes['float16'] > sizes['float32'] else 'f32'


def _stored(model: Any, tensor: Any) -> int:
    """Return the bytes that the file holds for a tensor."""
    buffer = model.buffers[tensor.buffer]
    return int(buffer.size) if buffer.size else 0 if buffer.data is None else len(buffer.data)


def _state(model: Any) -> State:
    """Return the tensors marked as variables, and the variables that are written outside the initialization."""
    from ai_edge_litert.schema_py_generated import BuiltinOperator

    codes = _codes(model)
    operators = [
        (place, codes[operator.opcodeIndex], operator)
        for place, graph in enumerate(model.subgraphs)
        for operator in graph.operators or []
    ]
    once = {o.builtinOptions.initSubgraphIndex for _, code, o in operators if code == BuiltinOperator.CALL_ONCE}
    called = {
        (place, o.outputs[0]): _text(o.builtinOptions.sharedName) or 'variable'
        for place, code, o in operators
        if code == BuiltinOperator.VAR_HANDLE
    }
    written = [
        called.get((place, o.inputs[0]), 'variable')
        for place, code, o in operators
        if code == BuiltinOperator.ASSIGN_VARIABLE and place not in once
    ]
    kept = [
        _text(tensor.name) or 'variable'
        for graph in model.subgraphs
        for tensor in graph.tensors or []
        if tensor.isVariable
    ]
    return State(tuple(dict.fromkeys(kept)), tuple(dict.fromkeys(written)))


def _codes(model: Any) -> list[int]:
    return [max(code.builtinCode, code.deprecatedBuiltinCode) for code in model.operatorCodes or []]


def _listed(indices: Any) -> list[int]:
    return [] if indices is None else [int(index) for index in indices]


def _type(tensor: Any) -> str:
    return TYPES[tensor.type] if tensor.type < len(TYPES) else 'unknown'


def _text(name: bytes | None) -> str:
    return (name or b'').decode('utf-8', 'replace')
