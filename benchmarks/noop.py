"""How long a run takes that has nothing to do: ``doit`` on 1,000 steps up to date, against ``python -c 'import doit'``.

    python benchmarks/noop.py                       # pairs of runs, their ratio, and what was imported
    python benchmarks/noop.py --steps 5000
    python benchmarks/noop.py --recipes recipes rnet   # a copy of these recipes, and what doit is asked for

Told are the ratios of a run that knows from the one before that all is current, and of one that looks at everything,
because a recipe was touched. The project is generated: real recipes, read and planned by the real code. Its results are
placeholders put into the real store under the real keys: what they hold does not matter to a run that only looks
whether they are current.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median
from unittest.mock import patch

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from stages.atomic import write_text  # noqa: E402
from stages.contract.port import CONTRACT, Contract, contract_json  # noqa: E402
from stages.digest import digest_of  # noqa: E402
from stages.execute.ensure import set_stamp  # noqa: E402
from stages.execute.project import Project, open_project  # noqa: E402
from stages.layout import pages  # noqa: E402
from stages.layout.artifact import deliver  # noqa: E402
from stages.layout.outcome import outcome_of  # noqa: E402

# Bytecode is kept, as it is wherever nobody forbids it: pip has compiled doit, and Python compiles us once.
ENV = {**os.environ, 'PYTHONPATH': str(ROOT), 'PYTHONDONTWRITEBYTECODE': ''}
STEPS = 1000
Pair = tuple[float, float]
PAIRS = 9
HEAVY = ('torch', 'tensorflow', 'tvm', 'openvino', 'onnx', 'onnxruntime', 'numpy', 'jsonschema', 'matplotlib', 'jinja2')
RECIPE = """\
recipe: 1
model: model-{number}
source: {{torch: models/seeded.py:build}}
inputs:
  image: {{shape: [batch, 3, {size}, {size}], dtype: float32}}
data:
  calibrate: {{prepare: models/seeded.py:calibrate}}
variants:
  torch:            []
  torchscript:      [torchscript]
  torchscript-int8: [torch-quantize, torchscript]
  onnx:             [onnx]
  onnx-optimized:   [onnx, onnx-optimize: {{level: all}}]
  onnx-int8:        [onnx, onnx-quantize: {{mode: static}}]
  openvino:         [onnx, openvino]
  openvino-f16:     [onnx, openvino: {{compress: f16}}]
  openvino-int8:    [onnx, openvino, openvino-quantize]
"""
CHECK = {'difference': {'max_abs': 0, 'relative': 0, 'cosine': 1, 'finite': True, 'failure': None},
         'metric': None, 'agreement': None, 'outputs': [], 'inputs': []}  # fmt: skip
PLACEHOLDERS = {'check.json': json.dumps(CHECK), CONTRACT: json.dumps(contract_json(Contract()))}


def generate(root: Path, steps: int = STEPS) -> Project:
    """Write recipes below ``root`` until they make ``steps`` steps, and mark everything as built."""
    models = root / 'recipes' / 'models'
    models.mkdir(parents=True)
    (models / 'seeded.py').write_text('def build():\n    pass\n\n\ndef calibrate(folder):\n    pass\n')
    shutil.copy(ROOT / 'dodo.py', root / 'dodo.py')
    written = 0
    project = None
    while project is None or len(project.plan.steps) < steps:
        each = len(project.plan.steps) // written if project else steps  # of the first recipe; all are alike
        for number in range(written, max(written + 1, -(-steps // each))):
            (root / 'recipes' / f'model-{number}.yaml').write_text(RECIPE.format(number=number, size=32 + number))
            written = number + 1
        project = open_project(root)
    fill(project)
    return project


def copied(root: Path, recipes: Path) -> Project:
    """Copy ``recipes`` below ``root``, without the bounds that placeholders break, and mark everything as built."""
    shutil.copytree(recipes, root / 'recipes', ignore=shutil.ignore_patterns('__pycache__'))
    for path in (root / 'recipes').glob('*.yaml'):
        path.write_text(re.sub(r'^check:.*\n( .*\n)*', '', path.read_text(), flags=re.MULTILINE))
    shutil.copy(ROOT / 'dodo.py', root / 'dodo.py')
    project = open_project(root)
    fill(project)
    return project


def fill(project: Project) -> None:
    """Give every step a placeholder result under its true key, and every variant and report its files.

    Nothing waits for the disk: placeholders may be lost.
    """
    with patch('os.fsync'):
        _fill(project)


def _fill(project: Project) -> None:
    folder = project.store.temporary('fill')
    for step in project.plan.steps.values():
        action = project.action(step)
        names = [name if '.' in name else f'{name}/file' for name in step.outputs] or ['file']
        for name in names:
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_text(PLACEHOLDERS.get(name, f'{step.name} {name}'))
        set_stamp(project, step, project.store.publish(digest_of(action), action, folder, names, 0.0, 0))
    shutil.rmtree(folder)
    for recipe, builds in project.plan.builds.items():
        for build in builds:
            deliver(project, outcome_of(project, build), None)
        write_text(project.state / 'reports' / f'{recipe}.json', pages.record(project, recipe, []))
    project.remembered.save()


def once(argv: list[str], folder: Path) -> float:
    """Return the seconds a command takes, from outside."""
    start = time.perf_counter()
    subprocess.run(argv, cwd=folder, env=ENV, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    return time.perf_counter() - start


def ratios(root: Path, pairs: int = PAIRS, names: tuple[str, ...] = (), touch: Path | None = None) -> list[Pair]:
    """Return pairs of seconds, taken in turn: the no-op of ``names``, and Python importing doit.

    ``touch`` is touched before each: then doit cannot know from the run before that nothing changed.
    """
    noop, floor = [sys.executable, '-m', 'doit', *names], [sys.executable, '-c', 'import doit']
    once(noop, root)
    time.sleep(0.2)
    once(noop, root)  # files that were too new to be remembered are by now
    found = []
    for _ in range(pairs):
        if touch:
            touch.touch()
            time.sleep(0.2)
        found.append((once(noop, root), once(floor, root)))
    return found


def imported(root: Path) -> list[str]:
    """Return which heavy packages a no-op imports."""
    code = (
        'import sys; sys.argv = ["doit"]\n'
        'from doit.doit_cmd import DoitMain\n'
        'code = DoitMain().run([])\n'
        f'print("HEAVY", code, *[name for name in {HEAVY} if name in sys.modules])'
    )
    argv = [sys.executable, '-c', code]
    text = subprocess.run(argv, cwd=root, env=ENV, check=True, capture_output=True, text=True).stdout
    last = text.strip().splitlines()[-1].split()
    if last[:2] != ['HEAVY', '0'] or 'built' in text:
        raise SystemExit(f'the run was no no-op:\n{text}')
    return last[2:]


def told(what: str, pairs: list[Pair]) -> None:
    """Print the medians and the ratios of pairs."""
    ours, bare = (median(column) for column in zip(*pairs, strict=True))
    each = [a / b for a, b in pairs]
    print(f'{what}: median {ours:.3f} s, import doit {bare:.3f} s; '
          f'ratio pair by pair: median {median(each):.2f}, {min(each):.2f} to {max(each):.2f}', flush=True)  # fmt: skip


def main() -> None:
    """Generate, run, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--steps', type=int, default=STEPS, help='how many, at least')
    parser.add_argument('--recipes', type=Path, help='a folder of recipes to copy, instead of generated ones')
    parser.add_argument('--pairs', type=int, default=PAIRS)
    parser.add_argument('name', nargs='*', help='what doit is asked for; default: all')
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        root, names = Path(folder), tuple(asked.name)
        project = copied(root, asked.recipes) if asked.recipes else generate(root, asked.steps)
        print(f'{len(project.plan.steps)} steps of {len(project.plan.recipes)} recipes, all up to date')
        print(f'heavy packages imported: {", ".join(imported(root)) or "none"}')
        told('nothing touched', ratios(root, asked.pairs, names))
        touched = next((root / 'recipes').glob('*.yaml'))
        told('a recipe touched', ratios(root, asked.pairs, names, touched))


if __name__ == '__main__':
    main()
