"""Run one step again by itself, in a folder that stays, its output on the terminal; the store is not touched.

What a failed step asks for: inputs, request and log lie below .modelkiln/repeat/STEP for a closer look.
"""

from __future__ import annotations

import argparse
import shutil
from pathlib import Path

from stages import spawn
from stages.command.why import find_steps
from stages.errors import RecipeError, StepError
from stages.execute import environment
from stages.execute.ensure import copy_result, ensure
from stages.execute.materialise import materialise
from stages.execute.project import find_root, open_project
from stages.execute.start import limits, policy, step_environment
from stages.launch.client import WORKER
from stages.store.logs import follower


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument('step', help='as doit named it: onnx-quantize-1a2b3c4d')


def run(asked: argparse.Namespace) -> int:
    project = open_project(find_root(Path.cwd()))
    steps = find_steps(project, asked.step)
    if len(steps) != 1:
        raise RecipeError(f'{asked.step} means {len(steps)} steps: {", ".join(step.name for step in steps)}')
    step = steps[0]
    for id in step.inputs.values():
        failure = ensure(project, project.plan.steps[id])
        if failure is not None:
            raise StepError(f'{step.name} cannot run, because a step before it failed\n{failure}')
    folder = project.state / 'repeat' / step.name
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    materialise(project, step, folder, copy_result, project.action(step))
    if step.environment:
        environment.make(project, step.environment)
    argv = spawn.python(
        WORKER, str(folder / 'request.json'), interpreter=environment.python_of(project, step.environment)
    )
    print(f'in {folder}\n$ {" ".join(argv)}', flush=True)
    log = folder / 'log.txt'
    follow = follower(log, print)
    ended = project.launcher.program(
        argv, folder, log, step_environment(project, step, folder), policy(project, step, folder),
        limits(project, step), watch=follow,
    )  # fmt: skip
    with log.open('ab') as stream:  # what it said last may lack its line's end
        stream.write(b'\n')
    follow()
    if ended:
        raise StepError(f'{step.name} {ended}; everything it saw is in {folder}')
    print('left ' + ', '.join(sorted(p.relative_to(folder / 'out').as_posix() for p in (folder / 'out').rglob('*'))))
    return 0
