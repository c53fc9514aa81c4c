"""What speaks against a recipe's wishes on this machine, said before the wait; and how long measuring takes."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from stages import cpu
from stages.errors import PromiseError
from stages.execute.project import Project
from stages.kinds import kind_for
from stages.measure import memory
from stages.measure.clock import ENOUGH_NS
from stages.measure.left import duration
from stages.measure.machine import machine
from stages.measure.protocol import QUICK_ROUNDS, ROUNDS
from stages.recipe.model import Recipe, Variant, settings
from stages.recipe.setting import SERVER, SINGLE
from stages.report.kept import read_kept

BYTES_AT_ONCE: Final = ('avx512_vnni', 'avx_vnni', 'amx_int8', 'asimddp', 'i8mm')
"""Instructions that multiply and sum bytes; without one, int8 is computed in more steps than float."""

BRAIN: Final = ('avx512_bf16', 'amx_bf16', 'bf16')
BESIDE: Final = 7
"""Calls of a slow model beside those that are timed and those for its memory: the first, and those that repeat it."""

START_SECONDS: Final = 2.0
"""What a fresh process takes until the first call, about: its framework, and the model."""


def advice(recipe: Recipe, flags: Collection[str], cores: int | None, cpus: int | None) -> list[str]:
    """Return a sentence for each doubt. ``flags``, ``cores``, ``cpus``: of this machine; empty or None: not known."""
    return list(_advice(recipe, flags, cores, cpus))


def here(recipe: Recipe) -> list[str]:
    """Return the advice for this machine."""
    found = machine()['cpu']

    def count(name: str) -> int | None:
        return found[name] if isinstance(found[name], int) else None

    allowed = found['affinity']
    return advice(recipe, cpu.flags(), count('cores'), len(allowed) if isinstance(allowed, list) else count('threads'))


def _advice(recipe: Recipe, flags: Collection[str], cores: int | None, cpus: int | None) -> Iterator[str]:
    small = [variant.name for variant in recipe.variants if _precision(recipe, variant) == 'int8']
    if small and flags and not any(name in flags for name in BYTES_AT_ONCE):
        yield (
            f'{_named(small)}: int8 on a CPU without VNNI and AMX is often slower than float; what stays is a quarter '
            'of the size'
        )
    if small and 'calibrate' not in recipe.data:
        yield (
            f'{_named(small)}: int8 without `data: {{calibrate: …}}`: ranges are taken anew in each call, which costs '
            'time, and convolutions stay float'
        )
    if small and 'evaluate' not in recipe.data:
        yield f'{_named(small)}: nothing shows what int8 costs: there is no `data: {{evaluate: …}}`'
    brain = [variant.name for variant in recipe.variants if getattr(variant.run, 'precision', '') == 'bf16']
    if brain and flags and not any(name in flags for name in BRAIN):
        yield f'{_named(brain)}: this CPU has no bf16; the engine refuses it or computes in float32'
    plain = [v.name for v in recipe.variants if v.engine == 'openvino' and _precision(recipe, v) == 'f32']
    if plain and not brain and any(name in flags for name in BRAIN):
        yield (
            f'{_named(plain)}: OpenVINO computes in float32 as asked; this CPU has bf16, which it would take by itself '
            'and is often much faster: `run: {precision: bf16}`'
        )
    most = max((one.threads for v in recipe.variants for one in settings(recipe, v)), default=1)
    if cpus and most > cpus:
        yield f'{most} threads on {cpus} CPUs: they take turns, and wait for each other'
    elif cores and cpus and cores < most:
        yield f'{most} threads on {cores} cores: two of a core share its units, so the second gains little'


@dataclass(frozen=True)
class Measuring:
    """How much there is to measure of some variants, and how long that takes."""

    rows: int
    seconds: float
    whole: bool
    """Whether every row was measured before; else its start alone counts."""


def measuring(project: Project, recipe: str, variants: Collection[str]) -> Measuring:
    """Return how long measuring some variants of a recipe takes, by what they took when last measured."""
    read, seconds, rows, unknown = project.plan.recipes[recipe], 0.0, 0, 0
    protocol, known = read.benchmark, _known(project.root / 'artifacts' / recipe)
    for variant in read.variants:
        if variant.name not in variants:
            continue
        for setting in settings(read, variant):
            rows += 1
            call = known.get((variant.name, setting))
            unknown += call is None or setting.scenario == SERVER
            calls = protocol.repetitions + min(protocol.repetitions, memory.ENOUGH) + BESIDE
            once = START_SECONDS + max(protocol.warmup_seconds, (call or 0.0) * protocol.warmup_runs)
            alone = setting.scenario == SINGLE and call is not None and call * 1e9 >= ENOUGH_NS  # else one calibrates
            seconds += (_rounds(protocol.cycles, call) + (not alone)) * (once + calls * (call or 0.0))
    return Measuring(rows, seconds, not unknown)


def wait(project: Project, recipe: str, variants: Collection[str]) -> str:
    """Return the same in words; where something was never measured the sentence says *at least*."""
    protocol, found = project.plan.recipes[recipe].benchmark, measuring(project, recipe, variants)
    rows, about = found.rows, 'about' if found.whole else 'at least'
    words = f'{rows} row{"s" * (rows != 1)}, {about} {duration(found.seconds)}'
    cycles = protocol.cycles or f'{ROUNDS} to {QUICK_ROUNDS}'
    return f'{words}: {cycles} processes of each, {protocol.repetitions} calls timed and as many for memory'


def _rounds(cycles: int | None, call: float | None) -> int:
    return cycles or (QUICK_ROUNDS if call is not None and call < 0.05 else ROUNDS)


def _known(folder: Path) -> dict[Any, float]:
    """Return the seconds of a call of each row of the last report."""
    try:
        kept = read_kept(folder)
    except PromiseError:
        return {}
    return {(row.variant, row.setting): row.latency.mean / 1e9 for row in kept.rows if row.latency}


def _precision(recipe: Recipe, variant: Variant) -> str:
    """Return what a variant's stages make of a float model."""
    format, precision = recipe.source.format, 'f32'
    for stage in variant.stages:
        kind = kind_for(stage.kind, format)
        if kind is None:
            return precision
        precision, format = kind.precision(stage.params, precision), kind.GIVES
    return precision


def _named(names: Sequence[str], most: int = 3) -> str:
    return ', '.join(names[:most]) + (f' and {len(names) - most} more' if len(names) > most else '')
