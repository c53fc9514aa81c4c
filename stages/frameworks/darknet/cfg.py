"""A Darknet net as its .cfg says it: sections in order, each a layer, with keys and values."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from stages.errors import IntegrityError, UnsupportedError

LARGEST: Final = 1 << 22
SIDE: Final = 1 << 14
"""The most pixels on a side of the picture, and channels."""
MOST: Final = 10_000
"""Layers."""

HEAD: Final = re.compile(r'\[(\w+)\]')
PAIR: Final = re.compile(r'(\w+)\s*=\s*(.*)')


@dataclass(frozen=True)
class Section:
    """A section of the file."""

    file: str
    line: int
    type: str
    index: int
    """Which layer it is, from 0; -1 for the net itself."""

    options: Mapping[str, str]

    def wrong(self, words: str) -> IntegrityError:
        """Return the error that says what of this section contradicts itself."""
        return IntegrityError(f'{self.file}:{self.line}: [{self.type}] (layer {self.index}) {words}')

    def refused(self, words: str) -> UnsupportedError:
        """Return the error that says what of this section is not read."""
        return UnsupportedError(f'{self.file}:{self.line}: [{self.type}] (layer {self.index}) {words}')

    def wholes(self, name: str) -> list[int]:
        """Return a list of whole numbers."""
        try:
            found = [int(part) for part in self.options.get(name, '').split(',') if part.strip()]
        except ValueError:
            raise self.wrong(f'has {name}={self.options[name]}; expected whole numbers') from None
        if any(abs(each) > 1 << 24 for each in found):
            raise self.wrong(f'has {name}={self.options[name]}, more than any net has')
        return found

    def whole(self, name: str, default: int, least: int = 0) -> int:
        """Return a whole number that is at least ``least``."""
        found = self.wholes(name) or [default]
        if len(found) > 1 or found[0] < least:
            raise self.wrong(f'has {name}={self.options.get(name)}; expected one number from {least}')
        return found[0]

    def number(self, name: str, default: float) -> float:
        """Return a number."""
        try:
            return float(self.options.get(name, default))
        except ValueError:
            raise self.wrong(f'has {name}={self.options[name]}; expected a number') from None

    def flag(self, name: str) -> bool:
        """Return whether a number is set and not 0."""
        return self.whole(name, 0, -1) != 0


@dataclass(frozen=True)
class Net:
    """The picture that goes in, and the layers."""

    file: str
    channels: int
    height: int
    width: int
    layers: tuple[Section, ...]


def read(path: Path) -> Net:
    """Return the net at ``path``. Raises IntegrityError, with the line."""
    name, data = path.name, path.read_bytes()
    if len(data) > LARGEST:
        raise IntegrityError(f'{name}: has {len(data)} bytes, more than any .cfg')
    try:
        sections = _sections(name, data.decode('utf-8'))
    except UnicodeDecodeError as error:
        raise IntegrityError(f'{name}: not a .cfg: {error}') from error
    if len(sections) < 2 or sections[0].type not in ('net', 'network'):
        raise IntegrityError(f'{name}: not a .cfg of Darknet: it must begin with [net] and have layers')
    if len(sections) > MOST:
        raise IntegrityError(f'{name}: has {len(sections)} sections, more than any net')
    net = sections[0]
    sides = [net.whole(word, 0) for word in ('channels', 'height', 'width')]
    if not all(0 < side <= SIDE for side in sides):
        raise net.wrong(f'says channels, height, width {sides}; only nets of pictures are read')
    channels, height, width = sides
    return Net(name, channels, height, width, tuple(sections[1:]))


def _sections(name: str, text: str) -> list[Section]:
    found: list[Section] = []
    options: dict[str, str] = {}
    for line, raw in enumerate(text.splitlines(), start=1):
        said = raw.strip().partition('#')[0].partition(';')[0].strip()
        if not said:
            continue
        if head := HEAD.fullmatch(said):
            options = {}
            found.append(Section(name, line, head[1], len(found) - 1, options))
        elif (pair := PAIR.fullmatch(said)) and found:
            if pair[1] in options and options[pair[1]] != pair[2]:
                raise found[-1].wrong(f'says {pair[1]} twice, {options[pair[1]]} and (line {line}) {pair[2]}')
            options[pair[1]] = pair[2].strip()
        else:
            raise IntegrityError(f'{name}:{line}: {said[:40]!r} is no line of a .cfg; expected [section] or key=value')
    return found
