"""Tune a model's kernels: measure what MetaSchedule proposes, until the trials or the time are spent.

The database is the only state. How many trials were made, how long they took, what is best, which kernel to try
next: all of it is read from the trials, so a tuning that was killed, or is given more trials, just goes on.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from stages.frameworks.tvm.schedule.tuning.bench import LIMIT_SECONDS, Bench
from stages.frameworks.tvm.schedule.tuning.database import Final as Last
from stages.frameworks.tvm.schedule.tuning.database import Trial
from stages.frameworks.tvm.schedule.tuning.records import record_of, record_text
from stages.frameworks.tvm.schedule.tuning.search import Search, cost_model
from stages.frameworks.tvm.schedule.tuning.tasks import Task
from stages.frameworks.tvm.target import Target

CLEARLY: Final = 1.05
"""How many times faster than the rule's schedule a kernel has to be to be taken."""

FINALISTS: Final = 3
"""The least of many noisy figures is partly luck: the best are measured again, in turns with the rule's schedule."""

TURNS: Final = 3
HOPELESS: Final = 32
"""Trials without one that runs, after which a kernel is left alone."""

Progress = Callable[[float, str], None]


@dataclass(frozen=True)
class Budget:
    """What may be spent on a model, what was spent before included."""

    trials: int
    seconds: float
    """Of real time; 0 for as long as the trials take."""

    def left(self, tasks: Sequence[Task]) -> int:
        """Return how many trials may follow."""
        if self.seconds and spent(tasks) >= self.seconds:
            return 0
        return max(0, self.trials - done(tasks))

    def fraction(self, tasks: Sequence[Task]) -> float:
        """Return how much of it is spent, by what runs out first."""
        of_time = spent(tasks) / self.seconds if self.seconds else 0.0
        return min(1.0, max(of_time, done(tasks) / max(1, self.trials)))


class Stopwatch:
    """Gives the time since it was last asked, so that every second is counted once."""

    def __init__(self) -> None:
        self.at = time.monotonic()

    def lap(self) -> float:
        """Return the seconds since the last call."""
        before, self.at = self.at, time.monotonic()
        return round(self.at - before, 3)


def done(tasks: Sequence[Task]) -> int:
    """Return the trials made so far."""
    return sum(len(task.history.trials) for task in tasks)


def spent(tasks: Sequence[Task]) -> float:
    """Return the seconds spent so far."""
    return sum(task.history.cost for task in tasks)


def tune(tasks: Sequence[Task], target: Target, budget: Budget, seed: int, progress: Progress) -> None:
    """Spend what is left of ``budget`` on ``tasks``, then settle which kernels are better than the rule's."""
    watch = Stopwatch()
    with Bench(target) as bench:
        if budget.left(tasks):
            for number, task in enumerate(tasks):
                progress(0.0, f'{task.name}: the schedule to beat, {number + 1} of {len(tasks)}')
                measure_rule(task, bench, watch)
            search(tasks, target, budget, seed, bench, watch, progress)
        for task in tasks:
            progress(1.0, f'{task.name}: the best schedules again, against the rule')
            settle(task, target, bench, watch)


def search(
    tasks: Sequence[Task],
    target: Target,
    budget: Budget,
    seed: int,
    bench: Bench,
    watch: Stopwatch,
    progress: Progress,
) -> None:
    """Measure round after round of candidates, each round for the kernel that promises most."""
    model = cost_model(seed)
    searches: dict[str, Search] = {}
    while budget.left(tasks) and (task := most_promising(tasks)):
        key = task.history.path.name
        progress(budget.fraction(tasks), words(task, tasks, budget))
        if key not in searches:
            searches[key] = Search(task, target, model, seed)
        proposed = searches[key].candidates()
        if not proposed:
            task.history = task.history.with_exhausted()
        measured = []
        for candidate in proposed:
            if not budget.left(tasks):
                break
            latency = bench.latency(candidate.sch.mod)
            trial = Trial(record_text(candidate), latency, watch.lap())
            task.history = task.history.with_trial(trial)
            measured.append((candidate, trial))
            progress(budget.fraction(tasks), words(task, tasks, budget))
        searches[key].learn(measured)


def most_promising(tasks: Sequence[Task]) -> Task | None:
    """Return the kernel that the next trials are for; None when there is nothing more to try on any."""
    able = [task for task in tasks if not task.history.exhausted and not hopeless(task)]
    return max(able, key=lambda task: task.promise, default=None)


def hopeless(task: Task) -> bool:
    """Say whether nothing that was tried on it runs."""
    return len(task.history.trials) >= HOPELESS and not task.history.fastest


def measure_rule(task: Task, bench: Bench, watch: Stopwatch) -> None:
    """Measure the schedule that the rule gives, unless that was done."""
    if task.rule_latency is None:
        latency = bench.latency(task.rule)
        # what cannot be run in time takes at least that long
        task.history = task.history.with_rule(task.rule_name, latency or LIMIT_SECONDS, watch.lap())


def settle(task: Task, target: Target, bench: Bench, watch: Stopwatch) -> None:
    """Measure the best trials and the rule's schedule in turns, unless these were."""
    watch.lap()
    if task.history.fastest:
        measure_rule(task, bench, watch)  # a rule of another version may have measured its own
    if not (best := finalists(task)) or last(task) is not None:
        return
    modules: dict[str, Any] = {'rule': task.rule}
    for trial in best:
        record = record_of(trial.record, task.workload, target, trial.latency)
        modules[trial.name] = record.as_measure_candidate().sch.mod
    least = dict.fromkeys(modules, float(LIMIT_SECONDS))
    for _ in range(TURNS):
        for name, module in modules.items():
            least[name] = min(least[name], bench.latency(module) or LIMIT_SECONDS)
    task.history = task.history.with_final(Last(task.rule_name, least, watch.lap()))


def finalists(task: Task) -> tuple[Trial, ...]:
    """Return the trials that seem faster than the rule's schedule, the few best."""
    limit = task.rule_latency or 0.0
    return tuple(trial for trial in task.history.fastest[:FINALISTS] if (trial.latency or limit) < limit)


def last(task: Task) -> Last | None:
    """Return the last word on a task; None as long as it was not said about what is best now."""
    names = {'rule', *(trial.name for trial in finalists(task))}
    said = [final for final in task.history.finals if final.rule == task.rule_name and set(final.latencies) == names]
    return said[-1] if said else None


def taken(task: Task) -> Trial | None:
    """Return the trial that a build is to use; None where the rule's schedule is as good."""
    if not finalists(task) or (final := last(task)) is None:
        return None
    name = min(final.latencies, key=lambda each: final.latencies[each])
    if final.latencies[name] * CLEARLY > final.latencies['rule']:
        return None
    return next(trial for trial in task.history.trials if trial.name == name)


def words(task: Task, tasks: Sequence[Task], budget: Budget) -> str:
    """Say how it goes, in a line."""
    best = f', best {1e3 * task.best:.3g} ms' if task.best else ''
    return f'{task.name}: trial {done(tasks)} of {budget.trials}{best}'
