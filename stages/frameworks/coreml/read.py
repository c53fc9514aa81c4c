"""A Core ML model in ONNX: parsed by Apple's coremltools, every operation of a program, every layer by our tables."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from stages.contract.port import Contract, Port
from stages.errors import IntegrityError, UnsupportedError
from stages.frameworks.coreml import flexible, pictures, spec
from stages.frameworks.coreml.network import Network
from stages.frameworks.coreml.operators import NOT_READ, OPERATORS
from stages.frameworks.coreml.work import Work, plain
from stages.frameworks.onnx.build import Graph

SHARED: Final = {
    'fp16': 'float32',
    'fp32': 'float32',
    'fp64': 'float32',
    'int32': 'int32',
    'bool': 'bool',
    'int64': 'int64',
}
"""What ports are in ONNX, by the program's words; half precision is computed, taken and given in single."""


@dataclass(frozen=True)
class Program:
    """The only function of a program, and the description of its ports."""

    function: Any
    file: str
    description: Any

    @property
    def contract(self) -> Contract:
        """The ports under the program's names; a size that it leaves open is named after its input and its axis.

        ``sizes`` are the file's own defaults for what it leaves open; notes say what Core ML lets these be.
        """
        open_sizes: dict[str, str] = {}
        inputs = [_port(self.file, name, value, open_sizes) for name, value in self.function.inputs.items()]
        outputs = [_port(self.file, value.name, value, open_sizes) for value in self.function.outputs]
        sizes: dict[str, int] = {}
        notes: list[str] = []
        told = {feature.name: feature for feature in self.description.input}
        for port in inputs:
            feature = told.get(port.name)
            if feature is None:
                continue
            if feature.type.WhichOneof('Type') == 'imageType':
                notes += pictures.note(feature)
            if any(isinstance(size, str) for size in port.shape):
                own = flexible.default(feature, len(port.shape))
                sizes |= {size: own[axis] for axis, size in enumerate(port.shape) if isinstance(size, str)}
                notes += flexible.notes(feature, port.shape)
        return Contract(tuple(inputs), tuple(outputs), sizes=sizes, notes=tuple(notes))

    def counted(self) -> dict[str, int]:
        """Return how many operations of each type there are."""
        return dict(Counter(each.op_type for each in self.function.operations if each.op_type != 'const'))

    def onnx(self, contract: Contract) -> Any:
        """Return the program as ONNX, with the ports of ``contract``."""
        graph = Graph()
        values = {name: graph.name(name) for name in self.function.inputs}
        made = _written(self.function, graph, values)
        found = {each.name: value for each, value in zip(self.function.outputs, made, strict=True)}
        inputs = [(values[port.in_file], port.dtype, port.shape) for port in contract.inputs]
        outputs = []
        for port in contract.outputs:
            value = graph.op('Identity', found[port.in_file], name=f'{port.name}_out')
            outputs.append((value, port.dtype, port.shape))
        return graph.model(inputs, outputs)


def _written(block: Any, graph: Graph, known: Mapping[str, str]) -> list[str]:
    """Write the operations of a block, or of the function, into ``graph``; return the values of its outputs."""
    values = dict(known)

    def inner(block: Any, graph: Graph, given: Mapping[str, str]) -> list[str]:
        return _written(block, graph, {**values, **given})

    for operation in block.operations:
        if all(each.val is not None for each in operation.outputs):
            continue  # a constant, or a shape that nothing leaves open: a weight where something takes it
        work = Work(operation, graph, values, inner)
        try:
            made = OPERATORS[operation.op_type](work)
        except (KeyError, IndexError, TypeError, ValueError, AttributeError) as error:
            raise work.refused(f'is told in a way that is not read: {type(error).__name__}: {error}') from error
        for output, value in zip(operation.outputs, [made] if isinstance(made, str) else made, strict=True):
            values[output.name] = value
    return [
        values[each.name] if each.name in values else graph.weight(plain(each.val), each.name) for each in block.outputs
    ]


def opened(folder: Path) -> Program | Network:
    """Return the model in the package at ``folder``.

    Raises IntegrityError for what is none, UnsupportedError for another kind of model, and for one with operations or
    layers that are not read: all of them named.
    """
    told = spec.read(folder)
    if told.WhichOneof('Type') in spec.NETWORKS:
        return Network(told, spec.MODEL.name)
    return _program(folder, told)


def _program(folder: Path, told: Any) -> Program:
    path, weights = folder / spec.MODEL, folder / spec.WEIGHTS
    with spec.quiet():
        from coremltools.converters.mil.frontend.milproto import load

        named = list(told.mlProgram.functions)
        if named != ['main']:
            raise UnsupportedError(f'{path.name}: has the functions {", ".join(named) or "none"}; expected main alone')
        _check_types(path.name, told.mlProgram)
        try:
            loaded = load.load(
                told, specification_version=told.specificationVersion, file_weights_dir=str(weights.parent)
            )
        except Exception as error:  # whatever it stumbles over in a damaged file
            raise IntegrityError(f'{path.name}: not to be read: {type(error).__name__}: {str(error)[:200]}') from error
    return Program(loaded.functions['main'], path.name, told.description)


def _check_types(file: str, told: Any) -> None:
    """Raise UnsupportedError with every type of operation that is not read, before anything is made of it."""
    unknown: dict[str, str] = {}
    waiting = [block for function in told.functions.values() for block in function.block_specializations.values()]
    while waiting:
        for operation in waiting.pop().operations:
            waiting += operation.blocks
            if operation.type not in OPERATORS and operation.type != 'const':
                why = NOT_READ.get(operation.type, 'is not known here')
                unknown.setdefault(operation.type, f'{operation.type} {why}')
    if unknown:
        raise UnsupportedError(f'{file}: {"; ".join([*unknown.values()][:12])}')


def read(folder: Path, contract: Contract) -> Any:
    """Return the model in ``folder`` as ONNX, with the ports of ``contract``."""
    return opened(folder).onnx(contract)


def _port(file: str, name: str, value: Any, known: dict[str, str]) -> Port:
    from coremltools.converters.mil.mil import types

    dtype = SHARED.get(types.builtin_to_string(value.dtype))
    if dtype is None:
        raise UnsupportedError(f'{file}: {name} is {types.builtin_to_string(value.dtype)}; expected numbers')
    sizes = [
        int(size) if hasattr(size, '__index__') else known.setdefault(str(size), f'{name}_{axis}')
        for axis, size in enumerate(value.shape)
    ]
    return Port(name, tuple(sizes), dtype)
