"""The words for what goes into a model and what comes out: ports, and the contract they make together.

A contract is read from the model by its source, written anew by each kind for what it made, and kept beside the
model's files as ``contract.json``. Whoever feeds a model (calibration, check, measuring, serving) reads it there.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, Final

BATCH: Final = 'batch'
"""The one dimension that counts samples, by its name in recipes and contracts."""

CONTRACT: Final = 'contract.json'
MANIFEST: Final = 'manifest.json'
MANIFEST_FORMAT: Final = 2

ANY: Final = ('*',)
"""The shape of a port of which the file does not even tell how many axes it has."""


@dataclass(frozen=True)
class Quantization:
    """What the whole numbers of a port mean: ``real = scale * (stored - zero_point)``.

    One scale and one zero point, or one of each for every slice of ``axis``.
    """

    scale: tuple[float, ...]
    zero_point: tuple[int, ...]
    axis: int | None = None


@dataclass(frozen=True)
class Port:
    """One input or output of a model."""

    name: str
    """In the recipe, the manifest and every feed."""

    shape: tuple[int | str, ...]
    """A dimension is a number where the file fixes it, or a name where the model takes any size."""

    dtype: str
    """NumPy's word: ``float32``, ``int64`` …"""

    file: str = ''
    """Its name in the file, where that differs from ``name`` (a torch argument, a path into a nested output)."""

    batch: int | None = None
    """The axis that counts samples, also where its size is fixed; None: it has none, and is fed as it is."""

    carries: str = ''
    """Of an input: the output whose value it takes over from the call before. It starts with zeros."""

    quantization: Quantization | None = None
    dims: tuple[str, ...] = ()
    """Of a port whose shape became numbers: what the recipe calls each dimension, empty where it has no name."""

    def __post_init__(self) -> None:
        if self.batch is None and BATCH in self.shape:
            object.__setattr__(self, 'batch', self.shape.index(BATCH))

    @property
    def in_file(self) -> str:
        """Its name in the file."""
        return self.file or self.name

    @property
    def rows(self) -> int | None:
        """How many samples the file insists on in one call; None: any number, or there is no batch axis."""
        size = None if self.batch is None else self.shape[self.batch]
        return size if isinstance(size, int) else None

    def sized(self, **sizes: int) -> tuple[int, ...]:
        """Return the shape with every named dimension replaced; a name that is not given counts 1."""
        return tuple(sizes.get(d, 1) if isinstance(d, str) else d for d in self.shape)

    def fixed(self, sizes: Mapping[str, int]) -> Port:
        """Return the port of an artifact made for these sizes alone; a name that is not given becomes 1."""
        named = tuple(d if isinstance(d, str) else '' for d in self.shape)
        return replace(self, shape=self.sized(**sizes), dims=named if any(named) else self.dims)

    def name_of(self, axis: int) -> str:
        """Return what dimension ``axis`` is called; empty where it has no name."""
        size = self.shape[axis]
        return size if isinstance(size, str) else self.dims[axis] if self.dims else ''


@dataclass(frozen=True)
class Contract:
    """The ports of a model, in the recipe's order, and what else is to be known to run it rightly."""

    inputs: tuple[Port, ...] = ()
    outputs: tuple[Port, ...] = ()
    precision: str = 'f32'
    """What its numbers are made of (``f32``, ``f16``, ``int8`` …): by this it is judged."""

    sizes: Mapping[str, int] = field(default_factory=dict, hash=False)
    """At which sizes the recipe has named dimensions probed, measured and, where an artifact takes one, made."""

    state: tuple[str, ...] = ()
    """What the model keeps inside from call to call (variables of the file). An engine starts it fresh in each call."""

    notes: tuple[str, ...] = ()
    """What whoever ships it should know of how it was made, a sentence each: what a tool left out, and why."""

    def input(self, name: str) -> Port:
        """Return the input ``name``; KeyError when there is none."""
        return {port.name: port for port in self.inputs}[name]

    @property
    def rows(self) -> int | None:
        """How many samples one call must hold; None: any number."""
        return next((port.rows for port in self.inputs if port.rows is not None), None)

    @property
    def batched(self) -> bool:
        """Whether any input has a batch axis: without one, a feed is a single sample."""
        return any(port.batch is not None for port in self.inputs)

    def fixed(self, batch: int = 1) -> Contract:
        """Return the contract of an artifact that takes ``batch`` samples and the recipe's sizes, nothing else.

        A dimension of an output that no input has (a count of detections) stays free.
        """
        sizes = {**self.sizes, BATCH: batch}
        known = {d for port in self.inputs for d in port.shape if isinstance(d, str)}
        outputs = tuple(
            replace(port, shape=tuple(sizes.get(d, 1) if d in known else d for d in port.shape))
            for port in self.outputs
        )
        return replace(self, inputs=tuple(port.fixed(sizes) for port in self.inputs), outputs=outputs)


def contract_json(contract: Contract) -> dict[str, Any]:
    """Return ``contract`` as JSON values: what stands in ``contract.json``, a request, and a manifest.

    Of a port only what it has is written, besides name, type, shape and batch axis.
    """
    return {
        'inputs': [_port_json(port) for port in contract.inputs],
        'outputs': [_port_json(port) for port in contract.outputs],
        'precision': contract.precision,
        'sizes': dict(contract.sizes),
        'state': list(contract.state),
        'notes': list(contract.notes),
    }


def contract_of(read: Mapping[str, Any]) -> Contract:
    """Return the contract that ``contract_json`` gave; fields that it lacks have their defaults."""
    return Contract(
        inputs=tuple(_port(port) for port in read['inputs']),
        outputs=tuple(_port(port) for port in read['outputs']),
        precision=read.get('precision', 'f32'),
        sizes=dict(read.get('sizes', {})),
        state=tuple(read.get('state', ())),
        notes=tuple(read.get('notes', ())),
    )


def read_contract(folder: Path) -> Contract:
    """Return the contract of the model in ``folder``: beside a step's files, or in a delivered artifact's manifest."""
    kept = folder / CONTRACT
    return contract_of(json.loads((kept if kept.exists() else folder / MANIFEST).read_text('utf-8')))


def write_contract(contract: Contract, folder: Path) -> None:
    """Leave ``contract`` beside the model in ``folder``: equal contracts are equal bytes."""
    text = json.dumps(contract_json(contract), indent=1, sort_keys=True, ensure_ascii=False)
    (folder / CONTRACT).write_text(text + '\n', 'utf-8')


def listed(ports: Sequence[Port]) -> str:
    """Return ports in words: ``image float32 [batch, 3, 224, 224], mask bool [batch]``."""
    return ', '.join(f'{p.name} {p.dtype} [{", ".join(map(str, p.shape))}]' for p in ports) or 'nothing'


def _port_json(port: Port) -> dict[str, Any]:
    said = {'name': port.name, 'dtype': port.dtype, 'shape': list(port.shape), 'batch': port.batch}
    more: dict[str, Any] = {'file': port.file, 'carries': port.carries, 'dims': list(port.dims)}
    if port.quantization:
        more['quantization'] = asdict(port.quantization)
    return said | {name: value for name, value in more.items() if value}


def _port(read: Mapping[str, Any]) -> Port:
    held = read.get('quantization')
    quantization = Quantization(tuple(held['scale']), tuple(held['zero_point']), held.get('axis')) if held else None
    return Port(
        name=read['name'],
        shape=tuple(read['shape']),
        dtype=read['dtype'],
        file=read.get('file', ''),
        batch=read.get('batch'),
        carries=read.get('carries', ''),
        quantization=quantization,
        dims=tuple(read.get('dims', ())),
    )
