"""What 200 recipes cost that share one list of variants by ``extends``: check, list and a run that has nothing to do.

    python benchmarks/many.py                       # ratios to `python -c 'import doit'`, pair by pair
    python benchmarks/many.py --recipes 50 --pairs 3

The recipes are generated and their results are placeholders, as in noop.py.
"""

from __future__ import annotations

import argparse
import shutil
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from benchmarks.noop import fill, imported, once, told  # noqa: E402
from stages.execute.project import Project, open_project  # noqa: E402

SHARED = """\
recipe: 1
inputs:
  image: {shape: [batch, 3, 32, 32], dtype: float32}
variants:
  torch:       []
  torchscript: [torchscript]
  onnx:        [onnx]
  onnx-int8:   [onnx, onnx-quantize]
"""
RECIPE = """\
extends: _shared.yaml
model: model-{number}
source: {{torch: models/seeded.py:build_{number}}}
"""
COMMAND = [sys.executable, '-c', 'from stages.command.entry import run; run()']
RUNS = {
    'modelkiln check': [*COMMAND, 'check'],
    'modelkiln list': [*COMMAND, 'list'],
    'doit, nothing to do': [sys.executable, '-m', 'doit'],
}


def generate(root: Path, count: int) -> Project:
    """Write ``count`` recipes and their shared list below ``root``, and mark everything as built."""
    (root / 'recipes/models').mkdir(parents=True)
    (root / 'recipes/models/seeded.py').write_text(''.join(f'def build_{n}():\n    pass\n\n\n' for n in range(count)))
    (root / 'recipes/_shared.yaml').write_text(SHARED)
    for number in range(count):
        (root / f'recipes/model-{number}.yaml').write_text(RECIPE.format(number=number))
    shutil.copy(ROOT / 'dodo.py', root / 'dodo.py')
    project = open_project(root)
    fill(project)
    return project


def main() -> None:
    """Generate, run, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--recipes', type=int, default=200)
    parser.add_argument('--pairs', type=int, default=9)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        project = generate(root, asked.recipes)
        print(f'{len(project.plan.recipes)} recipes that extend one, {len(project.plan.steps)} steps, all up to date')
        once(RUNS['doit, nothing to do'], root)
        time.sleep(0.2)
        print(f'heavy packages imported: {", ".join(imported(root)) or "none"}')
        floor = [sys.executable, '-c', 'import doit']
        for what, argv in RUNS.items():
            once(argv, root)
            told(what, [(once(argv, root), once(floor, root)) for _ in range(asked.pairs)])


if __name__ == '__main__':
    main()
