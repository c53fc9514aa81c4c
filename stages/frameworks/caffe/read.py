"""A Caffe model in ONNX: every layer by the table, every value under a name of its own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from stages.contract.port import Contract, Port
from stages.errors import UnsupportedError
from stages.frameworks.caffe import blobs, net
from stages.frameworks.caffe.layers import LAYERS, NOT_READ
from stages.frameworks.caffe.layers.detection import DECODED
from stages.frameworks.caffe.layers.entry import Value, Work
from stages.frameworks.caffe.net import Layer, Net
from stages.frameworks.onnx.build import Graph

if TYPE_CHECKING:
    import numpy

LAYER: Final = {
    'name', 'type', 'bottom', 'top', 'phase', 'loss_weight', 'param', 'blobs', 'blobs_lr', 'weight_decay',
    'propagate_down', 'include', 'exclude', 'transform_param', 'loss_param',
}  # fmt: skip
"""Fields of a layer that say nothing of what it computes, or that are read for every type."""


@dataclass(frozen=True)
class Read:
    """A model that was read whole."""

    net: Net
    graph: Graph
    values: Mapping[str, Value]
    """Every blob as it is at the end."""

    outputs: Sequence[str]
    """Blobs."""

    mixes: Sequence[str]
    """Layers that make one thing of all samples; with one of them, the file's batch is the only one."""

    @property
    def contract(self) -> Contract:
        """The ports under the file's names; the batch is free unless a layer mixes samples."""
        inputs = tuple(Port(name, self._free(Value(name, shape)), 'float32') for name, shape in self.net.inputs)
        outputs = tuple(Port(name, self._named(name), 'float32') for name in self.outputs)
        return Contract(inputs, outputs)

    def _named(self, blob: str) -> tuple[int | str, ...]:
        value = self.values[blob]
        return tuple(f'{blob}_{axis}' if axis in value.open else d for axis, d in enumerate(self._free(value)))

    def _free(self, value: Value) -> tuple[int | str, ...]:
        free = value.batched and not self.mixes and len(value.shape) > 1
        return ('batch', *value.shape[1:]) if free else value.shape


def read(prototxt: Path, caffemodel: Path, *, decode: bool = False) -> Read:
    """Return the model in these two files; ``decode``: with the boxes of a detector, in place of its heads.

    Raises UnsupportedError that names every layer that is not read, and IntegrityError for files that contradict
    themselves or each other.
    """
    described = net.read(prototxt)
    described, heads = (described, ()) if decode else _without_decoding(described)
    check_types(described)
    weights = blobs.read(caffemodel)
    graph = Graph()
    values = {name: Value(graph.name(name), shape) for name, shape in described.inputs}
    mixes: list[str] = []
    if len({shape[0] for _, shape in described.inputs}) > 1:
        mixes.append('inputs of several sizes')
    for layer in described.layers:
        made = _written(layer, [values[blob] for blob in layer.bottoms], weights.get(layer.name, []), graph, mixes)
        values |= dict(zip(layer.tops, made, strict=True))
    outputs = heads or described.outputs
    return Read(described, graph, values, outputs, mixes)


def check_types(described: Net) -> None:
    """Raise UnsupportedError with every type of layer, and every field of one, that is not read."""
    unknown: dict[str, str] = {}
    for layer in described.layers:
        entry = LAYERS.get(layer.type)
        if entry is None:
            why = NOT_READ.get(layer.type, 'is not known here')
            unknown.setdefault(layer.type, f'{layer.type} (line {layer.said.line}) {why}')
            continue
        params = layer.said.message(entry.params).fields if entry.params else {}
        foreign = [name for name in layer.said.fields if name not in LAYER and name != entry.params]
        foreign += [f'{entry.params}.{name}' for name in params if name not in entry.known]
        for name in foreign:
            unknown.setdefault(f'{layer.type} {name}', f'`{name}` of {layer.type} (line {layer.said.line}) is not read')
    if unknown:
        raise UnsupportedError(f'{described.file}: {"; ".join([*unknown.values()][:12])}')


def decodes(prototxt: Path, contract: Contract) -> bool:
    """Return whether the outputs of ``contract`` are the boxes of a detector."""
    named = {port.in_file for port in contract.outputs}
    return any(layer.type == DECODED and named & {*layer.tops} for layer in net.read(prototxt).layers)


def _without_decoding(described: Net) -> tuple[Net, tuple[str, ...]]:
    """Return the net without the layer that decodes boxes, and what it would take: the model's outputs then."""
    decoders = [layer for layer in described.layers if layer.type == DECODED]
    if not decoders:
        return described, ()
    kept = tuple(layer for layer in described.layers if layer.type != DECODED)
    without = Net(described.file, described.inputs, kept)
    heads = dict.fromkeys(blob for layer in decoders for blob in layer.bottoms)
    decoded = {blob for layer in decoders for blob in layer.tops}
    if any(decoded & {*layer.bottoms} for layer in kept):
        raise decoders[0].refused('is followed by layers that take its boxes')
    return without, (*heads, *(blob for blob in without.outputs if blob not in heads))


def _written(
    layer: Layer, inputs: list[Value], weights: Sequence[numpy.ndarray], graph: Graph, mixes: list[str]
) -> Sequence[Value]:
    entry = LAYERS[layer.type]
    if not inputs:
        raise layer.wrong('takes nothing')
    params = layer.said.message(entry.params) if entry.params else layer.said
    made = entry.write(Work(layer, inputs, weights, graph, mixes, params))
    if len(made) != len(layer.tops):
        raise layer.wrong(f'gives {len(layer.tops)} blobs; expected {len(made)}')
    return made


def model_of(found: Read, contract: Contract) -> Any:
    """Return the ONNX model with the ports of ``contract``, whose names in the file are those of blobs."""
    graph, names = found.graph, {port.in_file: port for port in contract.inputs}
    inputs = [(found_name, names[found_name].dtype, names[found_name].shape) for found_name, _ in found.net.inputs]
    outputs = []
    for port in contract.outputs:
        value = graph.op('Identity', found.values[port.in_file].name, name=f'{port.name}_out')
        outputs.append((value, 'float32', port.shape))
    return graph.model(inputs, outputs)
