"""What a judge is: a module with these names. A model's answers and what was wanted in, a number out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

Outputs = Mapping[str, Sequence[Any]]
"""By output: a NumPy array for each sample, without its batch axis."""


class Judge(Protocol):
    """The shape of every module in ``stages/judges/__init__.py``'s table."""

    @property
    def METRIC(self) -> str:
        """The word a recipe writes as ``metric``."""

    @property
    def BETTER(self) -> str:
        """``higher`` or ``lower``."""

    @property
    def RANGE(self) -> tuple[float, float] | None:
        """The least and the largest value; None: there is none."""

    @property
    def Params(self) -> type[Any]:
        """Frozen dataclass: its fields are what a recipe may write beside ``of``, each with its description."""

    def score(self, params: Any, outputs: Outputs, read: str, data: Mapping[str, Any]) -> Any:
        """Return a number for each sample where its mean is the metric, else one for all of them.

        ``read`` is the output that is meant; ``data`` holds the evaluation data, ``labels`` and ``truth`` among them.
        Raises StepError, with what to write, where answers or data are not what the metric is of.
        """
