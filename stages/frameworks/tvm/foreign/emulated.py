"""Libraries that are for another machine than this one: say so in words, and run them under an emulator, to check them.

A Linux library for ARM runs under qemu, a Windows library under wine; each call is a process of its own, fed by files.
"""

from __future__ import annotations

import os
import platform
import shutil
import struct
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from stages import cpu
from stages.contract.engine import Emulator
from stages.errors import ForeignError, StepError
from stages.frameworks.tvm.emit import library
from stages.frameworks.tvm.emit.library import Library
from stages.frameworks.tvm.foreign import prepared

if TYPE_CHECKING:
    import numpy

MACHINES: Final = {'AMD64': 'x86_64', 'arm64': 'aarch64'}
"""Windows' and macOS' words to Linux'."""

CODES: Final = {'i': 0, 'u': 1, 'f': 2, 'b': 6}
"""NumPy's kinds of numbers to DLPack's."""

SYSROOT: Final = '/usr/aarch64-linux-gnu'
"""Where Linux distributions put the C library for ARM; ``QEMU_LD_PREFIX`` names another place."""


WINE_SERVER: Final = (f'/tmp/.wine-{os.getuid()}',) if hasattr(os, 'getuid') else ()  # noqa: S108  # wine's own name
"""Where wine's server has its socket; wine refuses a folder of another user."""

FOREIGN: Final[Mapping[str, Emulator]] = {
    'linux-aarch64': Emulator(
        ('qemu-aarch64-static', 'qemu-aarch64'), 'apt-get install qemu-user-static libstdc++6-arm64-cross'
    ),
    'windows-x86_64': Emulator(('wine64', 'wine', '/usr/lib/wine/wine64'), 'apt-get install wine64', WINE_SERVER),
}


def foreign(folder: Path) -> str:
    """Return what the library in ``folder`` is for, in words, when this machine cannot run it; else nothing."""
    return other_machine(library.read(folder))


def other_machine(found: Library) -> str:
    """Return the machine that a library is for, unless this is one: its system, or what its CPU must have."""
    machine = MACHINES.get(platform.machine(), platform.machine())
    if (found.system, found.machine) != (platform.system().lower(), machine):
        return found.home
    lacking = missing(found)
    return f'a CPU with {", ".join(lacking)}' if lacking else ''


def missing(found: Library) -> list[str]:
    """Return the instruction sets that a library needs and this CPU lacks; none where the system does not tell."""
    flags = cpu.flags()
    return [name for name in found.needs if name not in flags] if flags else []


def emulated(folder: Path, threads: int) -> EmulatedSession:
    """Return a session that runs the library in ``folder`` under an emulator: correct, and far too slow to measure.

    Raises ForeignError, with what to install, when there is no way to run it here.
    """
    found = library.read(folder)
    name = prepared.name_of(found.system, found.machine)
    what = f'{found.file} is for {other_machine(found)}'
    if name not in FOREIGN:
        raise ForeignError(f'{what}; run it there')
    if found.system == 'windows' and (lacking := missing(found)):
        raise ForeignError(f'{what}, and a CPU with {", ".join(lacking)}; run it there')
    emulator = FOREIGN[name]
    program = next(filter(None, map(shutil.which, emulator.programs)), None)
    if program is None:
        raise ForeignError(f'{what}; to check it here: {emulator.install}')
    runtime = prepared.prepared(found.system, found.machine)
    if runtime is None:
        raise ForeignError(f'{what}; to check it here: modelkiln doctor --make {name}')
    before = [program]
    if found.system == 'linux':
        before += ['-L', os.environ.get('QEMU_LD_PREFIX', SYSROOT)]
    return EmulatedSession(found, folder, runtime, tuple(before), threads)


@dataclass(frozen=True)
class EmulatedSession:
    """A library under an emulator: every call starts a process, loads it and ends."""

    library: Library
    folder: Path
    runtime: Path
    """The prepared folder: TVM's runtime for that system, and the runner."""

    emulator: tuple[str, ...]
    threads: int

    def run(self, feed: Mapping[str, numpy.ndarray]) -> dict[str, numpy.ndarray]:
        """Run the library once. Raises StepError with what the emulator said when it fails."""
        import numpy as np

        known = prepared.RUNTIMES[prepared.name_of(self.library.system, self.library.machine)]
        with tempfile.TemporaryDirectory() as scratch:
            given, result = Path(scratch, 'feed'), Path(scratch, 'result')
            given.write_bytes(packed([np.asarray(feed[t.name], t.dtype) for t in self.library.inputs]))
            files = [*(self.runtime / name for name in known.libraries), self.folder.resolve() / self.library.file]
            command = [*self.emulator, str(self.runtime / known.runner), *map(str, [*files, given, result])]
            env = prepared.environment(self.runtime, self.threads)
            done = subprocess.run(command, env=env, stdin=subprocess.DEVNULL, capture_output=True, cwd=scratch)
            if done.returncode or not result.exists():
                said = done.stderr.decode('utf-8', 'replace').strip()[-2000:]
                raise StepError(f'{Path(self.emulator[0]).name}: ended with {done.returncode}\n{said}')
            names = [port.name for port in self.library.outputs]
            return dict(zip(names, unpacked(result.read_bytes()), strict=True))


def packed(arrays: Sequence[numpy.ndarray]) -> bytes:
    """Return arrays as the runner reads them: how many, then type, sizes and bytes of each."""
    parts = [struct.pack('<i', len(arrays))]
    for array in arrays:
        head = CODES[array.dtype.kind], array.dtype.itemsize * 8, 1, array.ndim, *array.shape
        parts += [struct.pack(f'<BBHi{array.ndim}q', *head), array.tobytes()]
    return b''.join(parts)


def unpacked(data: bytes) -> list[numpy.ndarray]:
    """Return the arrays that the runner wrote."""
    import numpy as np

    kinds = {code: kind for kind, code in CODES.items()}
    (count,), place = struct.unpack_from('<i', data), 4
    arrays: list[Any] = []
    for _ in range(count):
        code, bits, _lanes, dimensions = struct.unpack_from('<BBHi', data, place)
        shape = struct.unpack_from(f'<{dimensions}q', data, place + 8)
        kind = np.dtype('bool' if kinds[code] == 'b' else f'{kinds[code]}{bits // 8}')
        place += 8 + 8 * dimensions
        array = np.frombuffer(data, kind, int(np.prod(shape)), place).reshape(shape)
        place += array.nbytes
        arrays.append(array.copy())
    return arrays
