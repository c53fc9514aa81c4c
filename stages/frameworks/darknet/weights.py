"""A .weights file: a header, then the numbers of every layer behind each other, without a word of whose they are."""

from __future__ import annotations

import struct
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from stages.errors import IntegrityError

if TYPE_CHECKING:
    import numpy


@dataclass
class Numbers:
    """The numbers of a file, taken in order; who takes them all has read the file as it was written."""

    file: str
    values: numpy.ndarray
    place: int = 0
    variances: list[slice] = field(default_factory=list)
    """Where the variances of batch norms lie."""

    def take(self, count: int, what: str) -> numpy.ndarray:
        """Return the next ``count`` numbers."""
        end = self.place + count
        if end > len(self.values):
            raise IntegrityError(
                f'{self.file}: ends too early: {what} needs {count} numbers, and {len(self.values) - self.place} are '
                'left; is it of this .cfg?'
            )
        found, self.place = self.values[self.place : end], end
        return found

    def variance(self, count: int, what: str) -> numpy.ndarray:
        """Return the next numbers, which are variances."""
        self.variances.append(slice(self.place, self.place + count))
        return self.take(count, what)

    def check_all_taken(self) -> None:
        """Raise IntegrityError when numbers are left over: another net wrote them."""
        if left := len(self.values) - self.place:
            raise IntegrityError(
                f'{self.file}: {left} of {len(self.values)} numbers are left over; is it of this .cfg?'
            )


def read(path: Path) -> tuple[bytes, Numbers]:
    """Return header and numbers of the file at ``path``. Raises IntegrityError for what is no such file."""
    import numpy as np

    data = path.read_bytes()
    if len(data) < 16:
        raise IntegrityError(f'{path.name}: has {len(data)} bytes; not a .weights file of Darknet')
    major, minor, _ = struct.unpack_from('<3i', data)
    if not (0 <= major < 1000 and 0 <= minor < 1000):
        raise IntegrityError(f'{path.name}: not a .weights file of Darknet (version {major}.{minor})')
    begin = 20 if major * 10 + minor >= 2 else 16
    if len(data) < begin or (len(data) - begin) % 4:
        raise IntegrityError(f'{path.name}: {len(data) - begin} bytes of numbers of four: the file is cut short')
    return data[:begin], Numbers(path.name, np.frombuffer(data, '<f4', offset=begin))


def with_epsilon(header: bytes, numbers: Numbers, more: float) -> bytes:
    """Return the file with ``more`` added to every variance: another epsilon, for a runtime that has one of its own."""
    import numpy as np

    values = numbers.values.copy()
    for place in numbers.variances:
        values[place] = (values[place].astype(np.float64) + more).astype(np.float32)
    return header + values.tobytes()
