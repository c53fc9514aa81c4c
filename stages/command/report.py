"""Print a recipe's last report in the terminal, and where its page is."""

from __future__ import annotations

import argparse
from pathlib import Path

from stages.errors import PromiseError
from stages.execute.project import find_root


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument('recipe', nargs='*', help='default: every recipe that has one')


def run(asked: argparse.Namespace) -> int:
    artifacts = find_root(Path.cwd()) / 'artifacts'
    names = asked.recipe or sorted(path.parent.name for path in artifacts.glob('*/report.md'))
    if not names:
        raise PromiseError('no report yet; `doit` makes them')
    for name in names:
        page = artifacts / name / 'report.md'
        if not page.is_file():
            raise PromiseError(f'{name}: no report yet; `doit {name}` makes it')
        print(page.read_text())
        print(f'The page: {page.with_suffix(".html")}')
    return 0
