"""What it takes to run a TVM library: start-up and size beside ONNX Runtime and all of TVM; and to build one.

``python benchmarks/tvm_deploy.py MODEL.onnx``, from the root. Each figure is the median of fresh processes that take
turns; times are CPU time, so neighbours disturb little. Ratios are to ONNX Runtime, of one run.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
ROUNDS = 7

START = """
import json, sys, time
from pathlib import Path
from stages.measure.memory import rss_bytes
kind, folder = sys.argv[1], Path(sys.argv[2])
import numpy
begun, before = time.process_time(), rss_bytes()
if kind == 'all of TVM':
    import tvm
    from tvm import relax
else:
    from stages.engines import ENGINES, onnxruntime, tvm
    engine = {'TVM': tvm, 'ONNX Runtime': onnxruntime}[kind]
    engine.prepare()
imported, rss = time.process_time() - begun, rss_bytes() - before
begun = time.process_time()
if kind == 'all of TVM':
    relax.VirtualMachine(tvm.runtime.load_module(str(folder / 'model.so')), tvm.cpu())
else:
    from stages.contract.port import read_contract
    engine.load(folder, read_contract(folder), engine.Options(), 1)
print(json.dumps({'import': imported, 'memory': rss, 'load': time.process_time() - begun}))
"""
BUILD = """
import json, sys, time
from pathlib import Path
from stages.execute.worker import peak_memory
from stages.kinds import tvm
from stages.contract.job import Job
from stages.contract.port import read_contract, write_contract
folder, out = map(Path, sys.argv[1:])
begun = time.process_time()
write_contract(tvm.run(tvm.Params(), Job({'model': folder}, out, read_contract(folder), lambda f, w: None)), out)
print(json.dumps({'seconds': time.process_time() - begun, 'peak': peak_memory()}))
"""


def child(code: str, *arguments: object) -> dict[str, Any]:
    """Run ``code`` in a fresh Python; return the JSON of its last line."""
    command = [sys.executable, '-c', code, *map(str, arguments)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def main(model: Path) -> None:
    with tempfile.TemporaryDirectory() as scratch:
        source, out = Path(scratch, 'onnx'), Path(scratch, 'tvm')
        source.mkdir()
        out.mkdir()
        for path in (model, model.with_name(f'{model.name}.data')):
            if path.is_file():
                (source / path.name.replace(model.name, 'model.onnx')).symlink_to(path.resolve())
        made = child(BUILD, source, out)
        print(f'build: {made["seconds"]:.1f} s of CPU, peak memory {made["peak"] / 2**20:.0f} MiB')
        places = {'ONNX Runtime': source, 'TVM': out, 'all of TVM': out}
        found: dict[str, list[dict[str, Any]]] = {name: [] for name in places}
        for _ in range(ROUNDS):
            for name, folder in places.items():
                found[name].append(child(START, name, folder))
        sizes = {
            'ONNX Runtime': size(source, 'onnxruntime'),
            'TVM': deployed(out),
            'all of TVM': size(out, 'tvm', 'tvm_ffi'),
        }
        for name in places:
            told = [f'{name:<13}']
            for what, unit, scale in (('import', 'ms', 1e3), ('load', 'ms', 1e3), ('memory', 'MiB', 2**-20)):
                own, base = (median(row[what] for row in found[each]) for each in (name, 'ONNX Runtime'))
                told.append(f'{what} {own * scale:7.1f} {unit} ({own / base:5.2f})')
            told.append(f'size {sizes[name] / 2**20:6.1f} MiB ({sizes[name] / sizes["ONNX Runtime"]:5.2f})')
            print(' | '.join(told))


def size(folder: Path, *packages: str) -> int:
    """Return the bytes of a model and of the packages that run it."""
    return bytes_of(folder, lambda _: True) + sum(bytes_of(place(name), lambda _: True) for name in packages)


def deployed(folder: Path) -> int:
    """Return the bytes of a library, of TVM's runtime and of the Python package that calls it."""
    runtime = bytes_of(place('tvm'), lambda path: path.name in ('libtvm_runtime.so', 'libtvm_runtime_extra.so'))
    return bytes_of(folder, lambda _: True) + runtime + bytes_of(place('tvm_ffi'), lambda _: True)


def place(package: str) -> Path:
    spec = importlib.util.find_spec(package)
    assert spec is not None and spec.submodule_search_locations
    return Path(spec.submodule_search_locations[0])


def bytes_of(folder: Path, wanted: Callable[[Path], bool]) -> int:
    return sum(p.stat().st_size for p in folder.rglob('*') if p.is_file() and p.suffix != '.pyc' and wanted(p))


if __name__ == '__main__':
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('model', type=Path, help='an ONNX file')
    main(parser.parse_args().model)
