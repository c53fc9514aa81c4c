"""A Caffe2 model in ONNX: every operator by the table, every value under a name of its own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from stages.contract.port import ANY, Contract, Port
from stages.errors import IntegrityError, UnsupportedError
from stages.frameworks.caffe2 import net
from stages.frameworks.caffe2.fill import GIVEN, LARGEST, fill
from stages.frameworks.caffe2.net import Net, Operator
from stages.frameworks.caffe2.operators import NOT_READ, OPERATORS, SECOND, Work
from stages.frameworks.onnx.build import Graph

if TYPE_CHECKING:
    import numpy

FILLS = {*GIVEN, 'ConstantFill'}


@dataclass(frozen=True)
class Files:
    """Both nets of a model: the weights by the names of their blobs, and what is computed."""

    weights: Mapping[str, numpy.ndarray]
    predict: Net

    @property
    def contract(self) -> Contract:
        """The ports; the files say no shapes and no types."""
        inputs = [name for name in self.predict.inputs if name not in self.weights]
        taken = {name for operator in self.predict.operators for name in operator.inputs}
        outputs = tuple(Port(name, ANY, 'float32') for name in self.predict.outputs)
        return Contract(tuple(Port(name, ANY, 'float32') for name in inputs if name in taken), outputs)


def files(init: Path, predict: Path) -> Files:
    """Return both nets, every operator of a type that is read. Raises UnsupportedError with those that are not."""
    filled, told = net.read(init), net.read(predict)
    if not filled.fills or told.fills:
        raise IntegrityError(f'{init.name} and {predict.name}: one must only fill weights, the other must compute')
    if not told.outputs:
        raise IntegrityError(f'{told.file}: names no external_output')
    check_types(told)
    weights: dict[str, numpy.ndarray] = {}
    left = LARGEST
    for operator in filled.operators:
        if len(operator.outputs) != 1:
            raise operator.wrong(f'fills {len(operator.outputs)} values')
        try:
            made = fill(operator)
            left -= made.size if operator.type == 'ConstantFill' else 0
            if left < 0:
                raise operator.wrong(f'and those before it make more than {LARGEST:,} numbers out of one each')
        except (ValueError, OverflowError) as error:
            raise operator.wrong(f'has {error}') from error
        weights[operator.outputs[0]] = made
    return Files(weights, told)


def check_types(told: Net) -> None:
    """Raise UnsupportedError with every type of operator, and every argument of one, that is not read."""
    unknown: dict[str, str] = {}
    for operator in told.operators:
        if operator.type in FILLS and not operator.inputs:
            continue
        entry = OPERATORS.get(operator.type)
        if entry is None:
            why = NOT_READ.get(operator.type, 'is not known here')
            unknown.setdefault(operator.type, f'{operator.type} (operator {operator.place}) {why}')
            continue
        for name in sorted(operator.arguments.keys() - entry.known):
            unknown.setdefault(f'{operator.type} {name}', f'`{name}` of {operator.type} is not read')
        if operator['order'].text not in ('', 'NCHW'):
            unknown.setdefault('order', f'{operator.type} (operator {operator.place}) has its channels last')
    if unknown:
        raise UnsupportedError(f'{told.file}: {"; ".join([*unknown.values()][:12])}')


def read(init: Path, predict: Path, contract: Contract) -> Any:
    """Return the model in these two files as ONNX, for inputs of the shapes of ``contract``."""
    found = files(init, predict)
    graph, ports = Graph(), {port.in_file: port for port in contract.inputs}
    values = {name: graph.name(name) for name in ports}
    inputs = [(values[name], port.dtype, port.shape) for name, port in ports.items()]
    taken = {name for operator in found.predict.operators for name in operator.inputs}
    for name, array in found.weights.items():
        if name in taken and name not in ports:
            values[name] = graph.weight(array, name)
    for operator in found.predict.operators:
        for name, value in zip(operator.outputs, _written(operator, values, graph, inputs), strict=False):
            values[name] = value
        if operator.type in SECOND:  # told, and nothing here takes it
            values = {name: value for name, value in values.items() if name not in operator.outputs[1:]}
    outputs = []
    for port in contract.outputs:
        if port.in_file not in values:
            raise IntegrityError(f'{found.predict.file}: nothing gives the output {port.in_file!r}')
        value = graph.op('Identity', values[port.in_file], name=f'{port.name}_out')
        outputs.append((value, 'float32', port.shape if port.shape != ANY else graph.shape(value, inputs)))
    return graph.model(inputs, outputs)


def _written(operator: Operator, values: Mapping[str, str], graph: Graph, inputs: Sequence[Any]) -> Sequence[str]:
    if missing := [name for name in operator.inputs if name not in values]:
        raise operator.wrong(f'takes {missing[0]!r}, which nothing before it gives')
    if not operator.outputs:
        raise operator.wrong('gives nothing')
    if operator.type in FILLS and not operator.inputs:
        return [graph.weight(fill(operator), operator.outputs[0])]
    if not operator.inputs:
        raise operator.wrong('takes nothing')
    given = [values[name] for name in operator.inputs]
    try:
        made = OPERATORS[operator.type].write(Work(operator, given, graph, lambda value: graph.shape(value, inputs)))
    except (ValueError, IndexError, TypeError, KeyError) as error:
        raise operator.wrong(f'has arguments that fit nothing: {error}') from error
    return [made] if isinstance(made, str) else made
