"""What a step's module gets to see: one call of a source, a kind or a check, in a process of its own."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from stages.contract.port import Contract


@dataclass(frozen=True)
class Job:
    """One call of a module's ``run``."""

    inputs: Mapping[str, Path]
    """Role to path. ``model`` is the folder the step before left; ``calibrate`` an ``.npz`` of named arrays."""

    output: Path
    """An empty folder; what the module leaves here is the step's result."""

    contract: Contract
    """Of a kind: what the model it gets says of itself. Of a source: what the recipe says of the model, which is to be
    held against the file; without ports where the recipe leaves them out."""

    progress: Callable[[float, str], None]
    """Call with a fraction done (0 to 1) and a few words; optional on short work."""

    keep: Path | None = None
    """A folder of the kind's own that outlives the step: work that the next call goes on from, never a result."""
