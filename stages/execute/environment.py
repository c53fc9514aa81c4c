"""Make locked environments: once each, on first need, below .modelkiln/; the user's own is never changed."""

from __future__ import annotations

import re
import shutil
import sys
import time
from collections.abc import Callable
from pathlib import Path

from stages import spawn, terminal
from stages.atomic import write_text
from stages.confine import Policy
from stages.digest import file_digest
from stages.environments import cpython, lock_file, takes
from stages.environments import locked as packages
from stages.errors import ToolError
from stages.execute import pythons, reach, show
from stages.execute.project import Project
from stages.launch import Limits
from stages.store.locks import locked, unless_locked
from stages.store.logs import settle, tail
from stages.store.runs import remove

HALF_MADE = re.compile(r'-[0-9a-f]{12}-py[0-9.]+$')
"""What the name of a folder has behind the name of its environment."""

TIMEOUT = 3600.0
MADE = 'made.json'
"""Written last: a folder without it was left half made, and is made again."""


def folder_of(project: Project, name: str) -> Path:
    """Return where ``name`` lies. Another lock file or another Python is another folder, so old ones go on working."""
    python = cpython(name) or '.'.join(map(str, sys.version_info[:2]))
    return project.state / 'environments' / f'{name}-{digest_of_lock(project, name)[:12]}-py{python}'


def _lock(project: Project, name: str) -> Path:
    return project.state / 'locks' / f'environment.{name}'


def digest_of_lock(project: Project, name: str) -> str:
    return project.remembered.of('sha256', lock_file(name), file_digest)


def is_made(project: Project, name: str) -> bool:
    return (folder_of(project, name) / MADE).is_file()


def clear_half_made(project: Project) -> None:
    """Remove what a killed run left half made; what another one is making right now stays."""
    for folder in (project.state / 'environments').glob('*'):
        if not (folder / MADE).is_file():
            name = HALF_MADE.sub('', folder.name)
            with unless_locked(_lock(project, name)) as free:
                if free and not (folder / MADE).is_file():
                    remove(folder)


def interpreter(name: str) -> str:
    """Return the Python that the environment ``name`` is made with: our own, or the CPython that its lock names.

    Raises ToolError, saying how to get it, where this machine does not have that one.
    """
    wanted = cpython(name)
    if not wanted or wanted == '.'.join(map(str, sys.version_info[:2])):
        return sys.executable
    found = pythons.find(wanted)
    if found is None:
        raise ToolError(f'the environment {name} needs CPython {wanted}, which is not here\n  {pythons.remedy(wanted)}')
    return found


def python_of(project: Project, name: str) -> str:
    """Return the interpreter of the environment ``name``; of our own when it is empty."""
    return str(folder_of(project, name) / 'bin' / 'python') if name else sys.executable


def _progress(name: str, log: Path, count: int) -> Callable[[], None]:
    """Return what says how far pip is, by the packages that it names in its log; without a terminal now and then."""
    said = time.monotonic()

    def watch() -> None:
        nonlocal said
        if not terminal.moving() and time.monotonic() - said < show.QUIET_SECONDS:
            return
        said = time.monotonic()
        found = sum(line.startswith('Collecting ') for line in log.read_text('utf-8', 'replace').splitlines())
        work = terminal.Work(f'making the environment {name}: {found} of {count} packages')
        if terminal.moving():
            terminal.working(f'environment {name}', work)
        else:
            terminal.note(str(work))

    return watch


def make(project: Project, name: str) -> None:
    """Make the environment ``name`` unless it is there. Raises ToolError with pip's words; nothing half made counts."""
    folder = folder_of(project, name)
    if name in project.broken_environments:  # asked for again in this run, by the next step that needs it
        raise ToolError(project.broken_environments[name])
    with locked(_lock(project, name)):
        if is_made(project, name):
            return
        base = interpreter(name)
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        log = project.state / 'logs' / f'environment-{name}.log'
        log.parent.mkdir(parents=True, exist_ok=True)
        log.write_bytes(b'')
        count, room = len(packages(name)), f', {takes(name)} on disk' if takes(name) else ''
        terminal.note(f'  ...     making the environment {name}: {count} packages{room}, once for all recipes')
        pip = ['-m', 'pip', 'install', '--no-deps', '--require-hashes', '--disable-pip-version-check', '--no-input']
        to = reach.of_environment()
        policy = Policy((), (str(folder), *spawn.pip_cache()), True, to.hosts, to.nearby)
        for argv in (
            [base, '-m', 'venv', str(folder)],
            [python_of(project, name), *pip, '-r', str(lock_file(name))],
        ):
            env = spawn.environment(folder, extra=reach.pip_environment())
            watch = _progress(name, log, count)
            ended = project.launcher.program(argv, folder, log, env, policy, Limits(TIMEOUT), watch=watch)
            settle(log)
            if ended:
                said = tail(log, 6)
                msg = (
                    f'the environment {name} cannot be made: {argv[0]} {ended}\n'
                    + ''.join(f'    {line}\n' for line in said)
                    + f'  log: {log.relative_to(project.root)}; try again with: modelkiln doctor --make {name}'
                )
                project.broken_environments[name] = msg
                raise ToolError(msg)
        write_text(folder / MADE, '{}\n')
        terminal.note(f'  built   environment {name}')
