"""Is there a second copy of this package, which somebody edits, or runs, in the place of this one?

It happens in a clone: ``doit`` imports what lies beside dodo.py, ``modelkiln`` what was installed. Installed so that
both are one (``pip install -e .``), an edit counts for doit, for the processes of steps and for ``modelkiln`` alike.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Final

HOUSE: Final = Path(__file__).resolve().parent
MARK: Final = 'launch/worker.py'
"""A file that a folder called like ours has when it is ours."""


def others_of_us(root: Path) -> list[Path]:
    """Return copies of this package other than the one that runs, where the project at ``root`` holds one itself.

    In a project that holds none all that is run imports the same one.
    """
    if not (root / HOUSE.name / MARK).is_file():
        return []
    places = dict.fromkeys([root, *(Path(entry or '.') for entry in sys.path)])
    copies = ((place / HOUSE.name).resolve() for place in places if (place / HOUSE.name / MARK).is_file())
    return [folder for folder in dict.fromkeys(copies) if folder != HOUSE]


def warning(root: Path) -> str:
    """Return what to say where there is a second copy: which runs, where the other lies, what makes them one."""
    copies = others_of_us(root)
    if not copies:
        return ''
    where = ' and '.join(map(str, copies))
    return (
        f'two copies of Modelkiln: this is {HOUSE}; {where} is another; what is edited in one counts for nothing in '
        f'the other\n  make them one: pip install -e {root}'
    )
