"""Make sure of a step's result: from the store when it is known, by running the step when it is not.

``ensure`` can be called for anything at any time and in any number of threads and processes: each key is made once.
"""

from __future__ import annotations

import errno
import json
import os
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from stages import terminal
from stages.atomic import write_text
from stages.digest import digest_of
from stages.errors import ModelkilnError, StepError, ToolError, UnsupportedError
from stages.execute import environment, lineage, show
from stages.execute.materialise import Changed, materialise
from stages.execute.project import Failure, Project, Stamp
from stages.execute.start import cores, expected_memory, start
from stages.execute.tools import library, remedy
from stages.launch.answers import answer_at, shortened
from stages.launch.worker import ANSWERS
from stages.plan.step import Step
from stages.store.disk import in_words
from stages.store.locks import building, locked
from stages.store.logs import cap, settle, tail
from stages.store.store import REFUSAL, Lost, Result

STRICT = 'MODELKILN_STRICT'
"""Set in the environment to anything: a step that opens a file that its recipe does not declare fails."""

DECLARE = '\na step reads what its recipe declares: name the file with `path:`, or import it from recipes/models/'
LOSSES = 3
"""How often a step is tried again because stored content of its inputs was lost."""

LOOKS = 3
"""How often the key is made anew when an input changes between being looked at and being read."""


def is_current(project: Project, step: Step) -> bool:
    """Whether the step's stamp is that of today's key. Reads stamps and remembered digests; changes nothing."""
    if any(project.stamp(id) is None for id in step.inputs.values()):
        return False
    stamp = project.stamp(step.id)
    if stamp is None or (stamp.refused and step.id not in project.refusable):
        return False
    return stamp.key == project.key(step)


def ensure(project: Project, step: Step) -> Failure | None:
    """Give ``step`` a result and a stamp, or return why there is none. A failure is kept for this run only."""
    for id in step.inputs.values():
        before = failure_of(project, id)
        if before is None and project.stamp(id) is None:
            before = ensure(project, project.plan.steps[id])
        if before is not None:
            project.failures[step.id] = before
            return before
    try:
        with in_words(project.state):
            result = _result(project, step)
            set_stamp(project, step, result)
    except ModelkilnError as error:
        lineage.note_failure(project, step, str(error))
        failure = _failure(project, step, str(error), unsupported=isinstance(error, UnsupportedError))
        project.failures[step.id] = failure
        show.failed(project, step, failure)
        return failure
    project.failures.pop(step.id, None)
    return failure_of(project, step.id)


def failure_of(project: Project, id: str) -> Failure | None:
    """Return why step ``id`` left nothing to build on: it failed in this run, or what it left is a refusal."""
    stamp = project.stamp(id)
    if stamp is None or not stamp.refused:
        return project.failures.get(id)
    if id not in project.failures:
        words = json.loads(project.store.read(result_of(project, id).files[REFUSAL]))['message']
        project.failures[id] = _failure(project, project.plan.steps[id], words, unsupported=True)
    return project.failures[id]


def _failure(project: Project, step: Step, words: str, *, unsupported: bool) -> Failure:
    log = (project.state / 'logs' / f'{step.name}.log').relative_to(project.root)
    return Failure(step.name, words, str(log), f'modelkiln repeat {step.name}', unsupported)


def set_stamp(project: Project, step: Step, result: Result) -> None:
    """Record that ``result`` is what ``step`` left."""
    stamp = Stamp(result.key, result.digest, result.refused)
    if project.stamp(step.id) != stamp:
        content = json.dumps({'step': step.name, **asdict(stamp)})
        write_text(project.state / 'steps' / f'{step.id}.json', content + '\n')
        project.stamps[step.id] = stamp


def result_of(project: Project, id: str) -> Result:
    """Return the result of a step that has a stamp; made again when the store lost it."""
    stamp = project.stamp(id)
    result = project.store.find(stamp.key) if stamp else None
    if result is None:
        step = project.plan.steps[id]
        failure = ensure(project, step)
        if failure is not None:
            raise StepError(str(failure))
        stamp = project.stamp(id)
        result = project.store.find(stamp.key) if stamp else None
    if result is None:
        msg = f'{project.plan.steps[id].name}: its result vanished from the store as soon as it was written'
        raise StepError(msg)
    return result


def rebuild(project: Project, id: str) -> Result:
    """Make a step's result again although there is a stamp: something it left was lost or damaged."""
    stamp = project.stamp(id)
    if stamp is not None and project.store.find(stamp.key) is None:
        project.store.forget(stamp.key)
    return result_of(project, id)


def copy_result(project: Project, id: str, to: Path) -> Result:
    """Copy the files of a step's result into the folder ``to``, every byte checked; lost ones are made again."""
    for _ in range(LOSSES):
        result = result_of(project, id)
        try:
            for name, file in result.files.items():
                target = to / name
                target.unlink(missing_ok=True)
                project.store.copy_out(file, target)
        except Lost as lost:
            terminal.note(f'{project.plan.steps[id].name}: {lost}')
            rebuild(project, id)
        else:
            return result
    msg = f'{project.plan.steps[id].name}: its stored content was lost {LOSSES} times in a row'
    raise StepError(msg)


def _result(project: Project, step: Step) -> Result:
    for _ in range(LOOKS):
        try:
            return _result_of_action(project, step, project.action(step))
        except Changed as changed:
            what = changed
            project.look_again()
    raise StepError(f'{what} changed each of the {LOOKS} times it was read; run doit again when nothing edits it')


def _result_of_action(project: Project, step: Step, action: Mapping[str, Any]) -> Result:
    """Find or make the result of ``action``. Raises Changed when what is there now is not what it names."""
    key = digest_of(action)
    with locked(project.store.lock(key)):
        result = project.store.use(key)
        if result is not None and not (result.refused and step.id not in project.refusable):
            show.cached(project, step)
            return result
        if missing := project.missing(step):
            raise ToolError(f'needs {", ".join(missing)}, not installed here; run: {remedy(missing)}')
        if step.environment:
            environment.make(project, step.environment)
        folder = project.store.temporary(step.name)
        try:
            with in_words(folder):  # here, where the disk is still as full as the step met it
                materialise(project, step, folder, copy_result, action)
                with project.shared.holding(expected_memory(project, step), cores(project, step)), building():
                    return _run(project, step, key, folder)
        finally:
            project.store.discard(folder)


def _run(project: Project, step: Step, key: str, folder: Path) -> Result:
    log = project.state / 'logs' / f'{step.name}.log'
    started = time.perf_counter()
    report = work(project, step, folder, log)
    seconds = time.perf_counter() - started
    if report['error']:
        if step.id not in project.refusable:
            raise UnsupportedError(report['error']['message'])
        return _refusal(project, step, key, folder / 'refused', report, seconds)
    project.look_again()
    if digest_of(project.action(step)) != key:
        msg = 'an input, the Python or the code of this step changed while it ran; nothing was kept, run doit again'
        raise StepError(msg)
    result = project.store.publish(
        key, project.action(step), folder / 'out', outputs(step, folder / 'out'), seconds, report['peak_memory_bytes']
    )
    show.built(project, step, seconds)
    return result


def work(project: Project, step: Step, folder: Path, log: Path) -> dict[str, Any]:
    """Run a step that is laid out in ``folder``; return what it reports: all went well, or its tool refuses.

    Raises ToolError where the system lacks a library, StepError for any other end.
    """
    log.parent.mkdir(parents=True, exist_ok=True)
    log.write_bytes(b'')
    with show.running(project, step) as watch:
        look, follow = _watcher(folder, log, watch), show.following(project, step, log)

        def watching() -> None:
            look()
            follow()

        ended = start(project, step, folder, log, watching)
        follow()
    report = _report(folder)
    settle(log)
    if report and report['error']:
        if lacking := library(report['error']['message']):
            raise ToolError(f'{lacking}\n{report["error"]["message"]}')
        if report['error']['type'] != UnsupportedError.__name__:
            raise StepError(report['error']['message'] + _undeclared(project, report['error']['message']))
        return report
    if ended or report is None:
        raise StepError(f'{ended or "left no result"}{_tail(log)}')
    if report.get('undeclared'):
        words = f'read what its recipe does not declare: {", ".join(map(str, report["undeclared"]))}'
        if os.environ.get(STRICT):
            raise StepError(f'{words}{DECLARE}')
        show.undeclared(project, step, words)
    return report


def _undeclared(project: Project, words: str) -> str:
    """Return what to do when the system kept a step from a file of the project: it sees what its recipe names."""
    if os.strerror(errno.EACCES) not in words or str(project.root) not in words:
        return ''
    return DECLARE


def _refusal(project: Project, step: Step, key: str, folder: Path, report: Mapping[str, Any], seconds: float) -> Result:
    """Keep a refusal that the recipe expects as the step's result: it follows from the key like any other."""
    words = report['error']['message']
    folder.mkdir()
    (folder / REFUSAL).write_text(json.dumps({'message': words}) + '\n')
    show.refused(project, step, words)
    return project.store.publish(key, project.action(step), folder, [REFUSAL], seconds, report['peak_memory_bytes'])


def outputs(step: Step, out: Path) -> list[str]:
    """Return every file the step left. Raises StepError when a promised one is missing, empty or a link."""
    found = {}
    for path in sorted(out.rglob('*')):
        if path.is_symlink():
            raise StepError(f'left a link, {path.relative_to(out)}; only plain files can be kept')
        if path.is_file():
            found[path.relative_to(out).as_posix()] = path
    for name in step.outputs:
        kept = [path for file, path in found.items() if file == name or file.startswith(f'{name}/')]
        if not kept:
            raise StepError(f'promised {name} but did not leave it; it left {", ".join(found) or "nothing"}')
        if not any(path.stat().st_size for path in kept):
            raise StepError(f'left {name} empty')
    if not found:
        raise StepError('left nothing')
    return list(found)


def _report(folder: Path) -> dict[str, Any] | None:
    """Return what the step says of its end; None when that is not to be understood. It is a step's word, not ours."""
    read = answer_at(folder / ANSWERS / 'result.json')
    if not isinstance(read, dict) or not isinstance(read.get('peak_memory_bytes'), int):
        return None
    error = read.get('error')
    if not error:
        return {**read, 'error': None}
    if not isinstance(error, dict) or not all(isinstance(error.get(name), str) for name in ('type', 'message')):
        return None
    return {**read, 'error': {**error, 'message': shortened(error['message'])}}


def _tail(log: Path, lines: int = 5) -> str:
    return ''.join(f'\n    {line}' for line in tail(log, lines))


def _watcher(folder: Path, log: Path, watch: Callable[[float, str], None]) -> Callable[[], None]:
    def look() -> None:
        cap(log)
        try:
            fraction, words = answer_at(folder / ANSWERS / 'progress.json')
            fraction, words = float(fraction), str(words)
        except (ValueError, TypeError, OverflowError):
            fraction, words = 0.0, ''
        watch(fraction, words)

    return look
