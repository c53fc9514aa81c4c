"""Print the sha256 of a file or a folder, as a recipe gives it.

Of a folder it is the sha256 of a text with one line for each file below it, sorted by name: the sha256 of the file,
its size in bytes and its name relative to the folder with `/`, a space between them. Links are refused.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from stages.digest import path_digest
from stages.errors import RecipeError


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument('path', nargs='+', type=Path, help='a file or a folder')


def run(asked: argparse.Namespace) -> int:
    for path in asked.path:
        if not path.exists():
            raise RecipeError(f'{path}: there is no such file or folder')
        print(f'{path_digest(path)}  {path}')
    return 0
