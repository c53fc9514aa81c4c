"""Everything that was noted held against what is there, byte by byte: what differs is what the next ``doit`` heals."""

from __future__ import annotations

from collections.abc import Iterator

from stages.contract.port import CONTRACT, MANIFEST
from stages.digest import digest_of, file_digest
from stages.execute.project import Project
from stages.layout.artifact import folder_of, read_delivered, record_path
from stages.layout.outcome import outcome_of
from stages.layout.pages import read_reported
from stages.layout.problems import Problem, files_problems, manifest_problems
from stages.layout.sessions import is_readable
from stages.plan.step import Build
from stages.store.records import read_record
from stages.store.store import Store


def store_problems(store: Store) -> Iterator[Problem]:
    """Yield what is wrong in the store: files that are not what their names say, results that lack something."""
    sound: dict[str, int] = {}
    for blob in sorted(store.folder.glob('blobs/*/*')):
        if file_digest(blob) == blob.name:
            sound[blob.name] = blob.stat().st_size
        else:
            yield Problem(blob, 'has other bytes than its name says', damaged=blob.name)
    for path in sorted(store.folder.glob('results/*/*.json')):
        result = store.recorded(path.stem)
        if result is None:
            yield Problem(path, 'is no readable record', path)
        elif digest_of(result.action) != path.stem:
            yield Problem(path, 'is a record of another action than its name says', path)
        else:
            lost = [name for name, file in result.files.items() if sound.get(file.sha256) != file.size]
            if lost:
                yield Problem(path, f'its stored {", ".join(lost)} is missing or damaged', path)
    for path in sorted(store.folder.glob('samples/*/*.json')):
        if not is_readable(path):
            yield Problem(path, 'holds no readable samples', path)


def stamp_problems(project: Project) -> Iterator[Problem]:
    """Yield the stamps that are broken, or whose result the store has not."""
    for id, step in project.plan.steps.items():
        path = project.state / 'steps' / f'{id}.json'
        if not path.exists() or read_record(path, {'failed': str}):
            continue
        stamp = project.stamp(id)
        if stamp is None:
            yield Problem(path, f'the stamp of {step.name} is no readable record', path)
        elif project.store.recorded(stamp.key) is None:
            yield Problem(path, f'the store has not what {step.name} left', path)


def delivery_problems(project: Project) -> Iterator[Problem]:
    """Yield what is wrong with the artifacts of the recipes of today, and with those that only have a manifest."""
    asked = {build.name: build for builds in project.plan.builds.values() for build in builds}
    for build in asked.values():
        yield from _delivered(project, build)
    for path in sorted((project.root / 'artifacts').glob(f'*/*/{MANIFEST}')):
        if f'{path.parent.parent.name}:{path.parent.name}' not in asked:
            yield from manifest_problems(path.parent)


def report_problems(project: Project) -> Iterator[Problem]:
    """Yield the pages that are not as they were written."""
    for recipe in project.plan.recipes:
        path = project.state / 'reports' / f'{recipe}.json'
        read = read_reported(path)
        if read is not None:
            yield from files_problems(project.root / 'artifacts' / recipe, read['files'], alone=False)
        elif path.exists():
            yield Problem(path, 'is no readable record', path)


def undelivered_problems(project: Project) -> Iterator[Problem]:
    """Yield the variants that are built and good and not in place. Only where the store is sound: it reads checks."""
    for builds in project.plan.builds.values():
        for build in builds:
            stamps = [project.stamp(id) for id in build.steps]
            there = all(stamp and not stamp.refused and project.store.find(stamp.key) for stamp in stamps)
            folder = folder_of(project, build)
            if there and read_delivered(record_path(project, build)) is None and not folder.exists():
                outcome = outcome_of(project, build)
                if outcome.deliverable:
                    yield Problem(folder, 'was built, and is not in place')


def _delivered(project: Project, build: Build) -> Iterator[Problem]:
    folder, path = folder_of(project, build), record_path(project, build)
    record = read_delivered(path)
    if record is None:
        if path.exists():
            yield Problem(path, 'is no readable record', path)
        elif (folder / MANIFEST).is_file():
            yield Problem(folder, 'nothing notes that it was delivered')
            yield from manifest_problems(folder)
        return
    yield from files_problems(folder, record['files'])
    stamp = project.stamp(build.chain[-1].step)
    result = project.store.recorded(stamp.key) if stamp and stamp.digest == record['result'] else None
    if result is not None:
        made = {name: file.sha256 for name, file in result.files.items() if name != CONTRACT}
        noted = {name: file['sha256'] for name, file in record['files'].items() if name != MANIFEST}
        if made != noted:
            yield Problem(path, 'notes other files than were built', path)
