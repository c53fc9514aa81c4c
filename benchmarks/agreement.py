"""How far several recipes of one network agree, variant by variant: the largest difference of any answer.

    python benchmarks/agreement.py basic-pitch-tensorflow basic-pitch-tflite basic-pitch-onnx

Reads what the check steps of the last `doit` stored: every variant's answers to the same samples, in float32 only, and
with the engines' own options (XLA and LiteRT without XNNPACK compute otherwise; --options compares them too). Exit 1
when a pair differs by more than --bound.
"""

from __future__ import annotations

import argparse
import io
import itertools
import sys
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from stages.engines import ENGINES  # noqa: E402
from stages.execute.ensure import result_of  # noqa: E402
from stages.execute.project import Project, open_project  # noqa: E402


def answers(project: Project, recipe: str, options: bool) -> dict[str, dict[str, np.ndarray]]:
    """Return the answers of each float32 variant to the recipe's probe, by the name of the output."""
    found = {}
    for build in project.plan.builds[recipe]:
        link = build.chain[-1]
        if link.precision != 'f32' or link.check is None or project.stamp(link.check) is None:
            continue
        if not options and build.variant.run != ENGINES[build.variant.engine].Options():
            continue
        stored = project.store.read(result_of(project, link.check).files['outputs.npz'])
        with np.load(io.BytesIO(stored), allow_pickle=False) as arrays:
            names = project.plan.recipes[recipe].outputs
            found[build.name] = {name: arrays[f'probe.{i}'] for i, name in enumerate(names)}
    return found


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('recipe', nargs='+')
    parser.add_argument('--bound', type=float, default=1e-4, help='the largest difference allowed (default 1e-4)')
    parser.add_argument('--options', action='store_true', help='also variants whose engine has other options')
    asked = parser.parse_args()
    project = open_project(ROOT)
    if unknown := [name for name in asked.recipe if name not in project.plan.builds]:
        parser.error(f'no recipe {", ".join(unknown)}; there are {", ".join(project.plan.builds)}')
    found: dict[str, dict[str, np.ndarray]] = {}
    for recipe in asked.recipe:
        found |= answers(project, recipe, asked.options)
    if len(found) < 2:
        parser.error(f'nothing to compare; run: doit {" ".join(asked.recipe)}')
    worst = 0.0
    for (one, first), (other, second) in itertools.combinations(found.items(), 2):
        apart = max(float(np.abs(first[name].astype('f8') - second[name]).max()) for name in first)
        worst = max(worst, apart)
        print(f'{apart:.1e}  {one}  {other}')
    print(f'{len(found)} variants, largest difference {worst:.1e}, bound {asked.bound:g}')
    return int(worst > asked.bound)


if __name__ == '__main__':
    sys.exit(main())
