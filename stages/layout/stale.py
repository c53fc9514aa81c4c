"""Artifacts that no recipe asks for any more: found by what we noted when we delivered them, and taken away again.

Only files that are as we left them are ours to take. What somebody changed or added stays, and is named.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from stages import terminal
from stages.execute.project import Project
from stages.layout.artifact import altered, changed, lock_of, read_delivered
from stages.layout.pages import read_reported
from stages.store.locks import locked


@dataclass(frozen=True)
class Stale:
    """What was delivered of a variant, or written of a recipe (``variant`` is empty then), that is gone."""

    recipe: str
    variant: str
    folder: Path
    record: Path
    ours: tuple[str, ...]
    """Files that are as we left them."""

    theirs: tuple[str, ...] = ()
    """Files that somebody changed or added: they stay."""

    @property
    def name(self) -> str:
        return f'{self.recipe}:{self.variant}' if self.variant else f'{self.recipe}:report'


def stale(project: Project) -> list[Stale]:
    """Return what the next full ``doit`` takes away: what was delivered and no recipe asks for. Changes nothing.

    What is gone of a recipe that still is goes with ``doit RECIPE`` as well.
    """
    if project.wrong:
        return []  # whose it is, a recipe that cannot be read does not say
    # a variant that is left out for now, because a tool is missing, is still asked for
    wanted = {
        recipe: {build.variant.name for build in builds} | {*project.left_out.get(recipe, ())}
        for recipe, builds in project.plan.builds.items()
    }
    found: list[Stale] = []
    notes = f'{project.state}/artifacts'
    for recipe in _noted(notes, ''):
        for variant in _noted(f'{notes}/{recipe}', '.json'):
            if variant not in wanted.get(recipe, ()):
                found += _variant(project, recipe, variant, Path(notes, recipe, f'{variant}.json'))
    for recipe in _noted(f'{project.state}/reports', '.json'):
        if recipe not in wanted:
            found += _report(project, recipe, project.state / 'reports' / f'{recipe}.json')
    return sorted(found, key=lambda one: (one.recipe, not one.variant, one.variant))


def take_away(project: Project, gone: Stale) -> None:
    """Remove what is ours of it, folders that are empty then, and the note; say what stays."""
    with locked(lock_of(project, gone.recipe, gone.variant)):
        for name in gone.ours:
            (gone.folder / name).unlink(missing_ok=True)
        for base, _, _ in [*os.walk(gone.folder, topdown=False)]:
            _drop_empty(Path(base))
        _drop_empty(gone.folder.parent if gone.variant else gone.folder)
        gone.record.unlink(missing_ok=True)
        _drop_empty(gone.record.parent)
    terminal.note(f'  gone    {gone.name}')
    for name in gone.theirs:
        place = (gone.folder / name).relative_to(project.root)
        terminal.note(f'          {place} is not as it was delivered, so it stays')


def _variant(project: Project, recipe: str, variant: str, record: Path) -> Iterator[Stale]:
    folder = project.root / 'artifacts' / recipe / variant
    read = read_delivered(record)
    if read is None:  # broken: nothing says what of it is ours
        return
    if folder.is_symlink():
        yield Stale(recipe, variant, folder, record, (), ('',))
        return
    other = altered(folder, read['files'])
    theirs = tuple(name for name in other if os.path.lexists(folder / name))
    yield Stale(recipe, variant, folder, record, tuple(sorted(read['files'].keys() - set(other))), theirs)


def _report(project: Project, recipe: str, record: Path) -> Iterator[Stale]:
    folder = project.root / 'artifacts' / recipe
    read = read_reported(record)
    if read is not None:
        wrong = {name for name, file in read['files'].items() if changed(folder / name, file)}
        theirs = tuple(name for name in sorted(wrong) if os.path.lexists(folder / name))
        yield Stale(recipe, '', folder, record, tuple(sorted(read['files'].keys() - wrong)), theirs)


def _noted(folder: str, ending: str) -> list[str]:
    try:
        return [name.removesuffix(ending) for name in os.listdir(folder) if name.endswith(ending)]
    except OSError:
        return []


def _drop_empty(folder: Path) -> None:
    with contextlib.suppress(OSError):
        folder.rmdir()
