"""Makes our own package, and nothing else, importable in an isolated Python, wherever it runs."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path

HOUSE = Path(__file__).resolve().parents[1]


def open_house() -> None:
    """Let ``import stages`` find the folder this file lies in: ``-I`` keeps the project's folder off the path."""
    if HOUSE.parent.name != 'site-packages':
        sys.path.insert(0, str(HOUSE.parent))
    elif importlib.util.find_spec(HOUSE.name) is None:
        # In a locked environment: our package alone, not what is installed beside it in the user's own.
        spec = importlib.util.spec_from_file_location(HOUSE.name, HOUSE / '__init__.py')
        assert spec is not None and spec.loader is not None
        sys.modules[HOUSE.name] = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(sys.modules[HOUSE.name])
