"""What stood at each place of a variant before: so that a step with other parameters, and so another id, has a past.

A place is a stage of the variant by its kind (`onnx`, `onnx#2`), its check (`onnx/check`), or what either reads
(`onnx-quantize/calibrate/file`). Losing a record costs a reason, nothing else.
"""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from stages.execute.action import START
from stages.execute.code import closure
from stages.execute.project import Project, Stamp
from stages.plan.step import Build, Plan, Step
from stages.store.records import read_record, write_record


def places(plan: Plan, build: Build) -> dict[str, str]:
    """Return the place of every step of a variant, by id. A step that stands in several has the first."""
    found: dict[str, str] = {}
    kinds: dict[str, int] = {}

    def settle(id: str, place: str) -> None:
        if id not in found:
            found[id] = place
            for role, other in plan.steps[id].inputs.items():
                settle(other, f'{place}/{role}')

    for link in build.chain:
        kind = plan.steps[link.step].kind
        kinds[kind] = kinds.get(kind, 0) + 1
        name = kind if kinds[kind] == 1 else f'{kind}#{kinds[kind]}'
        settle(link.step, name)
        if link.check:
            settle(link.check, f'{name}/check')
    return found


def remember(project: Project, build: Build) -> None:
    """Note what stands at each place of ``build``; a place whose step left nothing keeps what stood there before."""
    known = _read(_path(project, build.name), 'places')
    now = dict(known)
    for id, place in places(project.plan, build).items():
        stamp = project.stamp(id)
        if stamp is not None:
            now[place] = {'id': id, 'key': stamp.key}
    with contextlib.suppress(OSError):  # a note that cannot be made costs a reason
        if now != known:
            write_record(_path(project, build.name), {'places': now})
        for modules in {(*START, *project.plan.steps[id].code) for id in build.steps}:
            path = _code_path(project, project.code(modules))
            if not path.exists():
                write_record(path, {'modules': closure(modules, project.remembered)})


def before(project: Project, step: Step, stamps: Mapping[str, Stamp | None]) -> str | None:
    """Return the key that stood last where ``step`` stands; None when nothing is known to have stood there.

    ``stamps`` are the true ones of steps whose stamps in ``project`` are not.
    """
    stamp = stamps[step.id]
    for build in _users(project, step):
        place = places(project.plan, build)[step.id]
        found = _read(_path(project, build.name), 'places').get(place)
        if isinstance(found, dict) and isinstance(found.get('key'), str):
            id = str(found.get('id'))
            last = stamps[id] if id in stamps else project.stamp(id)
            return last.key if last else str(found['key'])
    return stamp.key if stamp else None


def changed_modules(project: Project, old: str, step: Step) -> list[str]:
    """Return the modules of ours that changed since the code of ``step`` had the digest ``old``; empty if unknown."""
    before = _read(_code_path(project, old), 'modules')
    now = closure((*START, *step.code), project.remembered)
    return sorted(name for name in before.keys() | now.keys() if before.get(name) != now.get(name)) if before else []


def note_failure(project: Project, step: Step, words: str) -> None:
    """Take the stamp of a step that failed away, and note why and under which key it was tried."""
    path = project.state / 'steps' / f'{step.id}.json'
    project.stamps[step.id] = None
    with contextlib.suppress(OSError, SyntaxError):
        path.unlink(missing_ok=True)
        write_record(path, {'step': step.name, 'failed': words.partition('\n')[0], 'tried': project.key(step)})


def failure_before(project: Project, step: Step) -> tuple[str, str] | None:
    """Return why ``step`` failed when it was last tried, and under which key; None when it did not."""
    read = read_record(project.state / 'steps' / f'{step.id}.json', {'failed': str, 'tried': str})
    return (read['failed'], read['tried']) if read else None


def _users(project: Project, step: Step) -> list[Build]:
    names = set(project.users.get(step.id, []))
    return [build for builds in project.plan.builds.values() for build in builds if build.name in names]


def _path(project: Project, build: str) -> Path:
    return project.state / 'lineage' / f'{build.replace(":", "/")}.json'


def _code_path(project: Project, digest: str) -> Path:
    return project.state / 'lineage' / '.code' / f'{digest}.json'


def _read(path: Path, what: str) -> dict[str, Any]:
    read = read_record(path, {what: dict})
    return dict(read[what]) if read else {}
