"""Hash every delivered file and every stored one, and compare with what was noted; exit 6 when anything differs.

What differs is what the next `doit` heals: changed, missing or extra files of artifacts and reports, also where a
manifest was changed with them or taken away; stored files that are damaged or lost; broken records. Damaged content of
the store is set aside with --repair, and what hangs on it forgotten, so that the next `doit` makes it again.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from stages.contract.port import MANIFEST
from stages.errors import IntegrityError
from stages.execute.project import Project, find_root, open_project
from stages.layout.verified import (
    Problem,
    delivery_problems,
    manifest_problems,
    report_problems,
    stamp_problems,
    store_problems,
    undelivered_problems,
)
from stages.store.runs import remove


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument('folder', nargs='*', type=Path, help='artifact folders; default: all, and the store')
    parser.add_argument('--repair', action='store_true', help='set damaged content of the store aside')


def run(asked: argparse.Namespace) -> int:
    if asked.folder:
        folders = [folder.resolve() for folder in asked.folder]
        problems = [problem for folder in folders for problem in manifest_problems(folder)]
        blobs = 0
    else:
        project = open_project(find_root(Path.cwd()))
        folders = sorted(path.parent for path in (project.root / 'artifacts').glob(f'*/*/{MANIFEST}'))
        blobs = sum(1 for _ in project.store.folder.glob('blobs/*/*'))
        problems = problems_of(project)
        if asked.repair:
            repair(project, problems)
    if problems:
        raise IntegrityError('\n'.join(f'{problem}{_done(problem, asked.repair)}' for problem in problems))
    print(f'{len(folders)} artifacts and {blobs} stored files are as recorded')
    return 0


def problems_of(project: Project) -> list[Problem]:
    """Return everything that is not as it was noted."""
    problems = [*store_problems(project.store), *stamp_problems(project)]
    sound = not problems
    problems += [*delivery_problems(project), *report_problems(project)]
    return [*problems, *undelivered_problems(project)] if sound else problems


def repair(project: Project, problems: list[Problem]) -> None:
    """Set what is damaged aside, and forget the records that are broken or hang on it."""
    for problem in problems:
        if problem.damaged:
            project.store.quarantine(problem.damaged)
        if problem.note is not None:
            remove(problem.note)
    forgotten = {problem.note.stem for problem in problems if problem.note is not None}
    for path in (project.state / 'steps').glob('*.json'):
        stamp = project.stamp(path.stem)
        if stamp and stamp.key in forgotten:
            remove(path)


def _done(problem: Problem, repair: bool) -> str:
    if not repair:
        return ''
    return ', set aside' if problem.damaged else ', forgotten' if problem.note else '; the next doit mends it'
