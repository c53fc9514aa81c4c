"""A kind of one's own, from a template, in the project's folder kinds/."""

from __future__ import annotations

import re
from pathlib import Path

from stages.begin import files
from stages.begin.confined import scratch
from stages.begin.project import Made
from stages.errors import RecipeError
from stages.execute.project import find_root
from stages.kinds import KINDS


def new_kind(name: str, start: Path) -> Made:
    """Write kinds/NAME.py into the project that ``start`` lies in. Raises RecipeError where the word is taken."""
    root = find_root(start)
    if not re.fullmatch(r'[a-z][a-z0-9]*(-[a-z0-9]+)*', name):
        raise RecipeError(f'the kind {name!r}: expected small letters and digits, in words with `-` between them')
    if name in KINDS:
        raise RecipeError(f'{name} is a kind already: modelkiln kinds {name}')
    file = f'kinds/{name.replace("-", "_")}.py'
    files.refuse_taken(root, [file])
    with scratch(root) as place:
        staged = place.folder / 'staged'
        files.write_all(staged, {file: files.template('kind.py.txt', kind=name)})
        return Made(root, tuple(files.place_all(staged, root)), '', None)
