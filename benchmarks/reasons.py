"""Twenty edits of a small project: what `plan` says before each, and whether doit then does that and nothing else.

    python benchmarks/reasons.py                     # the transcript; exit 1 where doit did otherwise
    python benchmarks/reasons.py --write docs/why.md

A real ONNX model, the real tools, commands and doit. Our own code is a copy, so that it can be edited too.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
RECIPE = """\
recipe: 1
model: net
source:
  onnx: {path: models/net.onnx, sha256: SHA256}
data:
  calibrate: {prepare: models/rows.py:calibrate}
variants:
  onnx:     []
  onnx-opt: [onnx-optimize]
  int8:     [onnx-quantize: {mode: static, samples: 16}]
benchmark: {cycles: 2, repetitions: 3, threads: 1, warmup_seconds: 0}
"""
ROWS = """\
import numpy as np


def calibrate():
    return {'x': np.random.default_rng(1).normal(size=(32, 16)).astype('float32')}
"""
HEAD = """\
# What `plan` and `why` say

Edits of a project of one recipe, one after the other. Before each run of `doit`, `modelkiln plan` said what it
would do; what it then did was compared with that, name by name. Of what is `maybe` it may do any part, nothing else.
Written by `python benchmarks/reasons.py --write docs/why.md`, which fails when `doit` does otherwise.
"""


@dataclass(frozen=True)
class Place:
    """The project, and the copy of our code that builds it."""

    root: Path
    house: Path

    def run(self, *arguments: str) -> str:
        paths = os.pathsep.join(map(str, (self.house / 'site', self.house)))
        env = {**os.environ, 'PYTHONPATH': paths, 'PYTHONDONTWRITEBYTECODE': ''}
        done = subprocess.run(
            [sys.executable, '-m', *arguments], cwd=self.root, env=env, text=True, check=False,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        )  # fmt: skip
        return done.stdout

    def edit(self, name: str, old: str, new: str) -> None:
        path = self.root / name
        text = path.read_text()
        assert old in text, f'{name} has no {old!r}'
        path.write_text(text.replace(old, new, 1))


def model(place: Place, seed: int) -> None:
    """Write the model, and its digest into the recipe."""
    import numpy as np
    import onnx
    from onnx import TensorProto, helper, numpy_helper

    random = np.random.default_rng(seed)
    weights = {'w': random.normal(size=(16, 32)), 'v': random.normal(size=(32, 4))}
    graph = helper.make_graph(
        [helper.make_node('MatMul', ['x', 'w'], ['h']), helper.make_node('Relu', ['h'], ['r']),
         helper.make_node('MatMul', ['r', 'v'], ['y'])],
        'net',
        [helper.make_tensor_value_info('x', TensorProto.FLOAT, ['batch', 16])],
        [helper.make_tensor_value_info('y', TensorProto.FLOAT, ['batch', 4])],
        [numpy_helper.from_array(array.astype('float32'), name) for name, array in weights.items()],
    )  # fmt: skip
    path = place.root / 'recipes/models/net.onnx'
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid('', 18)], ir_version=9), path)
    recipe = place.root / 'recipes/net.yaml'
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    recipe.write_text(re.sub('sha256: [^}]*', f'sha256: {digest}', recipe.read_text()))


def lay_out(folder: Path) -> Place:
    """Return the project, not built yet."""
    place = Place(folder / 'project', folder / 'house')
    (place.root / 'recipes/models').mkdir(parents=True)
    (place.root / 'recipes/net.yaml').write_text(RECIPE)
    (place.root / 'recipes/models/rows.py').write_text(ROWS)
    shutil.copy(ROOT / 'dodo.py', place.root)
    shutil.copytree(ROOT / 'stages', place.house / 'stages', ignore=shutil.ignore_patterns('__pycache__'))
    (place.house / 'site').mkdir()
    model(place, 1)
    return place


def recipe(old: str, new: str) -> Callable[[Place], None]:
    return lambda place: place.edit('recipes/net.yaml', old, new)


def rows(old: str, new: str) -> Callable[[Place], None]:
    return lambda place: place.edit('recipes/models/rows.py', old, new)


def house(name: str) -> Callable[[Place], None]:
    """Change a file of our own code without changing what it does."""

    def edit(place: Place) -> None:
        with (place.house / 'stages' / name).open('a') as stream:
            stream.write('\nEDITED = True\n')

    return edit


def gone(*names: str) -> Callable[[Place], None]:
    def edit(place: Place) -> None:
        for path in (place.root / name for name in names):
            shutil.rmtree(path) if path.is_dir() else path.unlink()

    return edit


def scribbled(name: str) -> Callable[[Place], None]:
    def edit(place: Place) -> None:
        path = place.root / name
        path.unlink()
        path.write_text('scribbled')

    return edit


def tool(package: str, version: str) -> Callable[[Place], None]:
    return lambda place: (place.house / 'site' / f'{package}-{version}.dist-info').mkdir()


SAMPLES, MORE = 'samples: 16', 'samples: 24'
STATIC = '{mode: static, samples: 16}]'
LOOSE = 'check: {tolerance: {int8: {relative: 0.9}}}\nbenchmark:'
EDITS: tuple[tuple[str, Callable[[Place], None], str], ...] = (
    ('Nothing is changed', lambda place: None, 'net'),
    ('A comment and other order in the recipe', recipe(STATIC, '{samples: 16, mode: static}]  # why'), 'net'),
    ('A parameter', recipe(SAMPLES, MORE), 'net:int8'),
    ('The parameter back', recipe(MORE, SAMPLES), 'net:int8'),
    ('A comment in the Python of the calibration data', rows('def', '# rows of noise\ndef'), 'data'),
    ('Its code, and other rows come of it', rows('default_rng(1)', 'default_rng(2)'), 'net:int8'),
    ('Its code, and the same rows come of it', rows('(32, 16)', '(16 * 2, 16)'), 'net:int8'),
    ('Other weights in the model', lambda place: model(place, 2), 'net:onnx-opt'),
    ('A stage before another', recipe('int8:     [', 'int8:     [onnx-optimize: {level: basic}, '), 'net:int8'),
    ('An artifact deleted', gone('artifacts/net/int8'), 'net:int8'),
    ('An artifact scribbled on', scribbled('artifacts/net/int8/model.onnx'), 'net:int8'),
    ('The report deleted', gone('artifacts/net/report.md'), 'net'),
    ('The store lost, and an artifact', gone('.modelkiln/store/blobs', 'artifacts/net/onnx-opt'), 'net:onnx-opt'),
    ('More repetitions', recipe('repetitions: 3', 'repetitions: 4'), 'net'),
    ('A bound on what may be lost', recipe('benchmark:', LOOSE), 'net:int8'),
    ('A limit', recipe('benchmark:', 'timeout: 600\nbenchmark:'), 'net'),
    ('Another version of a tool', tool('onnxruntime', '99.0'), 'net:onnx-opt'),
    ('Our code: a kind', house('kinds/onnx_quantize.py'), 'net:int8'),
    ('Our code: what every step is started with', house('contract/job.py'), 'net:onnx'),
    ('A variant less, and one with another name', recipe('  onnx-opt: [onnx-optimize]\n  int8:', '  small:'), 'net'),
    ('Calibration data whose code fails', rows('return', 'raise ValueError("no rows")\n    return'), 'net:small'),
    ('Nothing is changed after a failure', lambda place: None, 'net:small'),
)


def did(text: str) -> set[str]:
    """Return what doit says it did."""
    shown, _, failed = text.partition('\nFailed:')
    steps = re.findall(r'^  (?:built  |cached |FAILED |refused)\s*(\S+-[0-9a-f]{8}) ', shown, re.MULTILINE)
    names = re.findall(r'^  done    (\S+:\S+)$', shown, re.MULTILINE)
    names += re.findall(r'\b(net:\w+)(?=[,:] )', failed)
    measured = [f'measuring {name}' for name in re.findall(r'^  measured (\S+):', shown, re.MULTILINE)]
    gone = re.findall(r'^  gone    (\S+)$', shown, re.MULTILINE)
    return {*steps, *names, *measured, *(f'without {name}' for name in gone)}


def said(text: str) -> tuple[set[str], set[str]]:
    """Return what a plan is sure of, and what it is not."""
    sure, maybe = set[str](), set[str]()
    for what, name, more in re.findall(r'^(\S+) +(\S+)(?: +(\S+))?', text.rstrip().rpartition('\n')[0], re.MULTILINE):
        if what == 'advice':
            continue
        found = maybe if what == 'maybe' else sure
        what, name = (name, more) if what == 'maybe' and name in ('deliver', 'measure', 'report') else (what, name)
        recipe = name.partition(':')[0]
        words = {'measure': f'measuring {recipe}', 'report': f'{name}:report', 'remove': f'without {name}'}
        found.add(words.get(what, name))
    return sure, maybe - sure


def transcript(place: Place) -> Iterator[str]:
    """Yield the lines for each edit, and raise SystemExit where doit did what plan did not say."""
    place.run('doit', '-n', '1')
    for number, (title, edit, name) in enumerate(EDITS, start=1):
        edit(place)
        plan, why = place.run('stages.command.main', 'plan'), place.run('stages.command.main', 'why', name)
        text = place.run('doit', '-n', '1')
        found, (sure, maybe) = did(text), said(plan)
        if not sure <= found <= sure | maybe:
            raise SystemExit(f'{title}: doit did {sorted(found)}\n{plan}\n{text}')
        happened = ', '.join(sorted(found & maybe)) or 'nothing'
        yield f'\n## {number}. {title}\n\n```\n$ modelkiln plan\n{plan.rstrip()}\n'
        yield f'$ modelkiln why {name}\n{why.rstrip()}\n```\n'
        yield f'\n`doit` did what was sure{f", and of what was not: {happened}" if maybe else ""}.\n'


def main() -> None:
    """Print or write the transcript."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--write', type=Path, help='write the transcript to this file')
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        lines = [HEAD]
        for line in transcript(lay_out(Path(folder))):
            lines.append(line)
            print(line, end='', flush=True)
    if asked.write:
        asked.write.write_text(''.join(lines), encoding='utf-8')


if __name__ == '__main__':
    main()
