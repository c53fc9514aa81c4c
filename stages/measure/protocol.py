"""Who is measured when. Pure, but for ``run_cycle``, which the caller gives: a process, or a test's function."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from stages.errors import StepError
from stages.recipe.model import Benchmark

RunCycle = Callable[[dict[str, Any]], dict[str, Any]]


@dataclass(frozen=True)
class Subject:
    """What is measured: an artifact, an engine, its options."""

    name: str
    engine: str
    options: dict[str, Any] = field(hash=False)
    threads: int
    folder: str
    batch: int


def order(names: Sequence[str], cycles: int) -> list[list[str]]:
    """Return the rounds: A B C, C B A, A B C …  Every second one is reversed, which cancels a linear drift."""
    return [list(names) if r % 2 == 0 else list(reversed(names)) for r in range(cycles)]


def run_session(
    baseline: Subject,
    subjects: Sequence[Subject],
    common: Mapping[str, Any],
    benchmark: Benchmark,
    run_cycle: RunCycle,
    progress: Callable[[str], None],
) -> dict[str, dict[str, Any]]:
    """Measure all subjects in alternation; round r of a subject is paired with round r of the baseline.

    A subject whose cycle fails becomes ``{'failed': reason}`` and is left out of the later rounds. When the
    baseline itself fails, the others are still measured, and have no ``baseline_cycles``.
    """
    everyone = {s.name: s for s in (baseline, *subjects)}
    if len(everyone) != len({baseline, *subjects}) or everyone[baseline.name] != baseline:
        raise StepError(f'two subjects of a benchmark have the same name: {", ".join(s.name for s in subjects)}')
    cycles: dict[str, list[dict[str, Any]]] = {name: [] for name in everyone}
    failed: dict[str, str] = {}
    inner: dict[str, int] = {}

    def attempt(name: str, request: dict[str, Any]) -> dict[str, Any] | None:
        try:
            return run_cycle(request)
        except StepError as err:
            failed[name] = f'{name}: {err}'
            # The last line of its log is the cause; the whole log is in the result.
            progress(f'{name} is left out, it failed: {failed[name].splitlines()[-1]}')
            return None

    for name, subject in everyone.items():
        progress(f'calibrating {name} ({len(inner) + len(failed) + 1} of {len(everyone)})')
        if (found := attempt(name, _request(subject, common, benchmark, inner=0, round_=0))) is not None:
            inner[name] = found['inner']

    start = time.monotonic()
    for r, names in enumerate(order(list(everyone), benchmark.cycles)):
        left = f', about {_duration((time.monotonic() - start) / r * (benchmark.cycles - r))} left' if r else ''
        for name in names:
            if name in failed:
                continue
            progress(f'round {r + 1} of {benchmark.cycles}: {name}{left}')
            request = _request(everyone[name], common, benchmark, inner[name], r + 1)
            if (found := attempt(name, request)) is not None:
                cycles[name].append(found)

    shared = [] if baseline.name in failed else cycles[baseline.name]
    return {
        name: {'failed': failed[name]}
        if name in failed
        else {'threads': subject.threads, 'cycles': cycles[name], 'baseline_cycles': shared}
        for name, subject in everyone.items()
    }


def _request(
    subject: Subject, common: Mapping[str, Any], benchmark: Benchmark, inner: int, round_: int
) -> dict[str, Any]:
    return {
        'repetitions': benchmark.repetitions,
        'warmup_runs': benchmark.warmup_runs,
        'warmup_seconds': benchmark.warmup_seconds,
        'seed': 0,
        'inputs': None,
        **common,
        'name': subject.name,
        'engine': subject.engine,
        'options': subject.options,
        'threads': subject.threads,
        'folder': subject.folder,
        'batch': subject.batch,
        'inner': inner,
        'round': round_,
    }


def _duration(seconds: float) -> str:
    if seconds < 90:
        return f'{seconds:.0f} s'
    return f'{seconds / 60:.0f} min' if seconds < 5400 else f'{seconds / 3600:.1f} h'
