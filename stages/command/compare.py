"""Compare two builds: what got slower, worse or larger, and whether that is more than noise.

OLD and NEW are each a report.json, a folder with one, a folder of such folders (artifacts/), the name of a recipe, or
NAME@2: how that recipe was two builds ago. Only OLD: it is compared with what is in artifacts/ now. A name alone: its
last build with the one before. Exit code 5 when a recipe's `regression:` block is broken beyond the noise.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

from stages.atomic import write_text
from stages.errors import PromiseError, ToolError
from stages.execute.project import find_root
from stages.layout.history import accept, before
from stages.report.compare import Change, Comparison, compare
from stages.report.compare_page import compare_page
from stages.report.junit import junit
from stages.report.kept import NAME, Kept, read_kept
from stages.report.markdown import markdown
from stages.report.plain import plain
from stages.report.regression import Judged, judged

ARTIFACTS = 'artifacts'


@dataclass(frozen=True)
class Told:
    """One of two builds."""

    created: str
    chosen: str
    grade: str


@dataclass(frozen=True)
class TwoBuilds:
    """A recipe in two builds."""

    model: str
    old: Told
    new: Told
    notes: tuple[str, ...]
    changes: tuple[Change, ...]
    regression: Mapping[str, Any]
    judged: tuple[Judged, ...]


@dataclass(frozen=True)
class Compared:
    """What ``modelkiln compare --json`` prints."""

    format: Literal[1]
    comparisons: tuple[TwoBuilds, ...]


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument('old', metavar='OLD')
    parser.add_argument('new', metavar='NEW', nargs='?')
    form = parser.add_mutually_exclusive_group()
    form.add_argument('--markdown', action='store_true', help='as Markdown, for a pull request')
    form.add_argument('--json', action='store_true', help='every figure, for machines')
    form.add_argument('--accept', action='store_true', help='take the last build of the recipe OLD as good')
    parser.add_argument('--junit', metavar='FILE', type=Path, help="also write JUnit's XML, for CI")


def run(asked: argparse.Namespace) -> int:
    root = _root()
    if asked.accept:
        if root is None or asked.new:
            raise PromiseError('--accept takes the name of a recipe, in its project')
        accept(root, asked.old)
        print(f'{asked.old}: its last build is what later ones are held against')
        return 0
    names = _two(asked.old, asked.new)
    old, new = (builds(name, root) for name in names)
    found = [compare(old[model], new[model]) for model in old if model in new]
    if not found:
        raise PromiseError(f'the two have no recipe in common: {", ".join(old)}; {", ".join(new)}')
    if asked.junit:
        write_text(asked.junit, junit(found))
    print(_written(found, asked), end='')
    if not asked.json and (absent := sorted(set(old) ^ set(new))):
        print(f'\nOnly in one of the two: {", ".join(absent)}')
    lost = any(case.verdict == 'regressed' for one in found for case in judged(one, one.new.regression))
    return PromiseError.exit_code if lost else 0


def _written(found: list[Comparison], asked: argparse.Namespace) -> str:
    if asked.json:
        return json.dumps(asdict(Compared(1, tuple(map(_record, found)))), indent=1) + '\n'
    form = markdown if asked.markdown else plain
    return '\n'.join(form(compare_page(one)) for one in found)


def _record(one: Comparison) -> TwoBuilds:
    old, new = (Told(kept.created, kept.chosen, kept.grade) for kept in (one.old, one.new))
    asked = one.new.regression
    return TwoBuilds(one.new.model, old, new, one.notes, one.changes, dict(asked), judged(one, asked))


def builds(name: str, root: Path | None) -> dict[str, Kept]:
    """Return the builds that ``name`` stands for, by their recipe."""
    recipe, at, count = name.rpartition('@')
    if at and count.isdigit() and root is not None and not Path(name).exists():
        found = before(root, recipe, int(count))
        return {found.model: found}
    path = Path(name)
    if not path.exists() and root is not None:
        path = root / ARTIFACTS if name == ARTIFACTS else root / ARTIFACTS / name
    if path.is_dir() and not (path / NAME).is_file():
        below = sorted(path.glob(f'*/{NAME}'))
        if not below:
            raise PromiseError(f'{name}: no {NAME} in it, nor in a folder of it; `doit` makes them')
        return {found.model: found for found in map(read_kept, below)}
    if not path.exists():
        raise PromiseError(f'{name}: no such file or folder, and no recipe that has a report; `doit {name}` makes one')
    found = read_kept(path)
    return {found.model: found}


def _two(old: str, new: str | None) -> tuple[str, str]:
    if new is not None:
        return old, new
    if Path(old).exists():
        return old, ARTIFACTS
    recipe, at, _ = old.rpartition('@')
    return (old, recipe) if at else (f'{old}@1', old)


def _root() -> Path | None:
    """Two reports can be compared anywhere; names mean something in a project alone."""
    try:
        return find_root(Path.cwd())
    except ToolError:
        return None
