"""How a compressed form compares with its float form: the verdict that ``float_form`` reaches."""

from __future__ import annotations

from dataclasses import dataclass

from stages.report.statistics import Ratio


@dataclass(frozen=True)
class Compressed:
    """One row against its float form. Ratios of speed and memory are form over row: above 1 the row is better."""

    form: str
    exact: bool
    """The form's stages are the row's without those that change the precision; else it is the nearest there is."""

    one_run: bool
    """Both were measured in the same rounds; else each is taken against the baseline of its own run."""

    level: float
    size: float | None
    """Row over form."""

    speed: Ratio | None
    verdict: str
    memory: Ratio | None
    metric: float | None
    """Row minus form; of agreement, when the recipe has no metric."""

    word: str
    """``pays``, ``pays in size only``, ``does not pay on this CPU`` …"""

    why: str
