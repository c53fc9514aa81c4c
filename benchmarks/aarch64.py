"""The loader and two pulled artifacts on aarch64, emulated: python benchmarks/aarch64.py [--scratch DIR]

Debian's arm64 Python under ``qemu-aarch64-static``, with the arm64 wheels of what run-onnxruntime and run-tvm name. A
model is released as ONNX and as a library that TVM compiled here with ``tvm: {target: aarch64}``; both are pulled and
run there, by their manifests alone, and their answers are held against NumPy's of this machine. Exit 1 where one is
further away than 1e-5 of the largest number.

Needs qemu-user-static, apt, the package index and the extra tvm; everything lies in the scratch folder.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
import tomllib
import zipfile
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

import numpy as np  # noqa: E402

from benchmarks.debian import program, unpack  # noqa: E402
from stages.contract.port import Contract, Port  # noqa: E402
from stages.document.manifest import File, Manifest, manifest_json  # noqa: E402
from tests.deliver.releases import made as release  # noqa: E402
from tests.deliver.releases import pushed  # noqa: E402
from tests.tensorflow_models import Model, made, taken  # noqa: E402

EMULATOR = 'qemu-aarch64-static'
PYTHON = '3.11'
PACKAGES = (f'python{PYTHON}', 'libstdc++6', 'libgomp1')
ROWS = Port('row', ('batch', 16), 'float32', batch=0)
CPU = """\
processor\t: 0
BogoMIPS\t: 100.00
Features\t: fp asimd evtstrm aes pmull sha1 sha2 crc32 atomics fphp asimdhp cpuid asimdrdm
CPU implementer\t: 0x41
CPU architecture: 8
CPU variant\t: 0x1
CPU part\t: 0xd0c
CPU revision\t: 0
"""
"""What libraries read of the CPU; that of the machine around the emulator would name another kind."""

RUN = """\
import json, sys, platform
import numpy as np
import stages
with stages.load(sys.argv[1]) as model:
    found = model.run(row=np.load(sys.argv[2]))
np.save(sys.argv[3], found['scores'])
print(json.dumps({'machine': platform.machine(), 'engine': model.manifest.engine}))
"""


def main(scratch: Path) -> int:
    """Print a row for each artifact."""
    machine = Machine(scratch)
    machine.make()
    scratch = scratch / 'work'
    shutil.rmtree(scratch, ignore_errors=True)
    scratch.mkdir()
    weights, table, rows = seeded()
    right = np.tanh(rows @ weights) @ table
    np.save(scratch / 'rows.npy', rows)
    print('| artifact | on | worst difference, of the largest |\n|---|---|---|')
    worst = []
    source = onnx(scratch, weights, table)
    library = made('tvm', source, scratch / 'tvm', target='aarch64')
    for engine, model in (('onnxruntime', source), ('tvm', library)):
        place, to = released(engine, model, scratch), scratch / f'to-{engine}'
        machine.run('-m', 'stages.command.main', 'pull', place, '--to', str(to))
        out = scratch / f'{engine}.npy'
        said = json.loads(machine.run('-c', RUN, str(to), str(scratch / 'rows.npy'), str(out)).splitlines()[-1])
        assert said == {'machine': 'aarch64', 'engine': engine}, said
        worst.append(float(np.max(np.abs(np.load(out) - right)) / np.max(np.abs(right))))
        print(f'| `{engine}` | {said["machine"]} | {worst[-1]:.1e} |', flush=True)
    return int(max(worst) > 1e-5)


def seeded() -> tuple[Any, Any, Any]:
    """Return two matrices of a small model, and rows for it."""
    noise = np.random.default_rng(5)
    return tuple(noise.standard_normal(shape).astype('float32') for shape in ((16, 32), (32, 8), (5, 16)))


def onnx(scratch: Path, weights: Any, table: Any) -> Model:
    """Return the model as ONNX."""
    import onnx as ox

    graph = ox.parser.parse_graph(
        'net (float[batch, 16] row) => (float[batch, 8] scores) '
        '{ hidden = MatMul(row, w)  bent = Tanh(hidden)  scores = MatMul(bent, t) }'
    )
    graph.initializer.extend([ox.numpy_helper.from_array(weights, 'w'), ox.numpy_helper.from_array(table, 't')])
    model = ox.helper.make_model(graph, opset_imports=[ox.helper.make_opsetid('', 17)], ir_version=8)
    (scratch / 'onnx').mkdir()
    ox.save(model, scratch / 'onnx/model.onnx')
    return taken('onnx', scratch / 'onnx', scratch / 'taken', Contract((ROWS,)))


def released(engine: str, model: Model, scratch: Path) -> str:
    """Release an artifact in a folder; return its place."""
    folder = model.folder
    files = {p.relative_to(folder).as_posix(): p.read_bytes() for p in folder.rglob('*') if p.is_file()}
    files.pop('contract.json', None)
    kept = {name: File(hashlib.sha256(content).hexdigest(), len(content)) for name, content in files.items()}
    ports = model.contract.inputs, model.contract.outputs
    said = manifest_json(Manifest('net', engine, kept, 'd' * 64, 'e' * 64, model.format, engine, *ports))
    said.pop('files')  # made of the bytes themselves
    place = f'file://{scratch}/registry/{engine}'
    pushed(release(scratch / f'release-{engine}', files, **said), place)
    return place


class Machine:
    """Debian's arm64 Python below a folder, and the wheels of two run-extras beside it."""

    def __init__(self, scratch: Path) -> None:
        self.scratch = scratch
        self.root = scratch / 'root'
        self.site = self.root / 'site'

    def make(self) -> None:
        """Fetch and unpack it; what is there from before is taken."""
        if self.site.is_dir():
            return
        unpack(PACKAGES, 'arm64', self.root, self.scratch / 'apt')
        (self.root / 'proc').mkdir(parents=True, exist_ok=True)
        (self.root / 'proc/cpuinfo').write_text(CPU)
        wheels = self.scratch / 'wheels'
        pip = [sys.executable, '-m', 'pip', '-qq', '--disable-pip-version-check']
        platforms = [f'--platform=manylinux_2_{minor}_aarch64' for minor in (34, 28, 17)]
        platforms += ['--platform=manylinux2014_aarch64']
        there = ['--only-binary=:all:', f'--python-version={PYTHON}', *platforms]
        subprocess.run([*pip, 'download', *there, '-d', wheels, *needed()], check=True)
        subprocess.run([*pip, 'wheel', '--no-deps', '-w', wheels, ROOT], check=True)
        part = self.root / 'site.part'
        for wheel in wheels.glob('*.whl'):
            with zipfile.ZipFile(wheel) as archive:
                archive.extractall(part)
        os.replace(part, self.site)

    def run(self, *arguments: str) -> str:
        """Run Python there; return what it printed."""
        env = {'PATH': os.environ['PATH'], 'HOME': str(self.scratch), 'PYTHONPATH': str(self.site), 'LC_ALL': 'C.UTF-8'}
        command = [program(EMULATOR), '-L', str(self.root), str(self.root / f'usr/bin/python{PYTHON}'), *arguments]
        done = subprocess.run(command, env=env, cwd=self.scratch, capture_output=True, text=True)
        if done.returncode:
            raise SystemExit(f'{" ".join(command[:6])} …: exit {done.returncode}\n{done.stderr[-3000:]}')
        return done.stdout


def needed() -> list[str]:
    """Return the packages of the two run-extras and of this project itself, but for doit, which nothing here uses."""
    project = tomllib.loads((ROOT / 'pyproject.toml').read_text('utf-8'))['project']
    extras = project['optional-dependencies']
    own = [one for one in project['dependencies'] if not one.startswith('doit')]
    return [*own, *extras['run-onnxruntime'], *extras['run-tvm']]


if __name__ == '__main__':
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--scratch', type=Path, help='a folder to keep the emulated machine in')
    asked = parser.parse_args()
    if asked.scratch:
        asked.scratch.mkdir(parents=True, exist_ok=True)
        raise SystemExit(main(asked.scratch.absolute()))
    with tempfile.TemporaryDirectory() as folder:
        raise SystemExit(main(Path(folder)))
