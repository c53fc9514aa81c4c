"""Makes our own package importable in an isolated Python, wherever it runs."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

HOUSE = Path(__file__).resolve().parents[1]
KINDS = 'kinds'
"""The folder of a project's own kinds, and the package that they are imported by."""


def open_house() -> None:
    """Let ``import stages`` mean the folder this file lies in.

    By its own path, not by that of the folder around it: ``-I`` keeps that off the path, a confined process may not
    look into it, and in a locked environment it would bring all that is installed beside us in the user's own.
    """
    if HOUSE.name in sys.modules:
        return
    spec = importlib.util.spec_from_file_location(HOUSE.name, HOUSE / '__init__.py')
    assert spec is not None and spec.loader is not None
    sys.modules[HOUSE.name] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(sys.modules[HOUSE.name])
    if HOUSE.parent.name != 'site-packages':
        sys.path.insert(0, str(HOUSE.parent))


def at_hand(folder: Path) -> None:
    """Let what this process starts find our package too: by its first file in ``folder``, which the process may read.

    The folder around our package is a project, or all that is installed beside us, and not the process's to look into.
    No link: a failed step leaves ``folder`` in the project, and what walks that through links (hatchling does) would
    meet our code, or a user's own packages, a second time and leave the first out.
    """
    package = folder / HOUSE.name
    package.mkdir(parents=True, exist_ok=True)
    (package / '__init__.py').write_text(f'{(HOUSE / "__init__.py").read_text()}\n__path__ = [{str(HOUSE)!r}]\n')
    sys.path[:] = [str(folder), *(path for path in sys.path if path != str(HOUSE.parent))]


def kinds_at_hand(folder: Path) -> None:
    """Let ``import kinds.x`` mean the file x.py in ``folder``, wherever that lies, also where another was imported.

    A step is forked from a process that may have looked at the project's own file: it runs the copy that its key names.
    """
    for name in [name for name in sys.modules if name.startswith(f'{KINDS}.')]:
        del sys.modules[name]
    package = ModuleType(KINDS)
    package.__path__ = [str(folder)]
    sys.modules[KINDS] = package
