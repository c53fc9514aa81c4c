"""Modelkiln: recipes become cached artifacts and a report that says which one to ship; ``load`` runs one."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import os

    from stages.deliver.load import Model

__version__ = '0.1.0'
__all__ = ['load']


def load(
    folder: str | os.PathLike[str],
    *,
    threads: int | None = None,
    options: Mapping[str, Any] | None = None,
    floats: bool = False,
) -> Model:
    """Return the artifact in ``folder``, ready to run: see ``stages.deliver.load``."""
    from stages.deliver import load as delivered

    return delivered.load(folder, threads=threads, options=options, floats=floats)
