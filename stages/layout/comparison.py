"""Write the one page of a group of recipes: ``artifacts/<group>/report.html``, ``.md`` and ``.json``."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from stages import terminal
from stages.atomic import write_text
from stages.execute import tools
from stages.execute.project import Project
from stages.report.kept import NAME
from stages.report.measured import read_measured, read_told


def groups(project: Project) -> dict[str, list[str]]:
    """Return the recipes of each group, in the order of their files."""
    found: dict[str, list[str]] = {}
    for name, recipe in project.plan.recipes.items():
        if recipe.group:
            found.setdefault(recipe.group, []).append(name)
    return found


def write_comparison(project: Project, group: str, recipes: Sequence[str]) -> None:
    """Write the page from the reports that are there; raise nothing for those that are not: it says which."""
    from stages.report import DRAW
    from stages.report.comparison import comparison
    from stages.report.html import html
    from stages.report.markdown import markdown

    found = {name: read for name in recipes if (read := _report(project.root / 'artifacts' / name / NAME))}
    rows = [row for read in found.values() for row in read_measured(read, f'{group}-')]
    drawn = all(version != tools.MISSING for version in tools.versions(DRAW, project.installed).values())
    page = comparison(group, rows, [read_told(read, f'{group}-') for read in found.values()], draw=drawn)
    folder = project.root / 'artifacts' / group
    folder.mkdir(parents=True, exist_ok=True)
    write_text(folder / 'report.md', markdown(page))
    document = {'format': 1, 'group': group, 'recipes': list(found), 'rows': [asdict(row) for row in rows]}
    write_text(folder / 'comparison.json', json.dumps(document, indent=1) + '\n')
    if drawn:
        write_text(folder / 'report.html', html(page))
    for name in recipes:
        if name not in found:
            terminal.note(f'  {group}: {name} has no report, and is not on the page')
    project.reports.append(f'artifacts/{group}/report.{"html" if drawn else "md"}')
    terminal.note(f'  report  {project.reports[-1]}')


def _report(path: Path) -> Mapping[str, Any] | None:
    try:
        read: Mapping[str, Any] = json.loads(path.read_text('utf-8'))
    except (OSError, ValueError):
        return None
    return read if isinstance(read.get('rows'), list) else None
