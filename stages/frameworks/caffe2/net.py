"""A net of Caffe2 as its NetDef says it: operators in order, what goes in and what comes out."""

from __future__ import annotations

import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from stages.errors import IntegrityError, UnsupportedError
from stages.frameworks import message

if TYPE_CHECKING:
    import numpy

LARGEST: Final = 1 << 31
"""Bytes of a file: what Protobuf can hold."""
MOST: Final = 100_000
"""Operators."""


@dataclass(frozen=True)
class Argument:
    """What an operator is told under one name; of the kinds of values the one that stands there is meant."""

    held: Mapping[int, Sequence[Any]]

    @property
    def whole(self) -> int:
        """One whole number."""
        return _signed(self.held[3][-1]) if 3 in self.held else int(self.number)

    @property
    def number(self) -> float:
        """One number."""
        if 2 in self.held:
            return float(struct.unpack('<f', self.held[2][-1])[0])
        return float(_signed(self.held[3][-1])) if 3 in self.held else 0.0

    @property
    def text(self) -> str:
        """A text."""
        return message.text(self.held[4][-1]) if 4 in self.held else ''

    @property
    def wholes(self) -> list[int]:
        """Whole numbers."""
        found: list[int] = []
        for part in self.held.get(6, ()):
            found += [part] if isinstance(part, int) else message.packed(part)
        return [_signed(each) for each in found]

    def numbers(self) -> numpy.ndarray:
        """Numbers of float32."""
        import numpy as np

        raw = b''.join(bytes(part) for part in self.held.get(5, ()))
        if len(raw) % 4:
            raise ValueError('numbers that are cut short')
        return np.frombuffer(raw, '<f4')


NOTHING: Final = Argument({})


@dataclass(frozen=True)
class Operator:
    """An operator of the net."""

    file: str
    place: int
    type: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    arguments: Mapping[str, Argument] = field(default_factory=dict)

    def __getitem__(self, name: str) -> Argument:
        """Return what it is told under ``name``; nothing where it is not told."""
        return self.arguments.get(name, NOTHING)

    @property
    def what(self) -> str:
        """How messages name it."""
        return (
            f'{self.file}: operator {self.place} ({self.type}, gives {self.outputs[0] if self.outputs else "nothing"})'
        )

    def refused(self, words: str) -> UnsupportedError:
        """Return the error that says what of this operator is not read."""
        return UnsupportedError(f'{self.what} {words}')

    def wrong(self, words: str) -> IntegrityError:
        """Return the error that says what of this operator contradicts itself."""
        return IntegrityError(f'{self.what} {words}')


@dataclass(frozen=True)
class Net:
    """One of the two files of a model."""

    file: str
    operators: tuple[Operator, ...]
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]

    @property
    def fills(self) -> bool:
        """Whether it only makes values out of nothing: the file of the weights."""
        return all(not each.inputs for each in self.operators)


def read(path: Path) -> Net:
    """Return the net at ``path``. Raises IntegrityError for what is no NetDef."""
    if path.stat().st_size > LARGEST:
        raise IntegrityError(f'{path.name}: larger than a NetDef can be')
    try:
        net = message.fields(path.read_bytes())
        if not net.get(2) or len(net[2]) > MOST:
            raise ValueError(f'it has {len(net.get(2, ()))} operators')
        operators = tuple(_operator(path.name, place, part) for place, part in enumerate(net[2]))
        names = [tuple(message.text(name) for name in net.get(number, ())) for number in (7, 8)]
    except (ValueError, IndexError, TypeError, KeyError, struct.error) as error:
        raise IntegrityError(f'{path.name}: not a net of Caffe2, or a damaged one: {error or "cut short"}') from error
    return Net(path.name, operators, *names)


def _operator(file: str, place: int, part: Any) -> Operator:
    held = message.fields(part)
    arguments = {}
    for raw in held.get(5, ()):
        said = message.fields(raw)
        arguments[message.text(said[1][-1])] = Argument(said)
    kind = message.text(held[4][-1]) if held.get(4) else ''
    if not kind:
        raise ValueError(f'operator {place} has no type')
    inputs, outputs = (tuple(message.text(name) for name in held.get(number, ())) for number in (1, 2))
    return Operator(file, place, kind, inputs, outputs, arguments)


def _signed(value: int) -> int:
    value &= (1 << 64) - 1
    return value - (1 << 64) if value >> 63 else value
