"""Who is measured when. Pure, but for ``run_cycle``, which the caller gives: a process, or a test's function."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from statistics import fmean
from typing import Any, Final

from stages.errors import StepError
from stages.measure.left import Left, duration
from stages.measure.slow import slow_means
from stages.recipe.model import Benchmark

RunCycle = Callable[[dict[str, Any]], dict[str, Any]]

ROUNDS: Final = 6
QUICK_ROUNDS: Final = 10
"""Rounds where a recipe states none: of quick models more, for their processes differ more, and cost less. At ten,
true ties come out as *same within 2 %* where processes differ by 1 %."""

QUICK_NS: Final = 50_000_000
"""A call that is quicker than this is a quick one."""

START: Final = ('import_ns', 'load_ns', 'first_ns')
"""What a start took: of the first process of a session no figure, for its files, and what it compiled, are read and
made for those after it."""


@dataclass(frozen=True)
class Subject:
    """What is measured: an artifact, an engine, its options."""

    name: str
    engine: str
    options: dict[str, Any] = field(hash=False)
    threads: int
    folder: str
    batch: int
    against: str = ''
    """The subject that it is paired with, the baseline in the same setting; empty: it is one itself."""


def order(names: Sequence[str], cycles: int) -> list[list[str]]:
    """Return the rounds: A B C, C B A, A B C …  Every second one is reversed, which cancels a linear drift."""
    return [list(names) if r % 2 == 0 else list(reversed(names)) for r in range(cycles)]


def run_session(
    subjects: Sequence[Subject],
    common: Mapping[str, Any],
    benchmark: Benchmark,
    run_cycle: RunCycle,
    progress: Callable[[str], None],
    new: Collection[str] = (),
) -> dict[str, dict[str, Any]]:
    """Measure all subjects in alternation; round r of a subject is paired with round r of every other.

    A subject whose cycle fails becomes ``{'failed': reason}`` and is left out of the later rounds; the others have
    their ``cycles``. Where a process runs slower than the others of its subject, half as many rounds more are taken
    once, of all subjects: what one in ten processes does is not known from six. ``new`` are the subjects that a session
    is for: when each of them fails at once there is nothing to measure, and the others are left out of the result.
    """
    everyone = {subject.name: subject for subject in subjects}
    if len(everyone) != len(subjects):
        raise StepError(f'two subjects of a benchmark have the same name: {", ".join(s.name for s in subjects)}')
    cycles: dict[str, list[dict[str, Any]]] = {name: [] for name in everyone}
    failed: dict[str, str] = {}
    inner: dict[str, int] = {}
    quickest: list[int] = []

    def attempt(name: str, request: dict[str, Any]) -> dict[str, Any] | None:
        try:
            return run_cycle(request)
        except StepError as err:
            failed[name] = f'{name}: {err}'
            # The last line of its log is the cause; the whole log is in the result.
            progress(f'{name} is left out, it failed: {failed[name].splitlines()[-1]}')
            return None

    for name in sorted(everyone, key=lambda name: name not in new):
        if new and set(new) <= failed.keys():
            return {one: {'failed': failed[one]} for one in failed}
        progress(f'calibrating {name} ({len(inner) + len(failed) + 1} of {len(everyone)})')
        if (found := attempt(name, _request(everyone[name], common, benchmark, inner=0, round_=0))) is not None:
            inner[name] = found['inner']
            if 'time_ns' in found:  # one call was enough: this is its first round
                inner[name] = 1
                cycles[name].append({key: value for key, value in found.items() if key not in START})
            quickest.append(found.get('call_ns') or min(found.get('time_ns', [0])) // found['inner'])
    if new and set(new) <= failed.keys():
        return {one: {'failed': failed[one]} for one in failed}

    planned, first, end = benchmark.cycles or rounds_of(quickest), 0, Left(time.monotonic())
    rounds = order(list(everyone), planned + (planned + 1) // 2)
    for r, names in enumerate(rounds):
        if r == planned:
            if not (odd := [name for name in everyone if name not in failed and _has_slow(cycles[name])]):
                break
            progress(f'{len(rounds) - planned} rounds more: processes of {", ".join(odd)} ran slower than its others')
            first, end = planned, Left(time.monotonic())
        count = planned if r < planned else len(rounds)
        for name in names:
            if name in failed or len(cycles[name]) > r:
                continue
            told = end.told((r - first) / (count - first), time.monotonic())
            left = '' if told is None else f', about {duration(told)} left'
            progress(f'round {r + 1} of {count}: {name}{left}')
            request = _request(everyone[name], common, benchmark, inner[name], r + 1)
            if (found := attempt(name, request)) is not None:
                cycles[name].append(found)
    return {name: {'failed': failed[name]} if name in failed else {'cycles': cycles[name]} for name in everyone}


def rounds_of(call_ns: Sequence[int]) -> int:
    """Return how many rounds are taken where a recipe states none, by how long a call of each subject takes."""
    return QUICK_ROUNDS if max(call_ns, default=0) < QUICK_NS else ROUNDS


def _has_slow(cycles: Sequence[Mapping[str, Any]]) -> bool:
    return bool(slow_means([fmean(c['time_ns']) / c.get('inner', 1) for c in cycles if c.get('time_ns')]))


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
