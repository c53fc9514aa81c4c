"""What a reader of data is: a module with these names. Files in, named arrays out, and no Python of anybody's."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Protocol

from stages.contract.port import Contract

Files = Mapping[str, Path]
"""Every fetched file by its place among the others: ``cats/1.jpg``. Plain files, no links."""


@dataclass(frozen=True)
class Part:
    """Which samples are meant: a share of all by a hash of each, and no more than ``limit``.

    A sample is hashed by its own bytes as they came: it stays on its side when others come or go, when it is resized,
    and on every machine; the same sample twice is never on both sides.
    """

    low: float = 0.0
    high: float = 1.0
    """Samples whose hash, as a fraction of the largest, is in here: ``low`` counts, ``high`` does not."""

    limit: int | None = None
    """The most; those with the least hashes are taken."""

    def chosen(self, digests: Sequence[str]) -> list[int]:
        """Return the places of the chosen ones of ``digests`` (sha256, hexadecimal), in the order of the hashes.

        That order mixes classes, however the files lie: the first ones are as good a choice as any.
        """
        fractions = [int(digest[:13], 16) / 16**13 for digest in digests]  # 52 bits: exact in a float
        inside = [place for place, at in enumerate(fractions) if self.low <= at < self.high]
        return sorted(inside, key=lambda place: (digests[place], place))[: self.limit]


ALL: Final = Part()


class Reader(Protocol):
    """The shape of every module in ``stages/readers/__init__.py``'s table."""

    @property
    def READER(self) -> str:
        """The word a recipe writes below ``data``."""

    @property
    def TOOLS(self) -> tuple[str, ...]:
        """Distributions whose versions can change the arrays; they enter the key."""

    @property
    def Params(self) -> type[Any]:
        """Frozen dataclass: its fields are what a recipe may write, the string under each its description."""

    def read(self, params: Any, files: Files, contract: Contract, part: Part) -> dict[str, Any]:
        """Return NumPy arrays by the names of the model's inputs, and ``labels`` or ``truth`` where there are some.

        ``contract`` is the model's: sizes, types and layouts are read from it. Raises StepError for files that are not
        what they should be, for what could mean two things, and where ``part`` leaves nothing.
        """
