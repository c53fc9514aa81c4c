"""The same step made again and again from the same inputs: does it leave the same bytes?

Made in scratch folders, from what the store has of the steps before; nothing of it is kept.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from stages.digest import file_digest
from stages.errors import StepError, UnsupportedError
from stages.execute.ensure import copy_result, ensure, outputs, work
from stages.execute.materialise import materialise
from stages.execute.project import Project
from stages.kinds import KINDS
from stages.measure import check
from stages.plan.step import Step
from stages.sources import fetch
from stages.store.locks import building

APART = (check.KIND, fetch.KIND)
"""Steps that leave no part of a model: a check leaves figures, and a download is held to its digest anyway."""


@dataclass(frozen=True)
class Made:
    """One step, made several times."""

    step: Step
    files: int
    differ: tuple[str, ...]
    """Files whose bytes were not the same each time."""

    promised: bool
    """Whether its kind says that they are."""


def made(project: Project, ids: tuple[str, ...], rounds: int) -> Iterator[Made]:
    """Make each step ``rounds`` times, inputs first. Raises StepError when one fails, as ``doit`` would."""
    for step in (project.plan.steps[id] for id in ids):
        failure = ensure(project, step)
        if failure is not None:
            raise StepError(str(failure))
        if step.kind not in APART:
            yield _compared(step, [_once(project, step) for _ in range(rounds)])


def _compared(step: Step, found: list[dict[str, str]]) -> Made:
    names = sorted({name for files in found for name in files})
    differ = tuple(name for name in names if len({files.get(name) for files in found}) > 1)
    return Made(step, len(names), differ, promises(step))


def promises(step: Step) -> bool:
    """Whether a step is to leave the same bytes whenever it is made: all but those whose kind says that it does not."""
    kinds = [kind for kind in KINDS.get(step.kind, ()) if kind.__name__ == step.module]  # type: ignore[attr-defined]
    return all(kind.DETERMINISTIC for kind in kinds)


def _once(project: Project, step: Step) -> dict[str, str]:
    """Return the digest of each file that the step leaves when it is made once more."""
    folder = project.store.temporary(f'round.{step.name}')
    try:
        materialise(project, step, folder, copy_result, project.action(step))
        with building():
            report = work(project, step, folder, folder / 'log')
        if report['error']:
            raise UnsupportedError(report['error']['message'])
        return {name: file_digest(folder / 'out' / name) for name in outputs(step, folder / 'out')}
    finally:
        project.store.discard(folder)
