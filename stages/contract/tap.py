"""A model looked into: every value between its nodes, for one feed. What ``modelkiln bisect`` compares."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from stages.contract.port import Contract

if TYPE_CHECKING:
    import numpy


@dataclass(frozen=True)
class Node:
    """One operator, layer or kernel at work."""

    name: str
    """As the recipe would name it in ``keep``."""

    operator: str
    takes: tuple[str, ...]
    """Values that it reads; empty where the framework does not tell, as of a module's layers."""

    gives: tuple[str, ...]


@dataclass(frozen=True)
class Tapped:
    """What a model did with one feed."""

    nodes: tuple[Node, ...]
    """In the order of running."""

    values: Mapping[str, numpy.ndarray]
    """In real numbers where they are stored as whole ones with a scale. What could not be seen is absent."""

    inputs: tuple[str, ...] = ()
    """The values that were fed."""


class Tap(Protocol):
    """The shape of every module in ``stages/taps/__init__.py``'s table."""

    @property
    def FORMATS(self) -> tuple[str, ...]:
        """The formats it looks into."""

    @property
    def TOOLS(self) -> tuple[str, ...]:
        """Distributions whose versions can change what it sees."""

    def tapped(self, folder: Path, contract: Contract, feed: Mapping[str, numpy.ndarray]) -> Tapped:
        """Run the model in ``folder`` once, on one thread, as it is written: nothing is fused or folded meanwhile."""
