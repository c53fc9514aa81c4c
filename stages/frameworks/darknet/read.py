"""A Darknet model in ONNX: every section by the table, every number of the .weights taken."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from stages.contract.port import Contract, Port
from stages.errors import UnsupportedError
from stages.frameworks.darknet import cfg, weights
from stages.frameworks.darknet.cfg import Net
from stages.frameworks.darknet.layers import HEADS, LAYERS, NOT_READ, SHORT, TRAINING, Value, Work
from stages.frameworks.onnx.build import Graph

INPUT: Final = 'data'

EPSILON: Final = 1e-6
"""What OpenCV adds to variances. A file that was trained with another is brought to it: see ``with_epsilon``."""


@dataclass(frozen=True)
class Read:
    """A model that was read whole."""

    net: Net
    graph: Graph
    outputs: Mapping[str, Value]
    """By the layer that gives it: ``convolutional_15``."""

    header: bytes
    numbers: weights.Numbers

    @property
    def contract(self) -> Contract:
        """The ports: pictures in, and the maps that go into each head out, or what the last layer gives."""
        shape = ('batch', self.net.channels, self.net.height, self.net.width)
        outputs = tuple(Port(name, ('batch', *value.shape), 'float32') for name, value in self.outputs.items())
        return Contract((Port(INPUT, shape, 'float32'),), outputs)


def read(config: Path, numbers: Path, epsilon: float = EPSILON) -> Read:
    """Return the model in these two files, its batch norms with ``epsilon``.

    Raises UnsupportedError that names every section that is not read, and IntegrityError for files that contradict
    themselves or each other: numbers that are missing, or left over.
    """
    net = cfg.read(config)
    check_types(net)
    header, given = weights.read(numbers)
    graph = Graph()
    before = Value(graph.name(INPUT), (net.channels, net.height, net.width))
    values: list[Value] = []
    outputs: dict[str, Value] = {}
    for section in net.layers:
        entry, word = LAYERS[SHORT.get(section.type, section.type)], SHORT.get(section.type, section.type)
        if word in HEADS:
            if not section.index:
                raise section.wrong('takes the picture itself')
            outputs[_called(net, section.index - 1)] = before
        before = entry.write(Work(section, before, values, given, graph, epsilon))
        values.append(before)
    given.check_all_taken()
    return Read(net, graph, outputs or {_called(net, len(net.layers) - 1): before}, header, given)


def check_types(net: Net) -> None:
    """Raise UnsupportedError with every section, and every key of one, that is not read."""
    unknown: dict[str, str] = {}
    for section in net.layers:
        entry = LAYERS.get(SHORT.get(section.type, section.type))
        if entry is None:
            why = NOT_READ.get(section.type, 'is not known here')
            unknown.setdefault(section.type, f'[{section.type}] (line {section.line}) {why}')
            continue
        for key in section.options.keys() - entry.known - TRAINING:
            if not entry.free and section.options[key] not in ('0', ''):
                words = f'`{key}` of [{section.type}] (line {section.line}) is not read'
                unknown.setdefault(f'{section.type} {key}', words)
    if unknown:
        raise UnsupportedError(f'{net.file}: {"; ".join([*unknown.values()][:12])}')


def model_of(found: Read, contract: Contract) -> Any:
    """Return the ONNX model with the ports of ``contract``, whose names in the file are those of layers."""
    [given] = contract.inputs
    outputs = []
    for port in contract.outputs:
        value = found.graph.op('Identity', found.outputs[port.in_file].name, name=f'{port.name}_out')
        outputs.append((value, 'float32', port.shape))
    return found.graph.model([(INPUT, given.dtype, given.shape)], outputs)


def _called(net: Net, index: int) -> str:
    return f'{SHORT.get(net.layers[index].type, net.layers[index].type)}_{index}'
