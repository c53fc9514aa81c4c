"""Make ready to run libraries for another system here: TVM's runtime for it, and a small runner of ours in its code."""

from __future__ import annotations

import importlib.util
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from stages import spawn
from stages.contract.engine import FOREIGN_FOLDER
from stages.digest import file_digest
from stages.errors import ToolError
from stages.frameworks.tvm.emit.link import zig

MADE: Final = 'made.json'
"""Written last: a folder without it was left half made, and one that says something else is of another version."""


RUNNER: Final = Path(__file__).with_name('runner.c')


@dataclass(frozen=True)
class Wheel:
    """Some files of one package for another system, as published."""

    name: str
    version: str
    sha256: str
    members: tuple[str, ...]


@dataclass(frozen=True)
class Runtime:
    """All that a library needs to be run on another system."""

    platforms: tuple[str, ...]
    """The system, as package indexes call it."""

    triple: str
    """The system, as the C compiler calls it."""

    runner: str
    """The file name of the runner."""

    libraries: tuple[str, ...]
    """The C interface, the runtime, and its second half, which sorts."""

    wheels: tuple[Wheel, ...]


RUNTIMES: Final[Mapping[str, Runtime]] = {
    'linux-aarch64': Runtime(
        ('manylinux_2_28_aarch64',), 'aarch64-linux-gnu.2.27', 'runner',
        ('libtvm_ffi.so', 'libtvm_runtime.so', 'libtvm_runtime_extra.so'),
        (
            Wheel('apache-tvm', '0.27.0.post1', '4acfdb7653e4e1ba7a707bdf2833db72eb8fda7d04d99141f2a4e1da43171fb7',
                  ('tvm/lib/libtvm_runtime.so', 'tvm/lib/libtvm_runtime_extra.so')),
            Wheel('apache-tvm-ffi', '0.1.14.post1', 'c7a759781d4fbf2b99fa12f2741f250b882b06acc2747bb02831d491d1ac7d3c',
                  ('tvm_ffi/lib/libtvm_ffi.so',)),
        ),
    ),
    'windows-x86_64': Runtime(
        ('win_amd64',), 'x86_64-windows-gnu', 'runner.exe',
        ('tvm_ffi.dll', 'tvm_runtime.dll', 'tvm_runtime_extra.dll'),
        (
            Wheel('apache-tvm', '0.27.0.post1', 'de47a1dc36d2c5f634b8c63c7c03d3fc85fded4fa4891eac4b213c5354215d26',
                  ('tvm/lib/tvm_runtime.dll', 'tvm/lib/tvm_runtime_extra.dll', 'apache_tvm.libs/*.dll')),
            Wheel('apache-tvm-ffi', '0.1.14.post1', '10cf756280ab06d7386100224eab61da42674a9a46f19a94bb7047297ecdb0de',
                  ('tvm_ffi/lib/tvm_ffi.dll',)),
        ),
    ),
}  # fmt: skip
"""The machines that can be emulated, by system and architecture. A wheel's digest fixes every byte taken from it."""


def name_of(system: str, machine: str) -> str:
    """Return the word for a system and an architecture, as the table and the folders have it."""
    return f'{system}-{machine}'


def prepared(system: str, machine: str) -> Path | None:
    """Return the folder that ``prepare_foreign`` has made, below the one that the environment names; else None."""
    root = os.environ.get(FOREIGN_FOLDER)
    name = name_of(system, machine)
    folder = Path(root or os.devnull) / name
    return folder if is_made(name, folder) else None


def is_made(name: str, folder: Path) -> bool:
    """Say whether ``folder`` holds what this version prepares."""
    try:
        return (folder / MADE).read_text() == about(RUNTIMES[name])
    except (OSError, KeyError):
        return False


def made(root: Path) -> tuple[str, ...]:
    """Return the machines for which all is prepared below ``root``."""
    return tuple(name for name in RUNTIMES if is_made(name, root / name))


def about(runtime: Runtime) -> str:
    """Return what tells one version of a prepared folder from another: the wheels, and the source of the runner."""
    found = {wheel.name: wheel.version for wheel in runtime.wheels} | {'runner': file_digest(RUNNER)}
    return json.dumps(found, indent=1) + '\n'


def prepare_foreign(name: str, root: Path) -> Path:
    """Fetch TVM's runtime for that system, verified, and compile the runner; both once, in a folder below ``root``.

    Needs the network and half a minute the first time. Nothing that is fetched runs here, but under an emulator.
    """
    runtime = RUNTIMES[name]
    folder = root / name
    if is_made(name, folder):
        return folder
    root.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=root, prefix=f'{folder.name}.') as scratch:
        part = Path(scratch) / 'part'
        part.mkdir()
        for wheel in runtime.wheels:
            unpack(download(wheel, runtime.platforms, Path(scratch)), wheel.members, part)
        compile_runner(runtime, part / runtime.runner, Path(scratch))
        (part / MADE).write_text(about(runtime))
        shutil.rmtree(folder, ignore_errors=True)
        part.rename(folder)
    return folder


def download(wheel: Wheel, platforms: Sequence[str], folder: Path) -> Path:
    """Return the wheel that pip downloads, with the user's own settings, once its digest is the one written here."""
    wanted = folder / 'wanted.txt'
    wanted.write_text(f'{wheel.name}=={wheel.version} --hash=sha256:{wheel.sha256}\n')
    to = folder / wheel.name
    command = [
        sys.executable, '-m', 'pip', 'download', '--quiet', '--no-deps', '--only-binary', ':all:', '--no-input',
        '--require-hashes', '--disable-pip-version-check', '--python-version', '3.11', '--implementation', 'cp',
        '--abi', 'cp311', '--abi', 'none', *(word for p in platforms for word in ('--platform', p)),
        '--dest', str(to), '-r', str(wanted),
    ]  # fmt: skip
    done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, errors='replace')
    found = sorted(to.glob('*.whl')) if to.exists() else []
    if done.returncode or len(found) != 1:
        raise ToolError(f'cannot fetch {wheel.name} {wheel.version} for {platforms[0]}:\n{done.stderr[-2000:]}')
    return found[0]


def unpack(archive: Path, members: Sequence[str], folder: Path) -> None:
    """Take ``members`` out of a wheel, side by side."""
    from stages.archive import take

    for member in members:
        take(archive, member, folder)


def compile_runner(runtime: Runtime, output: Path, scratch: Path) -> None:
    """Compile our C for the other system, against the headers of the TVM that is installed here."""
    found = importlib.util.find_spec('tvm_ffi')
    if found is None or not found.submodule_search_locations:
        raise ToolError('the runner needs the headers of apache-tvm-ffi; run: pip install "modelkiln[tvm]"')
    headers = Path(found.submodule_search_locations[0]) / 'include'
    flags = ['-target', runtime.triple, '-O1', '-s', f'-I{headers}']
    flags += [] if runtime.runner.endswith('.exe') else ['-ldl']
    zig(scratch, 'cc', str(RUNNER), '-o', str(output), *flags)


def environment(folder: Path, threads: int) -> dict[str, str]:
    """Return the environment of an emulated run: nothing of the user's, and TVM's threads."""
    extra = {'TVM_NUM_THREADS': str(threads), 'TVM_BIND_THREADS': '0', 'WINEPREFIX': str(folder / 'wine')}
    # no crash windows, no offers to install .NET and a browser
    quiet = {'WINEDEBUG': '-all', 'WINEDLLOVERRIDES': 'mscoree,mshtml=;winemenubuilder.exe=d'}
    return spawn.environment(folder, threads, extra | quiet)
