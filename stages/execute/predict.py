"""What a build would do to each step, and why, without doing it: reads and hashes, writes nothing.

A step is `current`, `cached` (the store has it), `run`, `maybe` (what stands before it runs first: equal bytes cut it
off, for others the store may have it), or `refused` (its variants expect that a tool refuses what stands before it).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

from stages.digest import digest_of, file_digest
from stages.execute import lineage
from stages.execute.difference import difference
from stages.execute.project import Project, Stamp
from stages.plan.step import Step

FAILED = 'failed last time'
UNKNOWN = 'not known before it is made'
"""Stands for the digest of what a step will leave, and for a key that hangs on it."""


@dataclass(frozen=True)
class Prediction:
    """One step, what would become of it, and the reasons."""

    step: Step
    what: str
    reasons: tuple[str, ...] = ()


@dataclass(frozen=True)
class Foreseen:
    """What would become of the steps asked for, by id, inputs first."""

    project: Project
    """Its stamps are as they would be, of what hangs on bytes not known yet as if these came out as before."""

    steps: dict[str, Prediction] = field(default_factory=dict)
    past: dict[str, Stamp | None] = field(default_factory=dict)
    """The stamps as they are."""

    restored: set[str] = field(default_factory=set)
    """Lost content that steps which run again leave again."""

    waiting: list[Mapping[str, Any]] = field(default_factory=list)
    """Actions of steps that wait for bytes not known yet."""

    @cached_property
    def stored(self) -> dict[str, list[Mapping[str, Any]]]:
        """The actions of all that the store has, by kind; read when something hangs on it."""
        found: dict[str, list[Mapping[str, Any]]] = {}
        for path in self.project.store.folder.glob('results/*/*.json'):
            if noted := self.project.store.recorded(path.stem):
                found.setdefault(str(noted.action.get('kind')), []).append(noted.action)
        return found

    def doubtful(self, ids: Iterable[str]) -> list[str]:
        """Return the names of those of ``ids`` whose bytes are not known before they are made."""
        plan = self.project.plan
        return [plan.steps[id].name for id in ids if (s := self.project.stamp(id)) and s.digest == UNKNOWN]


@contextmanager
def foreseen(project: Project, asked: Iterable[str]) -> Iterator[Foreseen]:
    """Give what a build of the steps ``asked`` for would do to them. Afterwards ``project`` is as it was."""
    ids = set(asked)
    seen = Foreseen(project)
    try:
        for step in project.plan.steps.values():
            if step.id in ids:
                seen.past[step.id] = project.stamp(step.id)
                _look(seen, step)
        for prediction in list(seen.steps.values()):
            if prediction.what in ('run', 'maybe'):
                for id in prediction.step.inputs.values():
                    needed(seen, id, prediction.step.name, sure=prediction.what == 'run')
        yield seen
    finally:
        project.stamps.update(seen.past)


def needed(seen: Foreseen, id: str, by: str, *, sure: bool = True, names: Iterable[str] | None = None) -> None:
    """See to it that what step ``id`` left is there when ``by`` needs it: else it runs again, with what it needs.

    ``names`` are the files that are read (default: all); the others must only be there.
    """
    prediction, stamp = seen.steps[id], seen.project.stamp(id)
    if prediction.what not in ('current', 'cached') or stamp is None or stamp.digest == UNKNOWN:
        return
    words = _lost(seen, stamp.key, names)
    if words:
        seen.steps[id] = replace(prediction, what='run' if sure else 'maybe', reasons=(f'{by} needs it, and {words}',))
        for before in prediction.step.inputs.values():
            needed(seen, before, prediction.step.name, sure=sure)
        if sure and (noted := seen.project.store.recorded(stamp.key)):
            seen.restored.update(file.sha256 for file in noted.files.values())


def _lost(seen: Foreseen, key: str, names: Iterable[str] | None) -> str:
    store, remembered = seen.project.store, seen.project.remembered
    noted = store.recorded(key)
    if noted is None:
        return 'nothing is noted any more of what it left'
    for name, file in noted.files.items():
        blob = store.blob(file.sha256)
        if file.sha256 in seen.restored:
            continue
        if not blob.is_file() or blob.stat().st_size != file.size:
            return f'the store has lost {name}'
        if (names is None or name in names) and remembered.of('sha256', blob, file_digest) != file.sha256:
            return f'the stored {name} is damaged'
    return ''


def _look(seen: Foreseen, step: Step) -> None:
    """Predict one step; those before it are predicted."""
    project = seen.project
    before = [seen.steps[id] for id in step.inputs.values()]
    refused = [p for p in before if p.what == 'refused' or ((s := project.stamp(p.step.id)) and s.refused)]
    if refused:
        seen.steps[step.id] = Prediction(
            step, 'refused', (f'{refused[0].step.name} is refused by its tool, as expected',)
        )
        return
    action = project.action(step)
    waits = {role: project.plan.steps[id].name for role, id in step.inputs.items() if seen.doubtful([id])}
    if waits:
        _look_behind(seen, step, action, waits)
        return
    key, stamp = digest_of(action), project.stamp(step.id)
    expected = step.id in project.refusable
    if stamp is not None and stamp.key == key and (expected or not stamp.refused):
        seen.steps[step.id] = Prediction(step, 'current')
        return
    why, _ = _reasons(seen, step, action, key, {})
    result = project.store.find(key)
    if result is not None and (expected or not result.refused):
        seen.steps[step.id] = Prediction(step, 'cached', why)
        project.stamps[step.id] = Stamp(key, result.digest, result.refused)
        return
    twin = _twin(seen, key)
    why = (f'{twin} makes the same in this run',) if twin else why
    seen.steps[step.id] = Prediction(step, 'cached' if twin else 'run', why)
    project.stamps[step.id] = Stamp(key, UNKNOWN)


def _twin(seen: Foreseen, key: str) -> str:
    """Return the name of a step that runs under the same key, if there is one."""
    running = (id for id, prediction in seen.steps.items() if prediction.what == 'run')
    return next((seen.steps[id].step.name for id in running if (s := seen.project.stamp(id)) and s.key == key), '')


def _look_behind(seen: Foreseen, step: Step, action: Mapping[str, Any], waits: Mapping[str, str]) -> None:
    """Predict a step some of whose inputs are not known before they are made: ``waits``, by role."""
    key = lineage.before(seen.project, step, seen.past)
    own, same = _reasons(seen, step, action, '', waits)
    names = ', '.join(dict.fromkeys(waits.values()))
    sure = not same and not _may_be_stored(seen, action, waits) and not _may_be_refused(seen, step)
    if same:
        own = (f'unless the bytes from {names} are as before',)
    elif not sure:
        own = (*own, f'unless the store has it for the bytes from {names}')
    seen.steps[step.id] = Prediction(step, 'run' if sure else 'maybe', own)
    seen.waiting.append(action)
    seen.project.stamps[step.id] = Stamp(key if same and key else UNKNOWN, UNKNOWN)


def _may_be_stored(seen: Foreseen, action: Mapping[str, Any], waits: Mapping[str, str]) -> bool:
    """Whether there is, or will be before it, a result of the same action for some bytes of what it waits for."""

    def but_unknown(action: Mapping[str, Any]) -> dict[str, Any]:
        known = {role: digest for role, digest in action['inputs'].items() if role not in waits}
        return {**action, 'inputs': [known, sorted(action['inputs'])]}

    wanted = but_unknown(action)
    kin = [*seen.stored.get(action['kind'], ()), *seen.waiting]
    return any(isinstance(one.get('inputs'), dict) and but_unknown(one) == wanted for one in kin)


def _may_be_refused(seen: Foreseen, step: Step) -> bool:
    """Whether something that ``step`` waits for may leave a refusal, or failed when it was last tried."""
    before = [seen.steps[id] for id in step.inputs.values()]
    return any(
        p.what in ('run', 'maybe') and (p.step.id in seen.project.refusable or p.reasons[0].startswith(FAILED))
        for p in before
    )


def _reasons(
    seen: Foreseen, step: Step, action: Mapping[str, Any], key: str, waits: Mapping[str, str]
) -> tuple[tuple[str, ...], bool]:
    """Return why the step is not as it was, and whether it is but for the inputs it ``waits`` for."""
    project = seen.project
    failed = lineage.failure_before(project, step)
    told = (f'{FAILED}: {failed[0]}',) if failed else ()
    if failed and failed[1] == key:
        return told, False
    last = lineage.before(project, step, seen.past)
    if last is None:
        return told or ('not built here before',), False
    if last == key:
        return told or ('as before, but its stamp is gone',), True
    old = project.store.action(last)
    if old is None:
        return (*told, 'what it was built from is not known any more'), False
    steps = {role: project.plan.steps[id].name for role, id in step.inputs.items() if role not in waits}
    code = old.get('code')
    modules = lineage.changed_modules(project, str(code), step) if code != action['code'] else ()
    why = difference(old, action, steps=steps, modules=modules)
    return (*why, *told), not why and not told
