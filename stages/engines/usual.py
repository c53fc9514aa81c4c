"""The usual answers, for engines whose models run on any machine they are installed on: nothing is foreign."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Final

from stages.contract.engine import Emulator
from stages.errors import ToolError

FOREIGN: Final[Mapping[str, Emulator]] = {}


def foreign(folder: Path) -> str:
    """Run on this machine, whatever the model."""
    return ''


def made(folder: Path) -> tuple[str, ...]:
    """Need nothing for other machines."""
    return ()


def prepare_foreign(name: str, folder: Path) -> Path:
    """Refuse: no name is among ``FOREIGN``."""
    raise ToolError(f'{name}: this engine runs models on machines it is installed on, and on no other')
