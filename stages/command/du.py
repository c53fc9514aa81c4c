"""Say what takes how much below .modelkiln/ and artifacts/, and what `modelkiln gc` would free. Changes nothing."""

from __future__ import annotations

import argparse
import os
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from stages.command.usual import json_too, print_json
from stages.environments.place import shared_folder
from stages.execute import environment
from stages.execute.project import Project, find_root, open_project
from stages.layout.needed import SHARED, leftovers, needed_results, size_of
from stages.store.collect import blobs, results
from stages.store.runs import LOCK, alive, living_since
from stages.terminal import size_words


@dataclass(frozen=True)
class Used:
    """What ``modelkiln du --json`` prints: what takes how much."""

    bytes: Mapping[str, int]
    """By what it is."""

    total: int


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument('--bytes', action='store_true', help='numbers of bytes, for programs')
    json_too(parser)


def run(asked: argparse.Namespace) -> int:
    project = open_project(find_root(Path.cwd()))
    if asked.json:
        rows = {what: size for what, size, _ in usage(project)}
        print_json(Used(rows, sum(rows.values())))
        return 0
    total = 0
    for what, size, words in usage(project):
        total += size
        if size or asked.bytes:
            print(f'{_shown(size, asked):>12}  {what:<19} {words}'.rstrip())
    print(f'{_shown(total, asked):>12}  in all')
    return 0


def usage(project: Project) -> Iterator[tuple[str, int, str]]:
    """Yield what there is, its bytes, and what it is in words."""
    now, store, state = time.time(), project.store, project.state
    needed = needed_results(project, living=living_since(store.tmp, now) < now)
    used: set[str] = set()
    for one in results(store):
        if one.result and one.path.stem in needed:
            used |= {file.sha256 for file in one.result.files.values()}
    sizes = [(path.name in used, size) for path, size in blobs(store)]
    left: dict[str, int] = {}
    for gone in leftovers(project):
        left[gone.what] = left.get(gone.what, 0) + size_of(gone.path)
    yield 'stored files', sum(size for reached, size in sizes if reached), 'results that the recipes reach'
    yield 'not reached', sum(size for reached, size in sizes if not reached), 'other results; `modelkiln gc` frees them'
    yield 'damaged', size_of(store.folder / 'damaged'), 'set aside; `modelkiln gc` frees it'
    yield 'records', _below(store.folder / 'results') + _below(state / 'steps') + _below(state / 'lineage'), ''
    yield 'samples', _below(store.folder / 'samples'), _of_which(left, 'samples')
    yield 'environments', _below(state / 'environments'), _of_which(left, 'environments')
    yield SHARED, sum(map(size_of, environment.shared_ones())), f'of all your projects, in {shared_folder()}'
    yield 'kept', _below(state / 'kept'), 'what kinds go on with, as tuning records'
    yield 'foreign', _below(state / 'foreign'), 'emulators for other machines'
    yield 'logs', _below(state / 'logs'), _of_which(left, 'logs')
    yield 'repeated steps', _below(state / 'repeat'), 'of `modelkiln repeat`'
    yield 'temporary', _temporary(store.tmp, living=True), 'of runs that live'
    yield 'dead', _temporary(store.tmp, living=False), 'of runs that were killed; the next run frees it'
    yield 'artifacts', _below(project.root / 'artifacts'), 'to deploy, and reports'


def _temporary(tmp: Path, *, living: bool) -> int:
    names = {name.removesuffix(LOCK) for name in _names(tmp)}
    return sum(size_of(tmp / name) for name in names if alive(tmp, name) == living)


def _of_which(left: dict[str, int], what: str) -> str:
    return f'{size_words(left[what])} of it of what is gone' if left.get(what) else ''


def _below(folder: Path) -> int:
    return size_of(folder) if folder.is_dir() else 0


def _names(folder: Path) -> list[str]:
    try:
        return os.listdir(folder)
    except OSError:
        return []


def _shown(size: int, asked: argparse.Namespace) -> str:
    return str(size) if asked.bytes else size_words(size)
