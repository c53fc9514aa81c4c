"""How each recipe came out, build by build: small, beside the store, and not of what ``doit clean`` empties."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from stages.errors import PromiseError
from stages.execute.project import STATE, Project
from stages.report.compare import compare
from stages.report.kept import NAME, Kept, kept_of, small
from stages.report.regression import regressed
from stages.store.locks import locked
from stages.store.records import read_record, write_record

MOST = 50
"""Builds of a recipe that are remembered."""


def note(project: Project, recipe: str, key: str) -> list[str]:
    """Add the report in place to the history, and return what got worse than its ``regression:`` block allows.

    It is held against the last build that was kept, or accepted. A report that is written anew of the same results,
    under the same ``key``, is the same build. What got worse stays worse until it is mended or accepted.
    """
    read = json.loads((project.root / 'artifacts' / recipe / NAME).read_text(encoding='utf-8'))
    with locked(project.state / 'locks' / f'history.{recipe}'):
        builds = _builds(project.root, recipe)
        before = builds.pop() if builds and builds[-1]['key'] == key else None
        accepted = bool(before and before['accepted'])
        reference = next((one for one in reversed(builds) if one['kept'] or one['accepted']), None)
        new = kept_of(read)
        lost = [] if accepted or reference is None else regressed(compare(reference_of(reference), new), new.regression)
        builds.append({'key': key, 'kept': not lost, 'accepted': accepted, 'report': small(read)})
        write_record(_path(project.root, recipe), {'builds': builds[-MOST:]})
    return [f'{words}; `modelkiln compare {recipe} --accept` takes it as it is' for words in lost]


def accept(root: Path, recipe: str) -> None:
    """Take the last build as good: later ones are held against it."""
    with locked(root / STATE / 'locks' / f'history.{recipe}'):
        builds = _builds(root, recipe)
        if not builds:
            raise PromiseError(f'{recipe}: no build is remembered; `doit {recipe}` makes one')
        builds[-1]['accepted'] = True
        write_record(_path(root, recipe), {'builds': builds})


def before(root: Path, recipe: str, count: int) -> Kept:
    """Return how a recipe came out ``count`` builds before the last; raises PromiseError when that is not known."""
    builds = _builds(root, recipe)
    if len(builds) <= count:
        known = f'{len(builds)} build{"s are" if len(builds) != 1 else " is"} remembered'
        raise PromiseError(f'{recipe}@{count}: not known, since {known} of {recipe}')
    return reference_of(builds[-1 - count])


def last_two(root: Path, recipe: str) -> tuple[Kept | None, Kept | None]:
    """Return the build before the last, and the last, as far as they are remembered."""
    builds = [None, None, *map(reference_of, _builds(root, recipe)[-2:])]
    return builds[-2], builds[-1]


def reference_of(build: dict[str, Any]) -> Kept:
    """Return what is remembered of a build."""
    return kept_of(build['report'])


def _builds(root: Path, recipe: str) -> list[dict[str, Any]]:
    """The builds, oldest first; one that cannot be read is as if it were not there."""
    read = read_record(_path(root, recipe), {'builds': list})
    return [one for one in read['builds'] if _sound(one)] if read else []


def _sound(one: Any) -> bool:
    try:
        kept_of(one['report'])
        return isinstance(one['key'], str) and isinstance(one['kept'], bool) and isinstance(one['accepted'], bool)
    except (AttributeError, KeyError, TypeError, ValueError):
        return False


def _path(root: Path, recipe: str) -> Path:
    return root / STATE / 'history' / f'{recipe}.json'
