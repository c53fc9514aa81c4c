"""What the recipes of today need of all that lies below .modelkiln/: the rest may be collected."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from stages.environments import ENVIRONMENTS
from stages.execute import environment
from stages.execute.action import START
from stages.execute.predict import foreseen
from stages.execute.project import Project
from stages.layout import benchmark
from stages.store.records import read_record

SHARED = 'shared environments'
"""What lies beside all projects of a user, and not below this one."""


@dataclass(frozen=True)
class Leftover:
    """Something beside the store that no recipe of today needs."""

    what: str
    path: Path
    used: float
    """When it was last written."""


def needed_results(project: Project, *, living: bool) -> set[str]:
    """Return the keys of results that stamps name, and of those that a build of today would find. Builds nothing.

    While a run lives all stamps count, also of steps that no recipe has any more: it may have begun with those.
    """
    keys = set()
    for path in (project.state / 'steps').glob('*.json'):
        stamp = read_record(path, {'key': str})
        if stamp and (living or path.stem in project.plan.steps):
            keys.add(stamp['key'])
    with foreseen(project, project.plan.steps):
        return keys | {stamp.key for stamp in project.stamps.values() if stamp}


def leftovers(project: Project) -> Iterator[Leftover]:
    """Yield what lies beside the store and is of steps, recipes and environments that are gone."""
    steps = project.plan.steps
    names = {step.name for step in steps.values()}
    current = {environment.folder_of(project, name).name for name in ENVIRONMENTS}
    samples = benchmark.keys(project)
    builds = {f'{build.name.replace(":", "/")}.json' for builds in project.plan.builds.values() for build in builds}
    codes = {project.code(modules) for modules in {(*START, *step.code) for step in steps.values()}}
    kinds = {step.kind for step in steps.values()}
    for what, pattern, kept in (
        ('stamps', 'steps/*.json', lambda path: path.stem in steps),
        ('logs', 'logs/*.log', lambda path: path.stem in names or path.name.startswith('environment-')),
        ('samples', 'store/samples/*/*.json', lambda path: path.stem in samples),
        ('environments', 'environments/*', lambda path: path.name in current),
        ('lineages', 'lineage/[!.]*/*.json', lambda path: '/'.join(path.parts[-2:]) in builds),
        ('lineages', 'lineage/.code/*.json', lambda path: path.stem in codes),
        ('kept work', 'kept/*', lambda path: path.name in kinds),
        ('repeated steps', 'repeat/*', lambda path: False),
        ("doit's database", 'doit.db*', lambda path: False),
    ):
        for path in sorted(project.state.glob(pattern)):
            if not kept(path):
                yield Leftover(what, path, _written(path))
    asked = {environment.folder_of(project, step.environment) for step in steps.values() if step.environment}
    for path in environment.shared_ones():  # other projects may need what this one does not: their last use counts
        if path not in asked:
            yield Leftover(SHARED, path, environment.last_used(path))


def size_of(path: Path) -> int:
    """Return the bytes of a file, or of all files below a folder; links count as themselves."""
    if path.is_symlink() or not path.is_dir():
        return path.lstat().st_size if os.path.lexists(path) else 0
    total = 0
    for base, _, names in os.walk(path):
        for name in names:
            try:
                total += os.lstat(os.path.join(base, name)).st_size  # noqa: PTH118  # many thousand, of an environment
            except OSError:
                continue
    return total


def _written(path: Path) -> float:
    """Return when a file was written; a folder, or what lies two below it: a kind keeps ``KIND/TARGET/FILE``."""
    times = [0.0]
    for one in (path, *path.glob('*/*')):
        with contextlib.suppress(OSError):
            times.append(one.lstat().st_mtime)
    return max(times)
