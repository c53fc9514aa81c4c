"""Which rows a choice is made among: those measured as this machine would serve, in the scenario it is about."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from stages.recipe.setting import OFFLINE, SERVER, SINGLE, sizes_of
from stages.report.findings import Findings
from stages.report.rows import Row

SCENARIO_OF: Final[Mapping[str, str]] = {
    'latency': SINGLE, SINGLE: SINGLE, OFFLINE: OFFLINE, SERVER: SERVER,
    'peak_memory': SINGLE, 'size': '',
}  # fmt: skip
"""By what ``choose`` makes best: the scenario that tells it; empty: each."""

TIMED: Final = ('latency', SINGLE, OFFLINE, SERVER)
"""Those that are a time per sample: of ``offline`` and ``server`` the time between two answers, one over the rate."""


def candidates(findings: Findings, found: list[Row], figure: str) -> list[Row]:
    """Return the rows that may win: no weaker CPU is, and no size of a dimension that is not the recipe's own.

    A variant that was not measured at all stays, to be said why it may not.
    """
    scenario, own = SCENARIO_OF[figure], sizes_of(findings.protocol.sizes)

    def fits(row: Row) -> bool:
        setting = row.setting
        if setting is None:
            return True
        return not setting.isa and setting.sizes in (own, ()) and scenario in ('', setting.scenario)

    return [row for row in found if fits(row)]
