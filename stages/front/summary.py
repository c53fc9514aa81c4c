"""One look for a run that has nothing to do: which recipes were wholly current, and what of the disk that hung on.

Everything that decides whether a recipe is current is a file, an installed package or the machine. When all of them
are as they were when the recipe was last found current, it is current still, and nothing needs to be read or planned.
Files count by their stat, as everywhere here; a summary that is lost or refused costs time, nothing else.
"""

from __future__ import annotations

import contextlib
import fnmatch
import hashlib
import os
import sys
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from stages.environments.place import shared_folder
from stages.store.records import read_record, write_record

NAME: Final = 'summary.json'
TOO_NEW_SECONDS: Final = 0.1
"""A file changed this recently may change once more within the clock's step; what is seen then is not kept."""

HOUSE: Final = Path(__file__).resolve().parents[1]
MACHINE: Final = ('/proc/sys/kernel/random/boot_id', '/sys/fs/cgroup/cpu.max', '/proc/meminfo')
"""What tells this machine, as it was started, from others, and says how much of it is ours: a line of each."""

Tasks = list[list[str]]
"""The tasks of a recipe that is current: the name and the words of each."""


class Unsure(Exception):
    """Something was found whose stat says too little: a link to a folder, or a machine that cannot be told."""


@dataclass(frozen=True)
class Seen:
    """What a run saw of the disk before it looked closer."""

    common: str
    recipes: Mapping[str, str]
    others: tuple[str, ...]
    """Places of code that is neither ours nor the project's, and that was looked at: kinds of other packages."""

    settled: bool
    """Whether none of it changed so recently that it may change once more without being noticed."""


def look(root: Path, recipes: Iterable[str] | None = None) -> Seen | None:
    """Return what there is now, of ``recipes`` or of all; None when it cannot be told from what was before."""
    looked, now = _Looked(), time.time_ns()
    kept = read_record(root / '.modelkiln' / NAME, {'others': list}) or {'others': []}
    others = tuple(map(str, kept['others']))
    try:
        common = looked.digest([*_common(root, looked), *(line for path in others for line in _code(path, looked))])
        names = _folders(root / 'artifacts') if recipes is None else recipes
        each = {name: looked.digest(_recipe(root, name, looked)) for name in names}
        return Seen(common, each, others, now - looked.newest > TOO_NEW_SECONDS * 1e9)
    except (OSError, Unsure):
        return None


def current(root: Path, asked: Sequence[str]) -> dict[str, Tasks] | None:
    """Return the tasks of every recipe that ``asked`` names (none: of all); None when not all of them are current."""
    kept = read_record(root / '.modelkiln' / NAME, {'common': str, 'all': list, 'recipes': dict})
    if kept is None:
        return None
    found: dict[str, Tasks] = {}
    try:
        asked = [name for one in asked for name in (_meant(kept['all'], one) if '*' in one else [one])]
        for name in dict.fromkeys(name.partition(':')[0] for name in asked or kept['all']):
            found[name] = [[task, words] for task, words in kept['recipes'][name]['tasks']]
        for name in asked:
            recipe, _, task = name.partition(':')
            if task and task not in [task for task, _ in found[recipe]]:
                return None
        before = {name: kept['recipes'][name]['seen'] for name in found}
    except (KeyError, TypeError, ValueError):  # not noted, or not as we note it
        return None
    seen = look(root, found)
    return found if seen is not None and (seen.common, seen.recipes) == (kept['common'], before) else None


def _meant(names: list[str], pattern: str) -> list[str]:
    """Return the recipes that a pattern means; KeyError where it means none, or variants."""
    found = fnmatch.filter(names, pattern)
    if not found:
        raise KeyError(pattern)
    return found


def keep(
    root: Path, seen: Seen | None, all_names: Iterable[str], tasks: Mapping[str, Tasks], others: Iterable[str] = ()
) -> None:
    """Note that the recipes in ``tasks``, of ``all_names``, are current, which follows from what was ``seen``.

    ``others`` are the places of other packages' code that the recipes hang on; where they are not those that were
    looked at, only they are noted, and the next run looks at them.
    """
    if seen is None or not seen.settled or not tasks:
        return
    wanted = tuple(sorted(others))
    recipes = {
        name: {'seen': seen.recipes[name], 'tasks': found}
        for name, found in tasks.items()
        if name in seen.recipes and wanted == seen.others
    }
    with contextlib.suppress(OSError):  # a project that is read only is looked at anew each time
        write_record(
            root / '.modelkiln' / NAME,
            {'common': seen.common, 'all': sorted(all_names), 'recipes': recipes, 'others': wanted},
        )


class _Looked:
    """Collects lines about files, and when the last of them changed."""

    def __init__(self) -> None:
        self.newest = 0

    def digest(self, lines: Iterable[str]) -> str:
        return hashlib.sha256('\n'.join(lines).encode('utf-8', 'surrogateescape')).hexdigest()

    def below(self, folder: str, *, follow: bool) -> Iterator[str]:
        """Yield a line for each file below ``folder``; ``follow`` tells what links mean from what they are."""
        try:
            entries = sorted(os.scandir(folder), key=lambda entry: entry.name)
        except FileNotFoundError:
            return
        for entry in entries:
            if entry.is_dir(follow_symlinks=False):
                if entry.name != '__pycache__':
                    yield from self.below(entry.path, follow=follow)
                continue
            if follow and entry.is_symlink() and entry.is_dir():
                raise Unsure
            stat = entry.stat(follow_symlinks=follow)
            self.newest = max(self.newest, stat.st_ctime_ns)
            yield f'{entry.path} {stat.st_mode} {stat.st_size} {stat.st_mtime_ns} {stat.st_ctime_ns} {stat.st_ino}'

    def file(self, path: str) -> Iterator[str]:
        with contextlib.suppress(OSError):
            stat = os.stat(path)  # noqa: PTH116  # as fast as can be: this is the whole of what such a run does
            self.newest = max(self.newest, stat.st_ctime_ns)
            yield f'{path} {stat.st_size} {stat.st_mtime_ns} {stat.st_ctime_ns} {stat.st_ino}'


def _common(root: Path, looked: _Looked) -> Iterator[str]:
    """Yield what every recipe hangs on: recipes/, our code, stamps, packages, programs, the machine."""
    state = root / '.modelkiln'
    yield sys.version
    yield sys.prefix
    yield from map(str, os.uname() if hasattr(os, 'uname') else ())
    yield from _machine()
    yield from looked.below(f'{root}/recipes', follow=True)
    yield from looked.below(str(HOUSE), follow=True)
    yield from looked.below(f'{root}/kinds', follow=True)
    for name in ('steps', 'foreign', 'environments'):
        yield from looked.below(f'{state}/{name}', follow=False) if name != 'environments' else _names(state / name)
    if shared := shared_folder():
        yield ' '.join(_names(shared))
    for name in ('artifacts', 'reports', 'store/tmp'):  # leavings and what is stale are a run's work
        yield ' '.join(_names(state / name))
    yield from looked.file(f'{root}/artifacts/index.html')  # made again when it is gone
    for folder in sys.path:
        found = [name for name in _names(Path(folder)) if name.endswith(('.dist-info', '.egg-info'))]
        if found:  # doit and a script of it have other folders of their own on the path
            yield ' '.join(found)
    for folder in os.environ.get('PATH', os.defpath).split(os.pathsep):  # a program that comes or goes changes it
        yield from looked.file(folder)


def _code(path: str, looked: _Looked) -> Iterator[str]:
    """Yield what there is of another package: a folder, or the one file that it is."""
    yield from looked.file(path) if path.endswith('.py') else looked.below(path, follow=True)


def _machine() -> Iterator[str]:
    boot, *rest = MACHINE
    try:
        yield _line(boot)
    except OSError:
        raise Unsure from None
    for path in rest:
        with contextlib.suppress(OSError):
            yield _line(path)
    yield str(sorted(os.sched_getaffinity(0)))


def _line(path: str) -> str:
    with open(path, encoding='ascii', errors='replace') as stream:  # noqa: PTH123
        return stream.readline()


def _recipe(root: Path, name: str, looked: _Looked) -> Iterator[str]:
    """Yield what a recipe alone hangs on: what it left, and what was noted of that."""
    yield from looked.below(f'{root}/artifacts/{name}', follow=False)
    yield from looked.below(f'{root}/.modelkiln/artifacts/{name}', follow=False)
    yield from looked.file(f'{root}/.modelkiln/reports/{name}.json')


def _folders(folder: Path) -> list[str]:
    try:
        return sorted(entry.name for entry in os.scandir(folder) if entry.is_dir(follow_symlinks=False))
    except OSError:
        return []


def _names(folder: Path) -> list[str]:
    try:
        return sorted(os.listdir(folder))
    except OSError:
        return []
