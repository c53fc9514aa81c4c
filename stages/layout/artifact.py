"""Leave a variant's files in artifacts/RECIPE/VARIANT/, with the manifest that proves them."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Mapping
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from stages.atomic import write_text
from stages.contract.port import CONTRACT, MANIFEST, contract_of
from stages.digest import file_digest
from stages.document.manifest import File, Made, Manifest, manifest_json
from stages.engines import use
from stages.execute.ensure import copy_result, result_of
from stages.execute.project import Project
from stages.layout.outcome import Outcome
from stages.measure.figures import Check
from stages.plan.step import Build
from stages.recipe.model import settings
from stages.store.files import same_file, signature
from stages.store.locks import locked
from stages.store.records import is_seen, read_record, write_record

FIELDS = {'identity': list, 'good': bool, 'result': str, 'files': dict}

SHOWN = 3
"""How many altered files are named."""


def folder_of(project: Project, build: Build) -> Path:
    return project.root / 'artifacts' / build.recipe / build.variant.name


def lock_of(project: Project, recipe: str, variant: str) -> Path:
    """Return the lock of whoever changes the folder of a variant."""
    return project.state / 'locks' / f'artifacts.{recipe}.{variant}'


def is_delivered(project: Project, build: Build) -> bool:
    """Whether the folder holds exactly what was delivered last, that is today's result, and it may be shipped."""
    return not undelivered(project, build)


def undelivered(project: Project, build: Build) -> str:
    """Return why ``build`` is not delivered as it should be, in words; empty when it is. Changes nothing."""
    failures = (project.failures.get(id) for id in build.steps)
    failed = next((f for f in failures if f and not (f.unsupported and build.variant.unsupported)), None)
    if failed is not None:  # what stands behind it has the stamp of its last success
        return f'{failed.step} failed'
    folder = folder_of(project, build)
    if build.variant.unsupported and any((s := project.stamp(link.step)) and s.refused for link in build.chain):
        # there is nothing to deliver, and that is as it should be
        return 'its tool refuses it, as expected, and an artifact is in place' if folder.exists() else ''
    record = _record(project, build)
    if record is None:
        return 'it was not delivered before, or could not be'
    if record['identity'] != _identity(project, build):
        return 'it is built, checked or judged otherwise than what is in place'
    if not record['good']:
        return 'what is in place breaks a bound of the recipe'
    return ', '.join(f'{name} is not as delivered' for name in altered(folder, record['files'])[:SHOWN])


def altered(folder: Path, files: Mapping[str, Any]) -> list[str]:
    """Return the names below ``folder`` that are not as recorded: changed, missing or extra."""
    there = {
        f'{base}{os.sep}{name}'[len(str(folder)) + 1 :].replace(os.sep, '/')
        for base, _, names in os.walk(folder)
        for name in names
    }
    wrong = sorted(there ^ files.keys())
    return wrong + [name for name in sorted(there & files.keys()) if changed(folder / name, files[name])]


def changed(path: Path, record: Mapping[str, Any]) -> bool:
    """Whether one file is missing, a link, or has other bytes than recorded."""
    if same_file(path, record['stat']):
        return False
    return path.is_symlink() or not path.is_file() or file_digest(path) != record['sha256']


def deliver(project: Project, outcome: Outcome, measured: Mapping[str, Any] | None) -> None:
    """Put a built variant in place, whole; take a failed one away, so that nothing old looks new."""
    build = outcome.build
    folder = folder_of(project, build)
    with locked(lock_of(project, build.recipe, build.variant.name)):
        if not outcome.deliverable:
            withdraw(project, build)
            return
        manifest = json.dumps(manifest_json(manifest_of(project, outcome, measured)), indent=2, sort_keys=True) + '\n'
        if is_in_place(project, build):
            write_text(folder / MANIFEST, manifest)
        else:
            _replace(project, build, folder, manifest)
        _write_record(project, build, folder, good=outcome.accuracy_failed is None)


def is_in_place(project: Project, build: Build) -> bool:
    """Whether the folder's files are those that ``build`` left, whatever its manifest says of them."""
    record = _record(project, build)
    return (
        record is not None
        and record['result'] == _result_digest(project, build)
        and altered(folder_of(project, build), record['files']) in ([], [MANIFEST])
    )


def withdraw(project: Project, build: Build) -> None:
    """Remove a variant's folder and its record."""
    record_path(project, build).unlink(missing_ok=True)
    shutil.rmtree(folder_of(project, build), ignore_errors=True)


def _replace(project: Project, build: Build, folder: Path, manifest: str) -> None:
    part = project.store.temporary(f'artifact.{build.recipe}.{build.variant.name}') / 'new'
    part.mkdir()
    try:
        copy_result(project, build.chain[-1].step, part)
        (part / CONTRACT).unlink()  # the manifest says it
        (part / MANIFEST).write_text(manifest)
        folder.parent.mkdir(parents=True, exist_ok=True)
        if folder.exists() or folder.is_symlink():
            aside = part.parent / 'old'
            os.replace(folder, aside)
        os.replace(part, folder)
    finally:
        project.store.discard(part.parent)


def _identity(project: Project, build: Build) -> list[Any]:
    """What the folder's content and its verdict follow from: what was built and checked, and what was asked of it."""
    asked = project.plan.recipes[build.recipe].check
    baseline = project.plan.baseline(build.recipe).chain[-1].check
    stamps = [project.stamp(id) for link in build.chain for id in (link.step, link.check) if id]
    stamps += [project.stamp(baseline)] if baseline else []
    tolerance = {name: asdict(bound) for name, bound in asked.tolerance.items()}
    return [asked.max_drop, tolerance, [stamp.key if stamp else None for stamp in stamps]]


def _result_digest(project: Project, build: Build) -> str:
    stamp = project.stamp(build.chain[-1].step)
    return stamp.digest if stamp else ''


def record_path(project: Project, build: Build) -> Path:
    """Return where it is noted what was delivered of ``build``."""
    return project.state / 'artifacts' / build.recipe / f'{build.variant.name}.json'


def _record(project: Project, build: Build) -> dict[str, Any] | None:
    return read_delivered(record_path(project, build))


def read_delivered(path: Path) -> dict[str, Any] | None:
    """Return what was noted of a delivery: what it followed from, whether it is good, and its files."""
    record = read_record(path, FIELDS)
    return record if record and is_seen(record['files']) else None


def _write_record(project: Project, build: Build, folder: Path, *, good: bool) -> None:
    files = {
        path.relative_to(folder).as_posix(): {'stat': signature(path), 'sha256': file_digest(path)}
        for path in sorted(folder.rglob('*'))
        if path.is_file()
    }
    content = {
        'identity': _identity(project, build), 'good': good, 'result': _result_digest(project, build), 'files': files,
    }  # fmt: skip
    write_record(record_path(project, build), content)


def contract_of_step(project: Project, id: str) -> dict[str, Any]:
    """Return what a step's model says of itself, for a format that no engine runs."""
    read: dict[str, Any] = json.loads(project.store.read(result_of(project, id).files[CONTRACT]))
    return read


def manifest_of(project: Project, outcome: Outcome, measured: Mapping[str, Any] | None) -> Manifest:
    """Return what a variant that was built says of itself."""
    build, plan = outcome.build, project.plan
    recipe = plan.recipes[build.recipe]
    results = [result_of(project, link.step) for link in build.chain]
    steps = [plan.steps[link.step] for link in build.chain]
    check = outcome.check or Check()
    figures = asdict(check)
    contract = contract_of(check.contract or contract_of_step(project, build.chain[-1].step))
    manifest = Manifest(
        recipe=recipe.model,
        variant=build.variant.name,
        files={name: File(f.sha256, f.size) for name, f in results[-1].files.items() if name != CONTRACT},
        digest=results[-1].digest,
        key=results[-1].key,
        model_format=build.variant.format,
        engine=build.variant.engine,
        inputs=contract.inputs,
        outputs=contract.outputs,
        precision=check.precision or contract.precision,
        options=plan.steps[build.chain[-1].check].params['options'] if build.chain[-1].check else {},
        threads=measured['threads'] if measured else settings(recipe, build.variant)[0].threads,
        runtime=project.tools_of(build.variant.engine),
        sizes=contract.sizes,
        state=contract.state,
        notes=contract.notes,
        preprocessing=recipe.preprocessing,
        stages=tuple(
            Made(step.kind, result.key, dict(step.params), result.action['tools'], result.action['platform'])
            for step, result in zip(steps, results, strict=True)
        ),
        target=results[-1].action['platform'],
        check={name: figures[name] for name in ('difference', 'metric', 'agreement', 'foreign')},
        accuracy_failed=outcome.accuracy_failed,
        measured=measured,
    )
    return replace(manifest, use=use(manifest))
