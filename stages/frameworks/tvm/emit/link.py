"""Object files in, a shared library out, for Linux or Windows, x86-64 or ARM, on any machine.

The linkers are LLVM's, as the package ``ziglang`` brings them: no compiler and no library of this system takes part, so
the same objects give the same bytes everywhere. What a library calls outside itself is TVM's and C's runtime only.
"""

from __future__ import annotations

import importlib.util
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from stages import spawn
from stages.errors import StepError, ToolError
from stages.frameworks.tvm.emit.library import file_of
from stages.frameworks.tvm.emit.windows import OWN
from stages.frameworks.tvm.target import Target

EMULATIONS: Final = {'x86_64': 'elf_x86_64', 'aarch64': 'aarch64linux'}

C_LIBRARIES: Final = ('libm.so.6', 'libc.so.6')
"""What a Linux library asks the loader for; every glibc system has both."""

FUNCTIONS: Final = (
    'acos', 'acosh', 'asin', 'asinh', 'atan', 'atan2', 'atanh', 'cbrt', 'ceil', 'copysign', 'cos', 'cosh', 'erf',
    'erfc', 'exp', 'exp2', 'expm1', 'fabs', 'floor', 'fma', 'fmax', 'fmin', 'fmod', 'hypot', 'ldexp', 'lgamma', 'log',
    'log10', 'log1p', 'log2', 'nearbyint', 'pow', 'remainder', 'rint', 'round', 'sin', 'sinh', 'sqrt', 'tan', 'tanh',
    'tgamma', 'trunc',
)  # fmt: skip
"""Of C's mathematics, each for double and, with an ``f`` behind, for float: what compiled kernels may call."""

IMPORTS: Final = {
    'tvm_ffi.dll': ('TVMFFIErrorSetRaisedFromCStrParts', 'TVMFFIFunctionGetGlobal', 'TVMFFIFunctionCall'),
    'ucrtbase.dll': ('memcpy', 'memmove', 'memset', 'memcmp', *FUNCTIONS, *(f'{name}f' for name in FUNCTIONS)),
}
"""What a Windows library may import: a linker there wants to know which library each function is in."""


def linked(executable: Any, target: Target, folder: Path) -> Path:
    """Return the library made of a compiled Relax executable, in ``folder``, for the system of ``target``."""
    path = folder / file_of(target.system)
    with tempfile.TemporaryDirectory() as scratch:

        def link(output: str, objects: list[str], **_: Any) -> None:
            # without any kernel, TVM leaves the bytecode as a C file
            given = [Path(each) for each in objects]
            made = [compiled(p.name, p.read_text(), target, Path(scratch)) if p.suffix == '.c' else p for p in given]
            shared(made, Path(output), target, Path(scratch))

        executable.export_library(str(path), fcompile=link, workspace_dir=scratch)
    return path


def shared(objects: Sequence[Path], output: Path, target: Target, scratch: Path) -> None:
    """Link ``objects`` to the shared library ``output``; ``scratch`` is a folder for what is in between."""
    if target.system == 'windows':
        own = [compiled(name, text, target, scratch) for name, text in OWN.items()]
        own += [import_library(name, functions, scratch) for name, functions in IMPORTS.items()]
        # /brepro: a digest where the time would be; /noentry: nothing to do on load, so no C startup code
        flags = ['/dll', '/noentry', '/nodefaultlib', '/lldmingw', '/brepro', '/machine:x64', f'/out:{output}']
        zig(scratch, 'lld-link', *flags, *map(str, [*objects, *own]))
        return
    emulation = ['-m', EMULATIONS[target.machine], '-shared', '--build-id=none', '--strip-all']
    stubs = [stub(name, emulation, scratch) for name in C_LIBRARIES]
    zig(scratch, 'ld.lld', *emulation, '-o', str(output), *map(str, [*objects, *stubs]))


def stub(name: str, emulation: Sequence[str], scratch: Path) -> Path:
    """Return an empty library with the name of a real one: enough to say that the real one is needed."""
    nothing = scratch / 'nothing.a'
    nothing.write_bytes(b'!<arch>\n')
    path = scratch / name
    zig(scratch, 'ld.lld', *emulation, '-soname', name, '-o', str(path), str(nothing))
    return path


def import_library(name: str, functions: Sequence[str], scratch: Path) -> Path:
    """Return what tells a linker that ``functions`` are in the Windows library ``name``."""
    listed, path = scratch / f'{name}.def', scratch / f'{name}.lib'
    listed.write_text('\n'.join([f'LIBRARY {name}', 'EXPORTS', *functions]) + '\n')
    zig(scratch, 'dlltool', '-m', 'i386:x86-64', '-d', str(listed), '-l', str(path))
    return path


def compiled(name: str, text: str, target: Target, scratch: Path) -> Path:
    """Return the object file of a few lines of assembler or C, ``name`` ending as the language says."""
    source, path = scratch / name, scratch / f'{name}.o'
    source.write_text(text)
    flags = ['-target', f'{target.machine}-{target.system}-gnu', '-O1', '-g0', '-fno-builtin', '-c']
    zig(scratch, 'cc', *flags, str(source), '-o', str(path))
    return path


def zig(scratch: Path, *words: str) -> None:
    """Run one of the tools in ``ziglang``; its cache stays in ``scratch``. Raises StepError with what it said."""
    found = importlib.util.find_spec('ziglang')
    if found is None or not found.submodule_search_locations:
        raise ToolError('TVM libraries are linked with ziglang, not installed here; run: pip install "modelkiln[tvm]"')
    caches = {f'ZIG_{which}_CACHE_DIR': str(scratch / 'zig') for which in ('GLOBAL', 'LOCAL')}
    command = [str(Path(found.submodule_search_locations[0]) / 'zig'), *words]
    env = spawn.environment(scratch, extra=caches)
    done = subprocess.run(command, env=env, cwd=scratch, capture_output=True, text=True, errors='replace')
    if done.returncode:
        raise StepError(f'zig {words[0]} failed ({done.returncode}):\n{done.stderr.strip()[-2000:]}')
