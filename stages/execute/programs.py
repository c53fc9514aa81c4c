"""Programs of the system that a step calls: those that no package of Python brings."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterable
from pathlib import Path

from stages.execute.tools import MISSING
from stages.store.files import Remembered


def versions(names: Iterable[str], remembered: Remembered) -> dict[str, str]:
    """Return what each program says of its version; ``missing`` where there is none on the PATH."""
    found = {name: shutil.which(name) for name in names}
    return {
        name: remembered.of('version', Path(path).resolve(), _version) if path else MISSING
        for name, path in found.items()
    }


def _version(path: Path) -> str:
    done = subprocess.run([path, '--version'], capture_output=True, text=True, errors='replace', check=False)
    return (done.stdout.splitlines() or [''])[0].strip()
