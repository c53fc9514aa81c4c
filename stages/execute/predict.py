"""What a build would do, and why, without doing it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from stages.digest import digest_of
from stages.execute.action import difference
from stages.execute.project import Project, Stamp
from stages.plan.step import Step


@dataclass(frozen=True)
class Prediction:
    """One step: ``current``, ``cached``, ``run`` or ``unknown``, and the reasons."""

    step: Step
    what: str
    reasons: tuple[str, ...]


def predictions(project: Project) -> Iterator[Prediction]:
    """Yield what would happen to each step, inputs first. Reads; writes nothing.

    A cached step's result is known, so what comes behind it is predicted as well; behind a step that must run
    everything is ``unknown``: its bytes may turn out equal and cut off the rest.
    """
    uncertain: dict[str, str] = {}
    refused: dict[str, str] = {}
    stamps = dict(project.stamps)
    try:
        for step in project.plan.steps.values():
            waits = [uncertain[id] for id in step.inputs.values() if id in uncertain]
            behind = [refused[id] for id in step.inputs.values() if id in refused]
            if behind:
                refused[step.id] = behind[0]
                yield Prediction(step, 'current', (f'not built: {behind[0]} is refused by its tool, as expected',))
                continue
            if waits:
                uncertain[step.id] = waits[0]
                before = 'never built' if project.stamp(step.id) is None else 'built before'
                yield Prediction(step, 'unknown', (f'{before}; depends on what {waits[0]} leaves',))
                continue
            yield _one(project, step, uncertain)
            stamp = project.stamp(step.id)
            if stamp is not None and stamp.refused and step.id not in uncertain:
                refused[step.id] = step.name
    finally:
        project.stamps.clear()
        project.stamps.update(stamps)


def _one(project: Project, step: Step, uncertain: dict[str, str]) -> Prediction:
    action = project.action(step)
    key, stamp = digest_of(action), project.stamp(step.id)
    if stamp is not None and stamp.key == key:
        return Prediction(step, 'current', ())
    old = project.store.action(stamp.key) if stamp else None
    if stamp is None:
        reasons: tuple[str, ...] = ('no stamp: not built here yet, or it failed last time',)
    else:
        reasons = tuple(difference(old, action)) if old else ('what it was built from is not known any more',)
    result = project.store.find(key)
    if result is not None:
        project.stamps[step.id] = Stamp(key, result.digest, result.refused)
        return Prediction(step, 'cached', reasons)
    uncertain[step.id] = step.name
    return Prediction(step, 'run', reasons)
