"""What a run still has before it: steps, recipes to measure, and how long that will take, where it is known."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from stages.execute import lineage
from stages.measure.left import Left, duration
from stages.terminal import Work

if TYPE_CHECKING:
    from stages.execute.project import Project
    from stages.plan.step import Step

MEASURE: Final = '_measure:'
OTHERS: Final = (MEASURE, '_environment:', '_stale:')
"""What the names of tasks begin with that are no steps; those of steps begin with ``_``."""

ALMOST: Final = 0.95
"""The most of a step that counts as done while it works on."""

WHOLE: Final = 0.5
"""A step that took less than this share of its time was not run: its result was there."""

Took = Callable[[str], float | None]
"""How long a task took when it did its work last, in seconds; None where that is not known."""


@dataclass
class Ahead:
    """What is left of one run. doit tells what begins and what is over; the terminal asks."""

    steps: set[str]
    """The names of tasks that are steps, and not over."""

    measures: set[str]
    took: Took
    began: float
    running: dict[str, float] = field(default_factory=dict)
    """When each task began that is under way."""

    past: float = 0.0
    """Seconds of work that is done, as long as it took before."""

    def __post_init__(self) -> None:
        self.count = len(self.steps)
        self._left = Left(self.began)
        self._seconds: dict[str, float] | None = None
        self._of = ''

    def begins(self, name: str) -> None:
        """Note that a task is at work now."""
        self.running[name] = time.monotonic()

    def over(self, name: str) -> None:
        """Note that a task is done, failed, or had nothing to do."""
        before = (self._seconds or {}).get(name, 0.0) if name in self.steps | self.measures else 0.0
        began = self.running.pop(name, None)
        if began is not None and time.monotonic() - began >= WHOLE * before:
            self.past += before
        self.steps.discard(name)
        self.measures.discard(name)

    def whole(self, done: Mapping[str, int]) -> Work:
        """Return what is left, with what was ``done`` so far."""
        now = time.monotonic()
        words = [counted(len(self.steps), 'step', 'left'), counted(len(self.measures), 'recipe', 'to measure')]
        told = self._told(now)
        return Work(
            ', '.join(filter(None, words)) or 'ending',
            ', '.join(f'{count} {what}' for what, count in sorted(done.items())),
            (self.count - len(self.steps)) / self.count if self.count else 0.0,
            now - self.began,
            f'{self._of}about {duration(told)} left' if told is not None else '',
        )

    def _told(self, now: float) -> float | None:
        """Return the seconds until all is done, by what it took before; until the steps are, where a measuring is new.

        None where a step never ran, and when nothing of that is left.
        """
        if self._seconds is None:
            self._seconds = self._looked_up()
        known = self._seconds
        # taken as lists: doit goes on in another thread meanwhile
        ahead = sum(known.get(name, 0.0) for name in [*self.steps, *self.measures])
        if not ahead:
            return None
        part = sum(min(now - began, ALMOST * known.get(name, 0.0)) for name, began in list(self.running.items()))
        return self._left.told((self.past + part) / (self.past + ahead), now)

    def _looked_up(self) -> dict[str, float]:
        steps = {name: self.took(name) for name in list(self.steps)}
        found = {name: seconds for name, seconds in steps.items() if seconds is not None}
        if len(found) < len(steps):
            return {}
        measured = {name: self.took(name) for name in list(self.measures)}
        if any(seconds is None for seconds in measured.values()):
            self._of = 'steps: '
            return found
        return found | {name: seconds for name, seconds in measured.items() if seconds is not None}


def ahead_of(tasks: Mapping[str, Any], selected: list[str], took: Took) -> Ahead:
    """Return what is before a run of doit: the tasks that are ``selected``, and all that these wait for."""
    waiting, found = [*selected], set[str]()
    while waiting:
        name = waiting.pop()
        if name not in found and name in tasks:
            found.add(name)
            waiting += tasks[name].task_dep
    steps = {name for name in found if name.startswith('_') and not name.startswith(OTHERS) and tasks[name].actions}
    return Ahead(steps, {name for name in found if name.startswith(MEASURE)}, took, time.monotonic())


def took_before(project: Project) -> Took:
    """Return what says how long a task took: its step, or what stood in its place, when last made; its measurements."""
    steps: dict[str, Step] = {}

    def took(name: str) -> float | None:
        if not steps:
            steps.update((f'_{step.name}', step) for step in project.plan.steps.values())
        if name.startswith(MEASURE):
            from stages.layout.advice import measuring  # here: it reads reports, and most runs measure nothing

            recipe = name.removeprefix(MEASURE)
            builds = project.plan.builds.get(recipe, ())
            found = measuring(project, recipe, {build.variant.name for build in builds})
            return found.seconds if found.whole else None
        if (step := steps.get(name)) is None:
            return None
        stamp = project.stamp(step.id)
        key = stamp.key if stamp else lineage.before(project, step, {step.id: None})
        result = project.store.recorded(key) if key else None
        return result.seconds if result else None

    return took


def counted(count: int, what: str, rest: str = '') -> str:
    """Return ``1 step left`` or ``2 steps left``; nothing of none."""
    return f'{count} {what}{"" if count == 1 else "s"}{f" {rest}" if rest else ""}' if count else ''
