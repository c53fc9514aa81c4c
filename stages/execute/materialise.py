"""Lay out what a step sees: the files of the steps before it, the recipe's own, and the request."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

from stages.contract.port import contract_json
from stages.execute.project import Project
from stages.plan.step import Step
from stages.store.store import Result

Copy = Callable[[Project, str, Path], Result]
"""Puts the files of a step's result into a folder; makes what was lost again, which is why it is handed in."""


def materialise(project: Project, step: Step, folder: Path, copy: Copy) -> None:
    """Lay out everything the step may see below ``folder``: inputs, Python, an empty ``out`` and the request."""
    (folder / 'out').mkdir()
    (folder / 'home').mkdir()
    for role, id in step.inputs.items():
        copy(project, id, folder / 'in' / role)
    roles = list(step.inputs)
    action = project.action(step)
    for role, wanted in (('python', step.python), ('path', step.path)):
        if wanted:
            roles.append(role)
            for name in action['files']:
                source = project.root / 'recipes' / name
                below = name.removeprefix(step.path) if step.path.endswith('/') else source.name
                target = folder / 'in' / role / (name if role == 'python' else below)
                target.parent.mkdir(parents=True, exist_ok=True)
                target.write_bytes(source.read_bytes())
    kept = project.state / 'kept' / step.kind
    kept.mkdir(parents=True, exist_ok=True)
    request = {
        'module': step.module, 'params': dict(step.params), 'roles': roles, 'keep': str(kept),
        'declared': contract_json(step.declared) if step.declared else None,
    }  # fmt: skip
    (folder / 'request.json').write_text(json.dumps(request, indent=1) + '\n')
