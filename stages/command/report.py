"""Print a recipe's last report in the terminal: the verdict, its facts and a table; --all prints the whole."""

from __future__ import annotations

import argparse
from pathlib import Path

from stages.errors import PromiseError
from stages.execute.project import find_root
from stages.report.brief import brief
from stages.report.kept import NAME, read_kept
from stages.report.plain import plain


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument('recipe', nargs='*', help='default: every recipe that has one')
    parser.add_argument('--all', action='store_true', help='the whole report, as Markdown')


def run(asked: argparse.Namespace) -> int:
    artifacts = find_root(Path.cwd()) / 'artifacts'
    names = asked.recipe or sorted(path.parent.name for path in artifacts.glob(f'*/{NAME}'))
    if not names:
        raise PromiseError('no report yet; `doit` makes them')
    for name in names:
        folder = artifacts / name
        if not (folder / NAME).is_file():
            raise PromiseError(f'{name}: no report yet; `doit {name}` makes it')
        print((folder / 'report.md').read_text(encoding='utf-8') if asked.all else plain(brief(read_kept(folder))))
        print(f'The page: {_page(folder)}\n')
    if len(names) > 1 and (artifacts / 'index.html').exists():
        print(f'All of them: {artifacts / "index.html"}')
    return 0


def _page(folder: Path) -> Path:
    """The page with charts; without what draws it, the text."""
    drawn = folder / 'report.html'
    return drawn if drawn.exists() else folder / 'report.md'
