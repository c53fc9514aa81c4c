"""No shipped engine more than 2 % behind the best by hand: each engine's variants against what an expert would set.

    doit comparison-resnet18 minilm && python benchmarks/by_hand.py comparison-resnet18 minilm --write docs/by-hand.md

Of each engine: the ways that somebody who knows it would try (`hand.py`: threads, shapes, precision, arena, graph
level, spinning, layout, freezing, fusion, compiling) are tried in a few processes each, and so is every variant that
the recipe ships. Then the best way, the variant by default and the best variant are measured once more, in fresh
processes, in turn (A B C, C B A …), on the same inputs and CPUs: what was the luckiest of many is no luckier then.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from itertools import count
from pathlib import Path
from statistics import fmean
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))
sys.path.insert(0, str(Path(__file__).resolve().parent))

from peers import Asked, asked_of, by_hand, call_ns, head, milliseconds, our  # noqa: E402

from stages.document.manifest import read_manifest  # noqa: E402
from stages.errors import StepError  # noqa: E402
from stages.launch import Launcher  # noqa: E402
from stages.measure.machine import load_now  # noqa: E402
from stages.measure.protocol import order  # noqa: E402
from stages.report.digits import ratio_text  # noqa: E402
from stages.report.statistics import Ratio, paired_ratio, verdict  # noqa: E402

NEAR = 0.02
SECONDS, LEAST = 1.0, 10
"""What is timed in a process: so long, and so many calls at least."""

ALIKE = {'f32': 1e-3, 'bf16': 5e-2}
"""How far the size of a way's answer may be from that of the first way: else it computes something else."""


@dataclass(frozen=True)
class Engine:
    """An engine in one precision: what recipes ship of it, and what an expert tries."""

    name: str
    precision: str
    ours: tuple[str, ...]
    """Variants, the default first; a recipe has some of them."""

    file: str
    """What by hand is given of the first of them: a file of it, or all of it."""

    ways: Mapping[str, dict[str, Any]] = field(hash=False)


def _openvino(precision: str) -> dict[str, dict[str, Any]]:
    said = {'INFERENCE_PRECISION_HINT': precision}
    latency = {**said, 'PERFORMANCE_HINT': 'LATENCY'}
    return {
        'static shapes': {'shape': 'static', **latency},
        'open shapes': latency,
        'static shapes, one stream, no hint': {'shape': 'static', **said, 'NUM_STREAMS': '1'},
        'static shapes, threads not pinned': {'shape': 'static', **latency, 'ENABLE_CPU_PINNING': False},
    }


ENGINES = (
    Engine(
        'onnxruntime', 'f32', ('onnx', 'onnx-optimized', 'onnx-fused'), 'model.onnx',
        {
            'as it comes': {}, 'without spinning': {'spinning': False}, 'without arena': {'arena': False},
            'extended graph level': {'level': 'ORT_ENABLE_EXTENDED'},
        },
    ),
    Engine('openvino', 'f32', ('openvino', 'openvino-static'), 'model.xml', _openvino('f32')),
    Engine('openvino', 'bf16', ('openvino-bf16',), 'model.xml', _openvino('bf16')),
    Engine(
        'torch', 'f32', ('torch', 'torch-compile'), '',
        {
            'eager': {}, 'channels last': {'layout': 'last'}, 'compiled and frozen': {'compile': {}},
            'compiled and frozen, channels last': {'compile': {}, 'layout': 'last'},
        },
    ),
    Engine(
        'torchscript', 'f32', ('torchscript', 'torchscript-fused'), 'model.pt',
        {
            'as it comes': {}, 'frozen': {'freeze': True}, 'frozen and fused': {'freeze': True, 'fusion': True},
            'frozen and fused, channels last': {'freeze': True, 'fusion': True, 'layout': 'last'},
        },
    ),
    Engine(
        'litert', 'f32', ('litert-from-torch', 'tflite', 'litert'), 'model.tflite',
        {'XNNPACK': {}, 'its own kernels': {'xnnpack': False}},
    ),
)  # fmt: skip

Take = Callable[[], float]
"""A fresh process; returns the milliseconds of a call."""


@dataclass(frozen=True)
class Bench:
    """One recipe on so many threads, and what runs its processes."""

    artifacts: Path
    recipe: str
    threads: int
    length: int
    launcher: Launcher
    scratch: Path

    def row(self, engine: Engine, tries: int, pairs: int) -> str:
        """Return the line of an engine."""
        words = f'{self.recipe}, {_threads(self.threads)} | {engine.name} {engine.precision}'
        asked = {
            name: asked_of(self.recipe, name, self.artifacts / self.recipe / name, self.length)
            for name in engine.ours
            if (self.artifacts / self.recipe / name).exists()
        }
        if not asked:
            return f'| {words} | not built | | | |'
        default = next(iter(asked))
        try:
            ours, calls = {}, 0
            for name, one in asked.items():
                ours[name], enough = self._ours(one)
                calls = calls or enough
            hands, left_out = self._hands(engine, asked[default], calls)
        except StepError as error:
            return f'| {words} | failed: {str(error).splitlines()[-1]} | | | |'
        tried = self._in_turn({**ours, **hands}, tries)
        best = min(hands, key=lambda name: fmean(tried[name]))
        shipped = min(ours, key=lambda name: fmean(tried[name]))
        taken = self._in_turn(
            {name: {**ours, **hands}[name] for name in dict.fromkeys((default, shipped, best))}, pairs
        )
        behind = {name: paired_ratio(taken[name], taken[best]) for name in dict.fromkeys((default, shipped))}
        cells = [f'{name} {fmean(taken[name]):.3g} ms, {ratio_text(one)}' for name, one in behind.items()]
        found = f'{best}, {fmean(taken[best]):.3g} ms' + (f' ({"; ".join(left_out)})' if left_out else '')
        return f'| {words} | {found} | {cells[0]} | {cells[-1]} | {_said(behind[shipped])} |'

    def _ours(self, asked: Asked) -> tuple[Take, int]:
        """Return what measures a variant with the options that it is shipped with, and how many calls that is."""
        said = read_manifest(asked.folder)
        cycle = partial(our, asked, said.engine, said.options, launcher=self.launcher, scratch=self.scratch,
                        threads=self.threads)  # fmt: skip
        first = cycle(calls=LEAST, inner=0, round_=0)
        calls = max(LEAST, round(SECONDS * 1e9 / call_ns(first)))
        rounds = count(1)
        return lambda: milliseconds(cycle(calls=calls, inner=first['inner'], round_=next(rounds))), calls

    def _hands(self, engine: Engine, asked: Asked, calls: int) -> tuple[dict[str, Take], list[str]]:
        """Return the ways that run and compute the same, and why each other is left out."""
        found: dict[str, Take] = {}
        left_out: list[str] = []
        answer = None
        for name, how in engine.ways.items():
            way = partial(
                by_hand, asked, engine.name, engine.file, {**how, 'house': str(ROOT)}, calls, self.scratch,
                threads=self.threads,
            )  # fmt: skip
            try:
                told = way()['answer']
            except StepError as error:
                left_out.append(f'{name} fails: {str(error).splitlines()[-1][:80]}')
                continue
            answer = told if answer is None else answer
            if abs(told - answer) > ALIKE[engine.precision] * abs(answer):
                left_out.append(f'{name} computes something else')
                continue
            found[name] = lambda way=way: float(way()['call'])  # type: ignore[misc]
        if not found:
            raise StepError('; '.join(left_out))
        return found, left_out

    def _in_turn(self, takes: Mapping[str, Take], rounds: int) -> dict[str, list[float]]:
        taken: dict[str, list[float]] = {name: [] for name in takes}
        for names in order(list(takes), rounds):
            for name in names:
                taken[name].append(takes[name]())
        return taken


def _said(ratio: Ratio) -> str:
    """Return whether a variant keeps the goal: its time over that of the best by hand is below 1.02."""
    if ratio.high is not None and ratio.high <= 1 + NEAR:
        return 'within 2 %'
    return 'behind' if verdict(ratio, NEAR) == 'faster' else 'not decided'


def _threads(count: int) -> str:
    return f'{count} thread{"s" * (count != 1)}'


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('recipes', nargs='*', default=['comparison-resnet18', 'minilm'])
    parser.add_argument('--engine', action='append', help='of these alone')
    parser.add_argument('--threads', type=int, nargs='+', default=[1])
    parser.add_argument('--tries', type=int, default=2, help='processes of each way, to find the best')
    parser.add_argument('--pairs', type=int, default=10)
    parser.add_argument('--length', type=int, default=64, help='of texts')
    parser.add_argument('--artifacts', type=Path, default=ROOT / 'artifacts')
    parser.add_argument('--write', type=Path, help='a page to write the table to')
    asked = parser.parse_args(arguments)
    lines = [
        '| | engine | the best by hand | by default, over it | the best shipped, over it | |',
        '|---|---|---|---|---|---|',
    ]
    print('\n'.join(lines), flush=True)
    before = load_now()
    with tempfile.TemporaryDirectory() as home:
        launcher = Launcher(Path(home) / 'servers')
        try:
            for recipe in asked.recipes:
                for threads in asked.threads:
                    bench = Bench(asked.artifacts, recipe, threads, asked.length, launcher, Path(home))
                    for engine in (one for one in ENGINES if not asked.engine or one.name in asked.engine):
                        lines.append(bench.row(engine, asked.tries, asked.pairs))
                        print(lines[-1], flush=True)
        finally:
            launcher.close()
    if asked.write:
        how = (
            f'{asked.pairs} processes of each, {SECONDS:g} s of calls in each, in turn; the best of {asked.tries} tries'
        )
        told = head(
            '# Against the best by hand', 'by_hand.py', f'{how}. The time over that of the best by hand', before
        )
        asked.write.write_text('\n'.join([*told, *lines]) + '\n')
    return 0


if __name__ == '__main__':
    sys.exit(main())
