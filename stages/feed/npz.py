"""Named arrays as an ``.npz`` whose bytes depend on the arrays alone."""

from __future__ import annotations

import io
import math
import os
import struct
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    import numpy as np

# NumPy stamps members with the time of writing; a zip cannot hold an earlier date than this one.
_DATE = (1980, 1, 1, 0, 0, 0)


_LENGTHS = 26
"""Where a member's local header says how long its name and its extra field are."""

RATIO, PLAIN = 200, 256 << 20
"""How many times a file may be unpacked, and the bytes up to which nobody asks: masks of zeros pack well."""


def write_npz(path: Path, arrays: Mapping[str, np.ndarray[Any, Any]]) -> None:
    """Write ``arrays`` to ``path``: sorted, uncompressed, undated, so that equal arrays give equal bytes."""
    import numpy as np

    with zipfile.ZipFile(path, 'x', zipfile.ZIP_STORED) as archive:
        for name in sorted(arrays):
            memory = io.BytesIO()
            np.lib.format.write_array(memory, np.asarray(arrays[name], order='C'), version=(1, 0), allow_pickle=False)
            member = zipfile.ZipInfo(f'{name}.npy', _DATE)
            member.create_system = 3  # the same on every system that writes
            member.external_attr = 0o644 << 16
            archive.writestr(member, memory.getvalue())


def read_npz(path: Path) -> dict[str, np.ndarray[Any, Any]]:
    """Return the arrays of ``path``.

    Raises ValueError for object arrays, which could run code, and for arrays that are not what their file can hold.
    """
    import numpy as np

    _check_sizes(path)
    with np.load(path, allow_pickle=False) as arrays:
        return {name: arrays[name] for name in arrays.files}


def map_npz(path: Path) -> dict[str, np.ndarray[Any, Any]]:
    """Return the arrays of ``path``, mapped from a file that ``write_npz`` left: what is not looked at is not read.

    For who takes a few samples of many; checksums are not looked at. Read whole where a member is packed. Raises as
    ``read_npz``.
    """
    _check_sizes(path)
    with zipfile.ZipFile(path) as archive:
        members = archive.infolist()
    if any(member.compress_type != zipfile.ZIP_STORED for member in members):
        return read_npz(path)
    return {member.filename.removesuffix('.npy'): _mapped(path, member.header_offset) for member in members}


def _mapped(path: Path, header: int) -> np.ndarray[Any, Any]:
    """Return the array of the stored member whose local header begins there (APPNOTE.TXT 4.3.7)."""
    import numpy as np

    with path.open('rb') as file:
        file.seek(header + _LENGTHS)
        name, extra = struct.unpack('<HH', file.read(4))
        file.seek(name + extra, os.SEEK_CUR)
        shape, fortran, dtype = _header(file)
        order: Literal['F', 'C'] = 'F' if fortran else 'C'
        if not math.prod(shape):
            return np.empty(shape, dtype, order)
        return np.memmap(path, dtype, 'r', file.tell(), shape or (1,), order).reshape(shape, order=order)


def read_npy(path: Path) -> np.ndarray[Any, Any]:
    """Return the array of a ``.npy``. Raises ValueError for objects, which could run code, and for another file."""
    import numpy as np

    with path.open('rb') as file:
        array: np.ndarray[Any, Any] = np.lib.format.read_array(file, allow_pickle=False)
    return array


def _check_sizes(path: Path) -> None:
    """Hold what each array says of itself against its place in the file, and all of them against the file, unread."""
    with zipfile.ZipFile(path) as archive:
        members = archive.infolist()
        unpacked, size = sum(member.file_size for member in members), path.stat().st_size
        if unpacked > max(RATIO * size, PLAIN):
            raise ValueError(f'{unpacked:,} bytes packed into {size:,}; at most {RATIO} times as much is unpacked')
        for member in members:
            if not member.filename.endswith('.npy'):
                raise ValueError(f'{member.filename} is no array')
            with archive.open(member) as file:
                shape, _, dtype = _header(file)
                held = member.file_size - file.tell()
            if dtype.hasobject:
                raise ValueError(f'{member.filename} holds Python objects')
            if (said := math.prod(shape) * dtype.itemsize) != held:
                raise ValueError(f'{member.filename} says that it has {said:,} bytes; there are {held:,}')


def _header(file: IO[bytes]) -> tuple[tuple[int, ...], bool, np.dtype[Any]]:
    """Return what the array that begins here says of itself: shape, whether it is in Fortran's order, and type."""
    import numpy as np

    version = np.lib.format.read_magic(file)
    read = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
    shape, fortran, dtype = read(file)
    return shape, fortran, dtype
