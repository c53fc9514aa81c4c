"""Make locked environments: once each, on first need, for all projects of a user; the user's own is never changed.

They lie in the user's cache, or below .modelkiln/ where he has none, or where one was made there before. Each has two
locks: whoever makes one or takes one away holds the first alone; a run that uses one holds the second with others.
"""

from __future__ import annotations

import contextlib
import os
import re
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from stages import spawn, terminal
from stages.atomic import write_text
from stages.confine import Policy, missing
from stages.digest import file_digest
from stages.environments import cpython, listens, lock_file, takes
from stages.environments import locked as packages
from stages.environments.place import shared_folder
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
"""Written last: a folder without it was left half made, and is made again. Its time is that of the last use."""

LOCKS = '.locks'


def folder_of(project: Project, name: str) -> Path:
    """Return where ``name`` lies. Another lock file or another Python is another folder, so old ones go on working."""
    python = cpython(name) or '.'.join(map(str, sys.version_info[:2]))
    full = f'{name}-{digest_of_lock(project, name)[:12]}-py{python}'
    own, shared = _own(project) / full, shared_folder()
    # a home may be one of several machines
    return own if shared is None or (own / MADE).is_file() else shared / f'{full}-{os.uname().machine}'


def digest_of_lock(project: Project, name: str) -> str:
    return project.remembered.of('sha256', lock_file(name), file_digest)


def is_made(project: Project, name: str) -> bool:
    """Whether ``name`` is there to be used, and so is the Python that it was made with."""
    return _is_whole(folder_of(project, name))


def shared_ones() -> Iterator[Path]:
    """Give the environments that projects of this user share, also half made ones."""
    yield from _below(shared_folder())


def last_used(folder: Path) -> float:
    """Return when a run last began to use an environment."""
    with contextlib.suppress(OSError):
        return (folder / MADE).stat().st_mtime
    return 0.0


def clear_half_made(project: Project) -> None:
    """Remove what a killed run left half made; what another one is making right now stays."""
    for folder in (*_below(_own(project)), *shared_ones()):
        if not (folder / MADE).is_file():
            with unless_locked(_making(project, folder)) as free:
                if free and not (folder / MADE).is_file():
                    remove(folder)


def take_away(project: Project, folder: Path) -> bool:
    """Remove an environment that no run makes or uses; say whether it is gone."""
    with unless_locked(_making(project, folder)) as unmade, unless_locked(_using(project, folder)) as unused:
        if not (unmade and unused):
            return False
        (folder / MADE).unlink(missing_ok=True)  # first: what is half gone counts as half made
        return remove(folder)


def _own(project: Project) -> Path:
    return project.state / 'environments'


def _below(place: Path | None) -> list[Path]:
    try:
        return [path for path in sorted(place.iterdir()) if path.name[0] != '.'] if place else []
    except OSError:
        return []


def _is_whole(folder: Path) -> bool:
    return (folder / MADE).is_file() and (folder / 'bin' / 'python').exists()


def _making(project: Project, folder: Path) -> Path:
    if folder.parent == _own(project):
        return project.state / 'locks' / f'environment.{HALF_MADE.sub("", folder.name)}'
    return folder.parent / LOCKS / folder.name


def _using(project: Project, folder: Path) -> Path:
    made = _making(project, folder)
    return made.with_name(f'{made.name}.used')


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
    """Make the environment ``name`` unless it is there, and keep it as long as this run lives.

    Raises ToolError with pip's words; nothing half made counts.
    """
    folder = folder_of(project, name)
    if folder in project.used_environments:
        return
    if listens(name) and 'namespaces' in missing() and 'seccomp' not in missing():
        raise ToolError(
            f'the environment {name} needs a network of its own, in which it talks to itself; this system gives a step '
            'none (namespaces)\n  see: modelkiln doctor'
        )
    if name in project.broken_environments:  # asked for again in this run, by the next step that needs it
        raise ToolError(project.broken_environments[name])
    if _is_whole(folder) and not os.access(folder.parent, os.W_OK):  # of an image, say
        project.used_environments.add(folder)
        return
    with locked(_making(project, folder), waiting=f'another run makes or looks at the environment {name}'):
        if not _is_whole(folder):
            _make(project, name, folder)
        with project.guard:
            if folder not in project.used_environments:
                project.used_environments.add(folder)
                project.held.enter_context(locked(_using(project, folder), shared=True))
                with contextlib.suppress(OSError):
                    os.utime(folder / MADE)


def _make(project: Project, name: str, folder: Path) -> None:
    base = interpreter(name)
    (folder / MADE).unlink(missing_ok=True)
    remove(folder)
    folder.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    folder.mkdir()
    log = project.state / 'logs' / f'environment-{name}.log'
    log.parent.mkdir(parents=True, exist_ok=True)
    log.write_bytes(b'')
    count, room = len(packages(name)), f', {takes(name)} on disk' if takes(name) else ''
    whom = 'recipes' if folder.parent == _own(project) else 'projects'
    terminal.note(f'  ...     making the environment {name}: {count} packages{room}, once for all {whom}')
    pip = ['-m', 'pip', 'install', '--no-deps', '--require-hashes', '--disable-pip-version-check', '--no-input']
    to = reach.of_environment()
    policy = Policy((), (str(folder), *spawn.pip_cache()), True, to.hosts, to.nearby)
    try:
        for argv in (
            [base, '-m', 'venv', str(folder)],
            [str(folder / 'bin' / 'python'), *pip, '-r', str(lock_file(name))],
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
    finally:
        terminal.working(f'environment {name}', None)
    _read_only(folder)
    write_text(folder / MADE, '{}\n')
    terminal.note(f'  built   environment {name}')


def _read_only(folder: Path) -> None:
    """Take away the right to write to anything that was installed: it is of several projects now."""
    for base, folders, files in os.walk(folder / 'lib'):
        for path in (Path(base, name) for name in (*folders, *files)):
            if not path.is_symlink():
                path.chmod(path.stat().st_mode & ~0o222)
