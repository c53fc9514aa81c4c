"""Run one step again by itself, in a folder that stays, its output on the terminal; the store is not touched.

What a failed step asks for: command, inputs, environment, log and reason lie below .modelkiln/repeat/STEP. The folder
is whole: `modelkiln repeat FOLDER` runs it again, also elsewhere, where our package and the step's tools are installed.
"""

from __future__ import annotations

import argparse
import shutil
from pathlib import Path

from stages.command.why import find_steps
from stages.errors import RecipeError, StepError
from stages.execute import capsule, environment
from stages.execute.ensure import copy_result, ensure
from stages.execute.materialise import materialise
from stages.execute.project import find_root, open_project
from stages.execute.start import limits, policy, step_environment
from stages.store.logs import follower


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument('step', help='as doit named it, onnx-quantize-1a2b3c4d; or a folder that this command left')


def run(asked: argparse.Namespace) -> int:
    given = Path(asked.step)
    folder = given.resolve() if capsule.is_capsule(given) else _laid_out(asked.step)
    found = capsule.read(folder)
    for words in capsule.differences(found):
        print(f'  note: {words}')
    print(f'in {folder}\n$ {" ".join(capsule.command(found, folder))}', flush=True)
    follow = follower(folder / capsule.LOG, print)
    ended = capsule.run(folder, follow).ended
    with (folder / capsule.LOG).open('ab') as stream:  # what it said last may lack its line's end
        stream.write(b'\n')
    follow()
    if ended:
        raise StepError(f'{found.step} {ended}; everything it saw is in {folder}')
    print('left ' + ', '.join(sorted(p.relative_to(folder / 'out').as_posix() for p in (folder / 'out').rglob('*'))))
    return 0


def _laid_out(name: str) -> Path:
    """Return a folder with all that the step of this name sees."""
    project = open_project(find_root(Path.cwd()))
    steps = find_steps(project, name)
    if len(steps) != 1:
        raise RecipeError(f'{name} means {len(steps)} steps: {", ".join(step.name for step in steps)}')
    step = steps[0]
    for id in step.inputs.values():
        failure = ensure(project, project.plan.steps[id])
        if failure is not None:
            raise StepError(f'{step.name} cannot run, because a step before it failed\n{failure}')
    folder = project.state / 'repeat' / step.name
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    action = project.action(step)
    materialise(project, step, folder, copy_result, action)
    if step.environment:
        environment.make(project, step.environment)
    allowed, limit = policy(project, step, folder), limits(project, step)
    capsule.write(
        capsule.Capsule(
            step.name, step.kind, action, step_environment(project, step, folder), allowed.network, allowed.hosts,
            allowed.nearby, allowed.loopback, limit.seconds, limit.memory,
            environment.python_of(project, step.environment),
        ),
        folder,
    )  # fmt: skip
    return folder
