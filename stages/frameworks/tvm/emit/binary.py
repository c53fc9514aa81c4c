"""Look into a shared library without loading it: for which machine it is, what it gives and what it asks for."""

from __future__ import annotations

import mmap
import struct
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from stages.errors import StepError
from stages.frameworks.tvm.target import System, Target

ELF_MACHINES: Final = {62: 'x86_64', 183: 'aarch64'}
ELF_SHARED: Final = 3
PE_MACHINES: Final = {0x8664: 'x86_64', 0xAA64: 'aarch64'}
PE_LIBRARY: Final = 0x2000
PE32_PLUS: Final = 0x20B

ENTRANCE: Final = '__tvm_ffi__library_bin'
"""What TVM's loader looks for first: the bytecode and the weights."""

ALLOWED: Final[dict[System, frozenset[str]]] = {
    'linux': frozenset({'libm.so.6', 'libc.so.6', 'libtvm_ffi.so'}),
    'windows': frozenset({'tvm_ffi.dll', 'ucrtbase.dll'}),
}
"""The libraries that ours may ask for; anything else would be missing where it is deployed."""


@dataclass(frozen=True)
class Binary:
    """What the headers of a shared library say."""

    system: System
    machine: str
    exports: frozenset[str]
    needs: frozenset[str]
    """Libraries that are loaded before it."""


def check(path: Path, target: Target) -> Binary:
    """Return what ``path`` is. Raises StepError when that is not a TVM library for ``target``."""
    found = binary(path)
    if (found.system, found.machine) != (target.system, target.machine):
        raise StepError(f'{path.name} is for {found.machine} {found.system}, not {target.machine} {target.system}')
    if ENTRANCE not in found.exports:
        raise StepError(f'{path.name} does not export {ENTRANCE}')
    if surplus := found.needs - ALLOWED[found.system]:
        raise StepError(f'{path.name} needs {", ".join(sorted(surplus))}, which a deployment does not have')
    return found


def binary(path: Path) -> Binary:
    """Return what the headers of ``path`` say. Raises StepError for what is no shared library of 64 bits."""
    try:
        data = _mapped(path)
        if data[:4] == b'\x7fELF':
            return _elf(data)
        if data[:2] == b'MZ':
            return _pe(data)
    except (struct.error, IndexError, KeyError, StopIteration, ValueError) as error:
        raise StepError(f'{path.name}: a damaged or unusual library ({error!r})') from error
    raise StepError(f'{path.name} is neither an ELF nor a PE file')


def _mapped(path: Path) -> mmap.mmap:
    # weights and all, a library may have hundreds of megabytes; little of it is read
    with path.open('rb') as file:
        return mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)


def _elf(data: mmap.mmap) -> Binary:
    if data[4:6] != b'\x02\x01':
        raise StepError('an ELF file, but not of 64 bits, little-endian')
    kind, machine = struct.unpack_from('<HH', data, 16)
    if kind != ELF_SHARED:
        raise StepError(f'an ELF file of type {kind}, not a shared library')
    offset, size, count = *struct.unpack_from('<Q', data, 40), *struct.unpack_from('<HH', data, 58)
    # name, type, flags, address, offset, size, link, info, alignment, size of an entry
    sections = [struct.unpack_from('<IIQQQQIIQQ', data, offset + size * i) for i in range(count)]
    dynamic, symbols = (next(s for s in sections if s[1] == wanted) for wanted in (6, 11))
    words = sections[dynamic[6]][4]
    entries = [struct.unpack_from('<QQ', data, dynamic[4] + at) for at in range(0, dynamic[5], 16)]
    # name, info, other, section (0: defined elsewhere), value, size
    named = [struct.unpack_from('<IBBHQQ', data, symbols[4] + at) for at in range(24, symbols[5], 24)]
    names = sections[symbols[6]][4]
    return Binary(
        'linux', ELF_MACHINES[machine],
        frozenset(_text(data, names + symbol[0]) for symbol in named if symbol[3]),
        frozenset(_text(data, words + value) for tag, value in entries if tag == 1),
    )  # fmt: skip


def _pe(data: mmap.mmap) -> Binary:
    (start,) = struct.unpack_from('<I', data, 0x3C)
    machine, sections, *_, optional, flags = struct.unpack_from('<HHIIIHH', data, start + 4)
    (magic,) = struct.unpack_from('<H', data, start + 24)
    if data[start : start + 4] != b'PE\0\0' or magic != PE32_PLUS or not flags & PE_LIBRARY:
        raise StepError('a PE file, but not a library of 64 bits (PE32+)')
    # size in memory, address, size in the file, offset in the file
    first = start + 24 + optional + 8
    table: list[tuple[int, ...]] = [struct.unpack_from('<IIII', data, first + 40 * i) for i in range(sections)]

    def at(address: int) -> int:
        """Return where in the file is what will be at ``address`` in memory."""
        return next(  # of the sections, the one that holds it
            address - a + offset for size, a, in_file, offset in table if a <= address < a + max(size, in_file)
        )

    exported, _, imported, _ = struct.unpack_from('<IIII', data, start + 24 + 112)
    exports, needs = set(), set()
    if exported:
        count, _, names = struct.unpack_from('<III', data, at(exported) + 24)
        exports = {_text(data, at(address)) for address in struct.unpack_from(f'<{count}I', data, at(names))}
    if imported:
        place = at(imported)
        while any(entry := struct.unpack_from('<IIIII', data, place)):
            needs.add(_text(data, at(entry[3])))
            place += 20
    return Binary('windows', PE_MACHINES[machine], frozenset(exports), frozenset(needs))


def _text(data: mmap.mmap, place: int) -> str:
    return data[place : data.find(b'\0', place)].decode('ascii', 'replace')
