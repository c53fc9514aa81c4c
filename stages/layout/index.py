"""Write ``artifacts/index.html``: every recipe that has a report, on one page."""

from __future__ import annotations

from pathlib import Path

from stages.atomic import write_text
from stages.errors import PromiseError
from stages.execute import tools
from stages.execute.project import Project
from stages.layout.history import last_two
from stages.report.index import Entry, index
from stages.report.kept import NAME, read_kept
from stages.store.locks import locked

PAGE = 'index.html'


def write_index(project: Project) -> None:
    """Write the index anew; take it away where there is no report, or nothing to draw it with."""
    from stages.report.html import html

    path = project.root / 'artifacts' / PAGE
    drawn = tools.versions(('jinja2',), project.installed)['jinja2'] != tools.MISSING
    # Read under the lock: whoever writes last has seen what all others wrote before.
    with locked(project.state / 'locks' / 'index'):
        entries = [one for one in map(_entry, _reports(project.root)) if one] if drawn else []
        if entries:
            write_text(path, html(index(entries)))
        else:
            path.unlink(missing_ok=True)


def mend_index(project: Project) -> None:
    """Write the index where somebody took it away."""
    if not (project.root / 'artifacts' / PAGE).exists() and _reports(project.root):
        write_index(project)


def _reports(root: Path) -> list[Path]:
    return sorted((root / 'artifacts').glob(f'*/{NAME}'))


def _entry(path: Path) -> Entry | None:
    """A recipe's line; none of a report that is broken: its own recipe is written anew by the next run."""
    recipe = path.parent.name
    try:
        found = read_kept(path)
    except PromiseError:
        return None
    before, last = last_two(path.parents[2], recipe)
    pages = [name for name in ('report.html', 'report.md') if (path.parent / name).exists()]
    # Until it is in the history, the last build that is remembered is the one before.
    old = before if last is not None and last.created == found.created else last
    return Entry(recipe, found, old, f'{recipe}/{(pages or [NAME])[0]}')
