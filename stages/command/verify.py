"""Hash every delivered file and every stored one, and compare with what was noted; exit 6 when anything differs.

What differs is what the next `doit` heals: changed, missing or extra files of artifacts and reports, also where a
manifest was changed with them or taken away; stored files that are damaged or lost; broken records. Damaged content of
the store is set aside with --repair, and what hangs on it forgotten, so that the next `doit` makes it again.

Folders that are named are checked by themselves, offline: an artifact against its manifest; a release that was pulled
against its digest, and its signature where a key is given or the policy names keys. With --schemas every JSON document
is held against its schema too (`modelkiln schema NAME` prints it): a release's, or all that a project keeps.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from stages.contract.port import MANIFEST
from stages.errors import IntegrityError
from stages.layout.problems import Problem, manifest_problems

if TYPE_CHECKING:
    from stages.execute.project import Project


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument('folder', nargs='*', type=Path, help='folders of artifacts or releases; default: everything')
    parser.add_argument('--repair', action='store_true', help='set damaged content of the store aside')
    parser.add_argument('--key', type=Path, action='append', default=[], help='a public key that must have signed it')
    parser.add_argument('--schemas', action='store_true', help='also hold JSON documents against their schemas')


def run(asked: argparse.Namespace) -> int:
    return _folders(asked) if asked.folder else _project(asked)


def _folders(asked: argparse.Namespace) -> int:
    from stages.deliver.policy import policy_for
    from stages.deliver.pulled import current_folder
    from stages.deliver.release import RECORD
    from stages.deliver.verify import verify_release

    policy = policy_for(Path.cwd())
    keys = tuple(asked.key) or (policy.key_files if policy.signed else ())
    for folder in (current_folder(folder.resolve()) for folder in asked.folder):
        if (folder / RECORD).is_file() or keys or asked.schemas:
            print(verify_release(folder, keys, schemas=asked.schemas))
        elif problems := manifest_problems(folder):
            raise IntegrityError('\n'.join(map(str, problems)))
        else:
            print(f'{folder}: the artifact is as its manifest says')
    return 0


def _project(asked: argparse.Namespace) -> int:
    from stages.deliver.schemas import in_notes
    from stages.execute.project import find_root, open_project

    project = open_project(find_root(Path.cwd()))
    folders = sorted(path.parent for path in (project.root / 'artifacts').glob(f'*/*/{MANIFEST}'))
    blobs = sum(1 for _ in project.store.folder.glob('blobs/*/*'))
    problems = problems_of(project)
    if asked.repair:
        repair(project, problems)
    if problems:
        raise IntegrityError('\n'.join(f'{problem}{_done(problem, asked.repair)}' for problem in problems))
    if asked.schemas and (told := in_notes(project.root)):
        raise IntegrityError('\n'.join(told))
    print(f'{len(folders)} artifacts and {blobs} stored files are as recorded')
    return 0


def problems_of(project: Project) -> list[Problem]:
    """Return everything that is not as it was noted."""
    from stages.layout.verified import (
        delivery_problems,
        report_problems,
        stamp_problems,
        store_problems,
        undelivered_problems,
    )

    problems = [*store_problems(project.store), *stamp_problems(project)]
    sound = not problems
    problems += [*delivery_problems(project), *report_problems(project)]
    return [*problems, *undelivered_problems(project)] if sound else problems


def repair(project: Project, problems: list[Problem]) -> None:
    """Set what is damaged aside, and forget the records that are broken or hang on it."""
    from stages.store.runs import remove

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
