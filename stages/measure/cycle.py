"""One cycle of a benchmark: one fresh process, one framework, one variant. The method is DESIGN.md's promise 8.

As a script: ``python -I stages/measure/cycle.py request.json result.json``.
"""

from __future__ import annotations

import gc
import json
import os
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timezone
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

if __name__ == '__main__':
    sys.path.insert(0, str(Path(__file__).resolve().parents[1] / 'launch'))
    from house import open_house  # type: ignore[import-not-found]  # by its folder: nothing of ours is found yet

    sys.path.pop(0)
    open_house()

from stages.atomic import write_text
from stages.contract.port import BATCH, Contract, read_contract
from stages.errors import ModelkilnError, StepError
from stages.feed.npz import map_npz
from stages.feed.samples import samples
from stages.measure import around, clock, memory, proof, scenario
from stages.measure.machine import current_mhz, load_average
from stages.measure.rotation import ROTATION, digest, rotation
from stages.recipe.setting import OFFLINE, SINGLE

if TYPE_CHECKING:
    import numpy

    from stages.contract.engine import Engine, Line

T = TypeVar('T')
Answer = Mapping[str, 'numpy.ndarray']

LEAST_ARRIVALS = 100
"""Requests of a trial of ``server``, at least: of fewer, the 90th percentile is not known."""

STEADY_SECONDS = 0.2
"""How long feeds are asked whose answers are to come again; of a slow model a cycle would be mostly that."""

STEADY_FEEDS = 2
"""Feeds that are asked again, at least."""


def cycle(request: Mapping[str, Any], engines: Mapping[str, Engine] | None = None) -> dict[str, Any]:
    """Measure one variant once, and return every sample as an integer (ns, bytes).

    The timed region is host arrays in, host arrays out: an engine's ``run`` returns complete outputs. What is timed
    follows from the request's ``scenario``: see ``stages.measure.scenario``. With
    ``inner`` 0 a quick call is not measured: the result is ``{'inner': n}``, the calls that make a repetition last 1
    ms. One that is long enough alone is, and no process was started only to see that.
    """
    if request.get('proof'):
        return proof.proof(request, (engines or _table())[request['engine']])
    begun = datetime.now(timezone.utc).isoformat()  # noqa: UP017  # a locked environment may have CPython 3.10
    load = load_average()
    affinity = _pin(request['threads'])
    rss_start = memory.rss_bytes()

    engine = (engines or _table())[request['engine']]
    import_ns, _ = _timed(engine.prepare)
    rss_import = memory.rss_bytes()

    folder = Path(request['folder'])
    contract = read_contract(folder)
    contract = replace(contract, sizes={**contract.sizes, **request.get('sizes', {}), BATCH: request['batch']})
    _fits(contract, request.get('sizes', {}))
    options = engine.Options(**request['options'])
    load_ns, session = _timed(lambda: engine.load(folder, contract, options, request['threads']))
    rss_load = memory.rss_bytes()

    feeds = _feeds(request, contract)

    def call(i: int) -> object:
        return session.run(feeds[i % ROTATION])

    first_ns, first = _timed(lambda: session.run(feeds[0]))
    first = {name: array.copy() for name, array in first.items()}  # an engine may fill its buffer again
    rss_first = memory.rss_bytes()
    inner, runs, seconds = request['inner'], request['warmup_runs'], request['warmup_seconds']
    warmup_ns: list[int] = []
    if not inner:
        warmup_ns = _warm_up(call, runs, 0.0)  # how many calls last a millisecond needs no exact time
        if min(warmup_ns, default=0) < clock.ENOUGH_NS:
            inner, call_ns = clock.calls_per_repetition(call)
            return {'inner': inner, 'call_ns': call_ns}
        inner = 1
    line = None if request.get('scenario', SINGLE) == SINGLE else engine.line(session)
    if line is None:
        warmup_ns += _warm_up(call, runs - len(warmup_ns), seconds - sum(warmup_ns) / 1e9)
    else:
        _check_outputs(first, scenario.answer(line, feeds[0]), 'through the line')
        warmup_ns = scenario.warm_up(line, feeds, runs, seconds)

    gc.collect()
    gc.disable()
    before = _usage()
    timed = _time(request, call, line, feeds, inner)
    used = {name: after - before[name] for name, after in _usage().items()}
    if line is None:
        peak_rss, per_repetition = memory.peaks(call, request['repetitions'])
    else:
        filled = line
        peak_rss, per_repetition = memory.peaks(lambda _: scenario.warm_up(filled, feeds, 1, 0.0), 5)
    gc.enable()

    last = _steady(first, feeds, session.run if line is None else partial(scenario.answer, line))
    beside = request.get('around') if line is None and request['batch'] == 1 else None
    whole = around.laps(Path(beside), contract, session.run, request['repetitions']) if beside else {}
    return {
        'start': begun,
        'affinity': affinity,
        'import_ns': import_ns,
        'load_ns': load_ns,
        'first_ns': first_ns,
        'warmup_ns': warmup_ns,
        'inner': timed.inner,
        'time_ns': timed.time_ns,
        **timed.more,
        'peak_rss_bytes': peak_rss,
        'peak_per_repetition': per_repetition,
        'rss_start_bytes': rss_start,
        'rss_import_bytes': rss_import,
        'rss_load_bytes': rss_load,
        'rss_first_bytes': rss_first,
        'rss_end_bytes': memory.rss_bytes(),
        'pss_bytes': memory.pss_bytes(),
        **used,
        'load_average': load,
        'cpu_mhz': current_mhz(),
        'fed': {name: list(array.shape) for name, array in feeds[0].items()},
        'inputs_sha256': digest(feeds),
        'outputs_sha256': digest([last]),
        **whole,
    }


def _feeds(request: Mapping[str, Any], contract: Contract) -> list[dict[str, numpy.ndarray]]:
    """Return copies of the samples that are fed: all others are let go, for no memory of the model's is theirs."""
    given = map_npz(Path(request['inputs'])) if request['inputs'] else {}
    found = samples(given, contract, contract.sizes, request['seed'])
    return [
        {name: array.copy() for name, array in feed.items()} for feed in rotation(found, contract, request['batch'])
    ]


def _time(
    request: Mapping[str, Any],
    call: Callable[[int], object],
    line: Line | None,
    feeds: Sequence[Mapping[str, numpy.ndarray]],
    inner: int,
) -> scenario.Timed:
    """Take the times that the request's scenario is about."""
    repetitions = request['repetitions']
    if line is None:
        return scenario.Timed(clock.time_calls(call, repetitions, inner), inner)
    if request['scenario'] == OFFLINE:
        return scenario.offline(line, feeds, repetitions * inner)
    return scenario.server(
        line, feeds, max(repetitions, LEAST_ARRIVALS), round(request['latency_bound'] * 1e9), request['seed']
    )


def _fits(contract: Contract, asked: Mapping[str, int]) -> None:
    """Refuse to measure an artifact at a size that it was not made for, which it would not take."""
    for port in contract.inputs:
        for axis, size in enumerate(port.shape):
            name = port.name_of(axis)
            if isinstance(size, int) and asked.get(name, size) != size:
                words = f'{port.name} is made for {name} {size}, and is to be measured at {asked[name]}'
                raise StepError(f'{words}; a kind that leaves it open, or `run: {{sizes: {{{name}: {size}}}}}`')


def _table() -> Mapping[str, Engine]:
    # The table itself imports no framework; ``prepare`` imports one.
    from stages.engines import ENGINES

    return ENGINES


def _pin(threads: int) -> list[int] | None:
    """Stay on ``threads`` CPUs, of different cores while there are some; None where the system does not let us."""
    if not hasattr(os, 'sched_setaffinity'):
        return None
    allowed = sorted(os.sched_getaffinity(0))
    if threads < len(allowed):
        allowed = sorted(allowed, key=_rank_in_core)[:threads]
        try:
            os.sched_setaffinity(0, allowed)
        except OSError:
            return None
    return sorted(allowed)


def _rank_in_core(cpu: int) -> int:
    """0 for a core's first hardware thread, 1 for the others: two threads of a core share its units."""
    try:
        siblings = Path(f'/sys/devices/system/cpu/cpu{cpu}/topology/thread_siblings_list').read_text()
    except OSError:
        return 0
    return int(siblings.replace('-', ',').split(',')[0].strip() != str(cpu))


def _timed(do: Callable[[], T]) -> tuple[int, T]:
    start = time.perf_counter_ns()
    done = do()
    return time.perf_counter_ns() - start, done


def _warm_up(call: Callable[[int], object], runs: int, seconds: float) -> list[int]:
    """Run until both bounds are reached. Fixed in advance: stopping when it looks stable is a trap."""
    taken: list[int] = []
    start = time.perf_counter_ns()
    while len(taken) < runs or time.perf_counter_ns() - start < seconds * 1e9:
        begun = time.perf_counter_ns()
        call(len(taken))
        taken.append(time.perf_counter_ns() - begun)
    return taken


def _usage() -> dict[str, int]:
    """What the process has used so far; differences over the time pass show a disturbed one."""
    import resource

    used = resource.getrusage(resource.RUSAGE_SELF)
    return {
        'cpu_ns': time.process_time_ns(),
        'wall_ns': time.perf_counter_ns(),
        'involuntary_switches': used.ru_nivcsw,
        'major_faults': used.ru_majflt,
    }


def _steady(
    first: Answer, feeds: Sequence[Mapping[str, numpy.ndarray]], answer: Callable[[Mapping[str, numpy.ndarray]], Answer]
) -> Answer:
    """Ask feeds twice, untimed, and void the cycle when one has another answer; return that to the first feed.

    What answers wrong now and then is found here: the time of a wrong answer means nothing. All feeds are asked where
    that is quick, else as many as ``STEADY_SECONDS`` take.
    """
    kept: list[Answer] = []
    end = time.perf_counter() + STEADY_SECONDS
    for feed in feeds:
        kept.append({name: array.copy() for name, array in answer(feed).items()})
        if len(kept) >= STEADY_FEEDS and time.perf_counter() > end:
            break
    _check_outputs(first, kept[0], 'at the end of the cycle')
    for place, old in enumerate(kept):
        _check_outputs(old, answer(feeds[place]), f'at call {len(kept) + place + 1} after the timed ones')
    return kept[0]


def _check_outputs(first: Answer, last: Answer, when: str) -> None:
    """Void the cycle when equal inputs stopped giving equal outputs: such a time means nothing.

    How far the variant is from the source is the check step's question, asked before anything is measured.
    """
    from stages.measure.difference import difference

    found = difference({name: [a] for name, a in last.items()}, {name: [a] for name, a in first.items()})
    if found.failure:
        raise StepError(f'the same input gave another output {when}: {found.failure}')
    if found.relative is not None and found.relative > 1e-3:
        raise StepError(f'the same input gave another output {when} (relative {found.relative:.2g})')


def _main(request: str, result: str) -> None:
    try:
        done = cycle(json.loads(Path(request).read_text()))
    except ModelkilnError as err:
        print(err, file=sys.stderr)
        sys.exit(err.exit_code)
    write_text(Path(result), json.dumps(done))
    # all is written: what a framework does when it is taken apart is no part of the measurement
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(0)


if __name__ == '__main__':
    _main(sys.argv[1], sys.argv[2])
