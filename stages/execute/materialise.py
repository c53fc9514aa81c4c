"""Lay out what a step sees: the files of the steps before it, the recipe's own, and the request.

What is copied is held against the action whose digest is the step's key: a key never names other bytes than those that
a step ran on, whatever was edited, and edited back, in the meantime.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from stages import others
from stages.contract.port import contract_json
from stages.digest import file_digest
from stages.execute import preload
from stages.execute.code import own_digest, own_files, python_digest
from stages.execute.project import Project
from stages.execute.start import keeps, kept
from stages.launch.worker import ANSWERS
from stages.plan.step import Step
from stages.store.store import Result

Copy = Callable[[Project, str, Path], Result]
"""Puts the files of a step's result into a folder; makes what was lost again, which is why it is handed in."""


class Changed(Exception):
    """What was copied is not what the action names: it changed since it was looked at."""


def materialise(project: Project, step: Step, folder: Path, copy: Copy, action: Mapping[str, Any]) -> None:
    """Lay out all that the step may see below ``folder``: inputs, Python, an empty ``out`` and the request.

    Raises Changed when any of it is not what ``action`` says.
    """
    for name in ('out', 'home', ANSWERS):
        (folder / name).mkdir()
    for role, id in step.inputs.items():
        if copy(project, id, folder / 'in' / role).digest != action['inputs'][role]:
            raise Changed(f'what {project.plan.steps[id].name} left')
    roles = list(step.inputs)
    for role, wanted, digest in (('python', step.python, python_digest), ('path', step.path, file_digest)):
        if wanted:  # one of the two: what is read is either run or not
            roles.append(role)
            for name in action['files']:
                below = name if role == 'python' else _below(name, step.path)
                _copy(project, name, folder / 'in' / role / below, digest, action)
    own = own_files(step.code, project.remembered)
    for file, known in own.items():
        _copy_own(file, folder / 'in' / others.FOLDER / file.relative_to(project.root / others.FOLDER), known)
    keep = str(kept(project, step)) if keeps(step) else ''
    if keep:
        kept(project, step).mkdir(parents=True, exist_ok=True)
    request = {
        'module': step.module, 'params': dict(step.params), 'roles': roles, 'keep': keep,
        'own': bool(own),
        'hidden': preload.hidden(action['tools']),
        'project': str(project.root.resolve()),
        'allowed': [str(path.resolve()) for path in (folder, project.foreign, kept(project, step))],
        'declared': contract_json(step.declared) if step.declared else None,
    }  # fmt: skip
    (folder / 'request.json').write_text(json.dumps(request, indent=1) + '\n')


def _below(name: str, path: str) -> str:
    return name.removeprefix(path) if path.endswith('/') else Path(name).name


def _copy_own(file: Path, target: Path, known: str) -> None:
    """Copy a file of the project's own kinds, which its step imports."""
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(file, target)
    module = '.'.join([others.FOLDER, *target.relative_to(_kinds(target)).with_suffix('').parts])
    if own_digest(target, module.removesuffix('.__init__')) != known:
        raise Changed(f'{others.FOLDER}/{file.name}')


def _kinds(target: Path) -> Path:
    return next(folder for folder in target.parents if folder.name == others.FOLDER and folder.parent.name == 'in')


def _copy(project: Project, name: str, target: Path, digest: Callable[[Path], str], action: Mapping[str, Any]) -> None:
    """Copy a file of the recipe; the digest is that of the copy, which nobody edits."""
    target.parent.mkdir(parents=True, exist_ok=True)
    try:
        shutil.copyfile(project.root / 'recipes' / name, target)
        same = digest(target) == action['files'][name]
    except (OSError, SyntaxError, ValueError):
        same = False
    if not same:
        raise Changed(f'recipes/{name}')
