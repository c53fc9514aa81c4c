"""Where dodo.py begins: a run that has nothing to do ends here, before recipes are read; others go on to the plan."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from stages import copies
from stages.front import summary
from stages.front.forgetful import NO_DATABASE
from stages.front.reporter import Reporter
from stages.store.modes import decide_modes
from stages.terminal import complain

if TYPE_CHECKING:
    from stages.execute.project import Project


@dataclass(frozen=True)
class Current:
    """Recipes that are wholly current, with their tasks: all that this run was asked for."""

    root: Path
    recipes: Mapping[str, summary.Tasks]


@dataclass(frozen=True)
class Opened:
    """A project that is to be looked at closer, and what was seen of the disk before."""

    project: Project
    seen: summary.Seen | None

    @property
    def root(self) -> Path:
        return self.project.root


def opened(root: Path) -> Current | Opened:
    """Return the project at ``root``; without any recipe that is right the run ends here, with nothing on disk."""
    if said := copies.warning(root):
        complain(said)
    names = _names(sys.argv[1:])
    found = summary.current(root, names) if names is not None else None
    if found is not None:
        return Current(root, found)
    from stages.front import tasks

    seen = summary.look(root)
    project = tasks.opened(root)
    tasks.refuse_unknown(project, names or ())
    return Opened(project, seen)


def settings(opened: Current | Opened) -> dict[str, Any]:
    """Return doit's settings."""
    if isinstance(opened, Opened):
        from stages.front import tasks

        return tasks.settings(opened.project)
    decide_modes(opened.root)
    return {**NO_DATABASE, 'reporter': Reporter(sys.stdout), 'verbosity': 0}


def tasks_of(opened: Current | Opened) -> Iterator[dict[str, Any]]:
    """Yield doit's tasks."""
    if isinstance(opened, Current):
        for recipe, tasks in opened.recipes.items():
            yield {'basename': recipe, 'name': None, 'doc': f'build, measure and report {recipe}'}
            for name, doc in tasks:
                yield {'basename': recipe, 'name': name, 'doc': doc, 'actions': [], 'uptodate': [True]}
        return
    from stages.front import tasks as planned

    yield from planned.tasks_of(opened.project)
    done = planned.finished(opened.project)
    plain = [name for name, recipe in opened.project.plan.recipes.items() if not recipe.group]
    summary.keep(opened.root, opened.seen, plain, done, planned.others_code(opened.project))
    with contextlib.suppress(OSError):
        opened.project.remembered.save()


def _names(arguments: list[str]) -> list[str] | None:
    """Return the tasks that a plain run asks for; None when it asks for more than to run them."""
    names, rest = [], list(arguments)
    while rest:
        argument = rest.pop(0)
        if argument == '-n' and rest and rest[0].isdigit():
            rest.pop(0)
        elif argument[:2] == '-n' and argument[2:].isdigit():
            continue
        elif argument[:1] in '-_' or '=' in argument or argument in COMMANDS:
            return None
        else:
            names.append(argument)
    return names


COMMANDS = (
    'clean',
    'dumpdb',
    'forget',
    'help',
    'ignore',
    'info',
    'list',
    'reset-dep',
    'run',
    'strace',
    'tabcompletion',
)
"""doit's own; a recipe of that name is looked at closer, and doit says what it thinks of it."""
