"""What killed runs left behind: taken away by the next one, which shares nothing with them but the disk."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from stages.atomic import clear_parts
from stages.execute import environment
from stages.execute.project import Project
from stages.store.runs import clear_dead

RECORDS = ('', 'steps', 'artifacts', 'reports', 'history', 'store/results', 'store/samples')
"""Where below .modelkiln/ files are replaced in one step, and one folder further down."""


def clear_leavings(project: Project) -> None:
    """Remove temporary folders of runs that are gone, their half written files, and half made environments."""
    environment.clear_half_made(project)
    if clear_dead(project.store.tmp):  # else nobody was killed while he wrote
        clear_parts(written(project))


def written(project: Project) -> Iterator[Path]:
    """Yield the folders in which files are written under another name first."""
    for top in (*(project.state / name for name in RECORDS), project.root / 'artifacts'):
        yield top
        for below in _folders(top):
            yield below
            if top.name == 'artifacts':
                yield from _folders(below)


def _folders(top: Path) -> list[Path]:
    try:
        return [Path(entry.path) for entry in os.scandir(top) if entry.is_dir(follow_symlinks=False)]
    except OSError:
        return []
