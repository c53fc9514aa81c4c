"""A model as its files tell it: format, ports, operators, sizes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from stages.contract.port import Contract


@dataclass(frozen=True)
class File:
    """One file or folder of a model."""

    place: str
    """Its name among those it belongs to; empty: a folder, as it is."""

    path: Path
    size: int
    """Bytes, of a folder with all below."""

    sha256: str


@dataclass(frozen=True)
class Model:
    """What a model file says of itself, and what running it showed."""

    format: str
    files: tuple[File, ...]
    options: Mapping[str, Any]
    """What its source was told beside the files."""

    contract: Contract | None
    """None: the files tell no ports, as those of weights."""

    operators: Mapping[str, int] = field(default_factory=dict)
    holds: tuple[Mapping[str, Any], ...] = ()
    """Of files of weights: what they hold."""

    sizes: Mapping[str, int] = field(default_factory=dict)
    """Sizes of what the file leaves open at which it answered."""

    batch_shown: bool = False
    """Running it showed that the first axis counts samples; the file does not say so."""

    unrun: str = ''
    """Why it could not be run to see that, if it could not."""

    folder: Path | None = None
    """The model as its source leaves it, while the scratch folder lasts."""

    function: str = ''
    """Of Python that builds the model, which is the first of the files."""

    @property
    def weights_alone(self) -> bool:
        """Whether nothing says what computes with them."""
        return self.contract is None and not self.function

    @property
    def python(self) -> File | None:
        """The Python that builds it, if any does."""
        return self.files[0] if self.function else None

    @property
    def size(self) -> int:
        return sum(file.size for file in self.files)
