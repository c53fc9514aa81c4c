"""Run a library that TVM compiled, with TVM's runtime alone: neither its compiler nor its package ``tvm`` is loaded."""

from __future__ import annotations

import contextlib
import ctypes
import importlib.util
import os
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from stages import cpu
from stages.contract.port import Contract, Port
from stages.engines import usual
from stages.errors import StepError, ToolError
from stages.frameworks.tvm.emit import library
from stages.frameworks.tvm.foreign.emulated import FOREIGN, EmulatedSession, emulated, foreign
from stages.frameworks.tvm.foreign.prepared import made, prepare_foreign

if TYPE_CHECKING:
    import numpy

__all__ = [
    'CONCURRENT', 'DOCUMENTS', 'ENGINE', 'ENVIRONMENT', 'FOREIGN', 'RUNS', 'TOOLS', 'Options',
    'foreign', 'instructions', 'kept_to', 'line', 'load', 'made', 'prepare', 'prepare_foreign', 'programs',
]  # fmt: skip

ENGINE = 'tvm'
RUNS = ('tvm',)
TOOLS = ('apache-tvm', 'apache-tvm-ffi', 'numpy')
ENVIRONMENT = ''
CONCURRENT = False  # one machine, one set of registers
DOCUMENTS = {library.FILE: library.Library}
programs = usual.no_programs
line = usual.line

RUNTIME: Final = ('libtvm_runtime.so', 'libtvm_runtime_extra.so')
"""TVM's runtime, and the part of it that sorts."""

ALIGNMENT: Final = 64
"""Bytes; compiled code reads whole vectors of its inputs."""

BRAIN: Final = 'bfloat16'
"""A type that DLPack has and NumPy has not."""

CPU: Final = 1
NAIVE: Final = 1
POOLED: Final = 2
"""How the runtime is to get memory: anew each time, or once, from a pool, which keeps a piece of each size."""


@dataclass(frozen=True)
class Options:
    """Options of ``tvm``: none."""


@dataclass(frozen=True)
class TvmSession:
    """A loaded library that takes and gives host arrays."""

    main: Any
    inputs: tuple[Port, ...]
    outputs: tuple[Port, ...]
    buffers: tuple[numpy.ndarray, ...]
    """Aligned memory for inputs that come unaligned."""

    def run(self, feed: Mapping[str, numpy.ndarray]) -> dict[str, numpy.ndarray]:
        """Run the library; results are copied, as a model may return an input or a weight as it is."""
        import tvm_ffi

        arrays = [_aligned(feed[t.name], own) for t, own in zip(self.inputs, self.buffers, strict=True)]
        result = self.main(*map(tvm_ffi.from_dlpack, arrays))
        results = [result] if isinstance(result, tvm_ffi.Tensor) else result
        return {port.name: _array(each) for port, each in zip(self.outputs, results, strict=True)}


def _array(tensor: Any) -> numpy.ndarray:
    """Return a copy of a tensor; one of bfloat16 in float32 where NumPy does not get that type from ``ml_dtypes``."""
    import numpy as np

    if str(tensor.dtype) != BRAIN:
        return np.array(np.from_dlpack(tensor))
    shape = tuple(tensor.shape)
    halves = np.zeros(shape, np.uint16)
    ctypes.memmove(halves.ctypes.data, tensor.data_ptr(), halves.nbytes)
    try:
        import ml_dtypes
    except ImportError:
        return (halves.astype(np.uint32) << 16).view(np.float32)
    return halves.view(ml_dtypes.bfloat16)


def prepare() -> None:
    """Import TVM's C interface and open its runtime; torch, which it knows too, stays unloaded."""
    with _without_torch():
        import tvm_ffi

    # functions register themselves on opening, so nothing else may open the same file before
    if tvm_ffi.get_global_func('ffi.Module.load_from_bytes.relax.VMExecutable', allow_missing=True) is None:
        for name in RUNTIME:
            ctypes.CDLL(str(_folder() / name), ctypes.RTLD_GLOBAL)


def kept_to(isa: str, folder: Path, contract: Contract) -> Mapping[str, str] | None:
    """Ask nothing of a library that is compiled for no more than ``isa``; no other can be kept to it."""
    return None if cpu.exceeds(instructions(None, folder, ''), isa) else {}


def instructions(session: object, folder: Path, said: str) -> str:
    """Return the set that the library is compiled for."""
    return cpu.needed(library.read(folder).needs)


def load(folder: Path, contract: Contract, options: Options, threads: int) -> TvmSession | EmulatedSession:
    """Load the library in ``folder``; one for another machine runs under an emulator, where there is one."""

    found = library.read(folder)
    if foreign(folder):
        return emulated(folder, threads)
    buffers = tuple(map(buffer, found.inputs))
    main = virtual_machine(folder, found, threads).get_function(found.entry)
    return TvmSession(main, found.inputs, found.outputs, buffers)


def virtual_machine(folder: Path, found: library.Library, threads: int) -> Any:
    """Return the virtual machine of TVM's runtime, with the library loaded."""
    prepare()
    import tvm_ffi

    _set_threads(threads)
    machine = tvm_ffi.load_module(str((folder / found.file).resolve())).get_function('vm_load_executable')()
    machine.get_function('vm_initialization')(CPU, 0, NAIVE if found.open else POOLED)
    return machine


@contextlib.contextmanager
def _without_torch() -> Iterator[None]:
    """Hide torch, unless it is loaded: TVM's interface would import it to exchange tensors, at two seconds a start."""
    os.environ['TVM_FFI_DISABLE_TORCH_C_DLPACK'] = '1'  # read at import; would compile C++
    if 'torch' in sys.modules:
        yield
        return
    sys.modules['torch'] = None  # type: ignore[assignment]
    try:
        yield
    finally:
        del sys.modules['torch']


def _folder() -> Path:
    spec = importlib.util.find_spec('tvm')  # found, never imported: its compiler alone is 260 MB
    if spec is None or not spec.submodule_search_locations:
        raise ToolError('the engine tvm needs TVM’s runtime, not installed here; run: pip install "modelkiln[tvm]"')
    return Path(spec.submodule_search_locations[0]) / 'lib'


def _set_threads(threads: int) -> None:
    """Say how many threads the runtime starts; it starts them once, at its first parallel kernel."""
    wanted = {'TVM_NUM_THREADS': str(threads), 'TVM_BIND_THREADS': '0'}
    earlier = _threads.setdefault('threads', threads)
    if earlier != threads:
        raise StepError(f'TVM runs on {earlier} threads in this process already; {threads} need a process of their own')
    os.environ.update(wanted)


_threads: dict[str, int] = {}
"""The number of threads that the first model of this process was loaded for."""


def buffer(port: Port) -> numpy.ndarray:
    """Return an array of zeros for an input, which begins where a vector of any width may begin."""
    import numpy as np

    shape, dtype = port.sized(), np.dtype(port.dtype)
    size = int(np.prod(shape)) * dtype.itemsize
    memory = np.zeros(size + ALIGNMENT, np.uint8)
    start = -memory.ctypes.data % ALIGNMENT
    if not size:  # NumPy counts no steps in an array of nothing, and the library asks for them
        steps = [dtype.itemsize * int(np.prod(shape[axis + 1 :])) for axis in range(len(shape))]
        return np.lib.stride_tricks.as_strided(memory[start:].view(dtype), shape, steps)
    return memory[start : start + size].view(dtype).reshape(shape)


def _aligned(array: numpy.ndarray, own: numpy.ndarray) -> numpy.ndarray:
    """Return ``array`` itself where TVM can read it as it lies; else ``own``, filled with it and cast."""
    fits = array.size and array.flags.c_contiguous and array.flags.writeable and array.ctypes.data % ALIGNMENT == 0
    if array.shape != own.shape:
        raise StepError(f'an input of shape {array.shape}; the library is compiled for {own.shape}')
    if fits and array.dtype == own.dtype:
        return array
    own[...] = array
    return own
