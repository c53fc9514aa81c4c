"""TVM's libraries of a recipe against ONNX Runtime fp32 and torch, interleaved in one run, at one and two threads.

    python benchmarks/tvm_engines.py resnet18 super-resolution minilm --threads 1 2

Measures what the last `doit` left in artifacts/ by the same protocol as reports: cycles in fresh processes, in
alternation, each paired with ONNX Runtime's of its round. Prints time over ONNX Runtime's time with its 95 % interval:
below 1 is faster than ONNX Runtime. A library without AVX is also set beside torch held to the same instruction set.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path
from statistics import fmean
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from stages.engines import tvm  # noqa: E402
from stages.execute.ensure import copy_result  # noqa: E402
from stages.execute.project import Project, open_project  # noqa: E402
from stages.measure.protocol import Subject, run_session  # noqa: E402
from stages.measure.samples import cycle_of  # noqa: E402
from stages.measure.spawn import spawn_cycle  # noqa: E402
from stages.plan.make import as_json  # noqa: E402
from stages.plan.step import Build  # noqa: E402
from stages.recipe.model import Benchmark  # noqa: E402
from stages.report import samples  # noqa: E402
from stages.report.statistics import paired_ratio, turned  # noqa: E402
from stages.store.locks import measuring  # noqa: E402

CAPPED = 'torch without AVX'
NO_AVX = {'ATEN_CPU_CAPABILITY': 'default', 'ONEDNN_MAX_CPU_ISA': 'SSE41', 'MKL_ENABLE_INSTRUCTIONS': 'SSE4_2'}
"""What holds torch and oneDNN in it to 128-bit vectors. MKL, which multiplies matrices, may not listen on every CPU."""

CYCLE_TIMEOUT = 900.0


def chosen(project: Project, recipe: str) -> list[Build]:
    """Return the fp32 yardsticks and every TVM variant for this machine, ONNX Runtime first."""
    builds = {build.variant.name: build for build in project.plan.builds[recipe]}
    return [builds[name] for name in ('onnx', 'torch') if name in builds] + [
        build for build in builds.values()
        if build.variant.engine == tvm.ENGINE and not (folder_of(build).is_dir() and tvm.foreign(folder_of(build)))
    ]  # fmt: skip


def folder_of(build: Build) -> Path:
    return ROOT / 'artifacts' / build.recipe / build.variant.name


def subject(build: Build, threads: int) -> Subject:
    return Subject(
        build.variant.name, build.variant.engine, as_json(build.variant.run), threads, str(folder_of(build)), 1
    )


def measure(project: Project, recipe: str, builds: list[Build], benchmark: Benchmark, threads: int) -> dict[str, Any]:
    """Return the samples of every subject, by name."""
    subjects = [subject(build, threads) for build in builds]
    if any('no-avx' in s.name for s in subjects):
        subjects += [Subject(CAPPED, s.engine, s.options, threads, s.folder, 1) for s in subjects if s.name == 'torch']
    with tempfile.TemporaryDirectory() as name:
        work = Path(name)
        copy_result(project, project.plan.probes[recipe], (work / 'inputs'))
        common = {'inputs': str(work / 'inputs' / 'data.npz')}

        def run_cycle(request: dict[str, Any]) -> dict[str, Any]:
            extra = NO_AVX if request['name'] == CAPPED else {}
            return spawn_cycle(request, work / 'cycle', project.launcher, CYCLE_TIMEOUT, extra)

        (work / 'cycle').mkdir()
        with measuring():
            return run_session(subjects, common, benchmark, run_cycle, lambda words: print(words, file=sys.stderr))


def line(name: str, cycles: list[Any], against: list[Any]) -> str:
    """Return one row: time over that of ``against``, round by round."""
    taken, other = ([cycle_of(one) for one in found] for found in (cycles, against))
    before, after = samples.pairs(taken, other)
    ratio = turned(paired_ratio(before, after))
    latency = fmean(samples.cycle_means(taken)) / 1e6
    return f'  {name:20} {latency:9.2f} ms  {ratio.value:5.2f}  ({ratio.low or 0:.2f}–{ratio.high or 0:.2f})'


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('recipe', nargs='+')
    parser.add_argument('--threads', type=int, nargs='+', default=[1, 2])
    parser.add_argument('--cycles', type=int, default=4)
    parser.add_argument('--repetitions', type=int, default=30)
    asked = parser.parse_args()
    project = open_project(ROOT)
    for recipe in asked.recipe:
        builds = chosen(project, recipe)
        if missing := [build.name for build in builds if not folder_of(build).is_dir()]:
            parser.error(f'{", ".join(missing)} not built; run: doit {recipe}')
        for threads in asked.threads:
            protocol = Benchmark(cycles=asked.cycles, repetitions=asked.repetitions, threads=(threads,))
            taken = measure(project, recipe, builds, protocol, threads)
            print(f'{recipe}, {threads} thread{"s" if threads > 1 else ""}: time over that of ONNX Runtime fp32')
            for name, found in taken.items():
                if 'failed' in found:
                    print(f'  {name:20} {found["failed"].splitlines()[-1]}')
                else:
                    print(line(name, found['cycles'], taken['onnx']['cycles']))
            capped = taken.get(CAPPED, {}).get('cycles')
            for name in (name for name in taken if capped and 'no-avx' in name):
                print(f'  {name} over {CAPPED}:\n{line(name, taken[name]["cycles"], capped)}')
    return 0


if __name__ == '__main__':
    sys.exit(main())
