"""How a step is started: what it may reach, what it may use, and what is loaded before."""

from __future__ import annotations

import importlib
import os
from collections.abc import Callable, Collection, Iterator
from pathlib import Path

from stages import confine, spawn, terminal
from stages.confine import Policy
from stages.contract.engine import FOREIGN_FOLDER
from stages.environments import listens
from stages.errors import ToolError
from stages.execute import environment, preload, reach
from stages.execute.project import Project
from stages.launch import Limits, Tool
from stages.launch.worker import ANSWERS
from stages.measure import check
from stages.plan.step import Step
from stages.sources import fetch

REQUIRED = 'MODELKILN_REQUIRE_CONFINEMENT'
"""Set in the environment to anything: a step is fully confined, or does not run."""

LARGEST_FILE = 1 << 40
PROCESSES = 512


ALONE = ('torch._dynamo', 'torch.export._trace')
"""Parts of torch that several kinds name in ``LOADS`` and that need no other tool."""


def start(project: Project, step: Step, folder: Path, log: Path, watch: Callable[[], None]) -> str | None:
    """Run a step that is laid out in ``folder``; return None, or how it ended, in words."""
    confined(project)
    loads = preload.modules(step.module, step.code)
    return project.launcher.worker(
        folder / 'request.json', log, step_environment(project, step, folder), policy(project, step, folder),
        limits(project, step), tools=tools_of(step, loads), modules=loads, hidden=preload.hidden(step.tools),
        python=environment.python_of(project, step.environment), watch=watch,
    )  # fmt: skip


def tools_of(step: Step, loads: Collection[str]) -> Iterator[Tool]:
    """Give what is loaded for a step, in order; what is alone comes with its tool, so that all who need it share it."""
    for tool in preload.loaded(step.tools):
        yield tool
        if tool.name == 'torch' and not set(ALONE).isdisjoint(loads):
            yield Tool(ALONE[0], ALONE, tool.hidden)


def confined(project: Project) -> None:
    """Say once in a run what of confinement this system lacks; raises ToolError where the user insists on all of it."""
    with project.guard:
        lacking = confine.missing()
        if lacking and os.environ.get(REQUIRED):
            raise ToolError(f'{REQUIRED} is set, and this system has no {", ".join(lacking)}; see: modelkiln doctor')
        if lacking and 'confinement' not in project.facts:
            project.facts['confinement'] = ', '.join(lacking)
            said = '; '.join(f'no {layer}, else {confine.LAYERS[layer]}' for layer in lacking)
            terminal.note(f'  a step is less confined here than it could be: {said}')


def policy(project: Project, step: Step, folder: Path) -> Policy:
    """Return what a step may reach: its inputs to read, its output, its home and its answer to write.

    Only a fetch from outside reaches the network, and there its own hosts: it knows the answer's digest beforehand. A
    check for another machine has what was prepared for it, where its emulator also writes, and that has a server.
    """
    emulators = project.emulators(step)
    write = [str(folder / name) for name in ('out', 'home', ANSWERS)]
    if emulators:
        places = [place for each in emulators for place in each.writes]
        for place in places:
            Path(place).mkdir(mode=0o700, exist_ok=True)
        write += [str(project.foreign), *places]
    if keeps(step):
        write.append(str(kept(project, step)))
    outside = from_outside(step)
    if outside:
        write += spawn.pip_cache()
    if _from_hub(step):
        for place in spawn.hub_cache():
            Path(place).mkdir(parents=True, exist_ok=True)
            write.append(place)
    to = reach.of_fetch(step.params, step.hosts) if outside else reach.NOWHERE
    alone = listens(step.environment)
    return Policy((str(folder),), tuple(write), outside, to.hosts, to.nearby, bool(emulators), alone, LARGEST_FILE)


def limits(project: Project, step: Step) -> Limits:
    """Return what a step may use before it is stopped."""
    memory = min(filter(None, (step.memory, project.shared.all)), default=0)
    return Limits(step.timeout, memory, PROCESSES)


def expected_memory(project: Project, step: Step) -> int:
    """Return the bytes that a step is expected to need: its limit where a recipe sets one, else what it needed last."""
    stamp = project.stamp(step.id)
    last = project.store.find(stamp.key) if stamp and not step.memory else None
    return step.memory or (last.peak_memory_bytes if last else 0)


def cores(project: Project, step: Step) -> int:
    """Return how many cores a step keeps busy: none while it waits for the network, all where its kind says so."""
    if step.kind == fetch.KIND:
        return 0
    return project.shared.cores if getattr(importlib.import_module(step.module), 'ALL_CORES', False) else 1


def demands(project: Project, step: Step) -> str:
    """Return in words what keeps others waiting while a step works; empty where as many fit as there are cores."""
    many, memory = cores(project, step), expected_memory(project, step)
    told = [f'all {many} cores'] if many > 1 else []
    if memory > project.shared.all // max(project.shared.cores, 1):
        told.append(f'{"at most" if step.memory else "about"} {terminal.size_words(memory)}')
    return f'takes {" and ".join(told)}' if told else ''


def step_environment(project: Project, step: Step, folder: Path) -> dict[str, str]:
    """Return all of the environment that a step sees."""
    extra = dict(spawn.PATIENT)
    if from_outside(step):
        extra |= reach.pip_environment() if step.params['where'] == 'pip' else spawn.network_environment()
    if _from_hub(step):
        extra |= spawn.hub_environment()
    if step.kind == check.KIND:
        extra[FOREIGN_FOLDER] = str(project.foreign)
    return spawn.environment(folder / 'home', extra=extra)


def keeps(step: Step) -> bool:
    """Whether the step's module goes on from work that it kept outside of any result."""
    return bool(getattr(importlib.import_module(step.module), 'KEEPS', False))


def kept(project: Project, step: Step) -> Path:
    """Return the folder of such work."""
    return project.state / 'kept' / step.kind


def from_outside(step: Step) -> bool:
    """Whether a step fetches what does not lie in the project."""
    return step.kind == fetch.KIND and step.params['where'] != 'path'


def _from_hub(step: Step) -> bool:
    """Whether a step fetches from the Hugging Face hub, whose client has settings and a cache of its own."""
    return step.kind == fetch.KIND and step.params['where'] == 'hf'
