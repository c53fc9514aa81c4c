"""What a recipe can ask the best variant to be best in: its figure, its words, and when one is shown to be better."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from stages.recipe.setting import OFFLINE, SERVER, SINGLE
from stages.report import samples
from stages.report.digits import MB, MIB, plus_minus, significant, time_unit
from stages.report.rows import Row
from stages.report.statistics import paired_ratio, verdict


@dataclass(frozen=True)
class Objective:
    """One figure to make small."""

    words: str
    """``lowest latency``."""

    better: str
    """``faster``."""

    value: Callable[[Row], float]
    """The figure of a row; infinity where it was not measured."""

    rounds: Callable[[Row], Sequence[float]] | None
    """The figure in each round of a session; None: it is exact."""

    written: Callable[[Row], str]


def shown_worse(row: Row, best: Row, objective: Objective, level: float) -> bool:
    """Whether ``best`` is shown better than ``row``: beyond the noise, at the level of a claim.

    Both are of one session, so that their rounds pair; of exact figures, more is worse.
    """
    if objective.rounds is None:
        return objective.value(row) > objective.value(best)
    one, two = objective.rounds(row), objective.rounds(best)
    if min(len(one), len(two)) < 2:
        return False
    return verdict(paired_ratio(one, two, level)) == 'faster'


def _latency(row: Row) -> float:
    # A batch of 8 that takes 4 times as long is faster: what is compared is the time per sample.
    return row.latency.mean / row.batch if row.latency else math.inf


def _latency_rounds(row: Row) -> Sequence[float]:
    return [mean / row.batch for mean in samples.cycle_means(row.cycles)]


def _latency_text(row: Row) -> str:
    assert row.latency is not None
    if row.setting and row.setting.scenario != SINGLE:
        return f'{significant(1e9 * row.batch / row.latency.mean)} a second'
    unit = time_unit([row.latency.mean])
    batch = f' for a batch of {row.batch}' if row.batch > 1 else ''
    return f'{plus_minus(row.latency, unit)} {unit.name}{batch}'


def _peak_text(row: Row) -> str:
    assert row.peak is not None
    return f'{plus_minus(row.peak, MIB)} MiB'


OBJECTIVES: Final = {
    'latency': Objective('lowest latency', 'faster', _latency, _latency_rounds, _latency_text),
    SINGLE: Objective('lowest latency', 'faster', _latency, _latency_rounds, _latency_text),
    OFFLINE: Objective('highest throughput', 'faster', _latency, _latency_rounds, _latency_text),
    SERVER: Objective('highest rate of requests answered in time', 'faster', _latency, _latency_rounds, _latency_text),
    'peak_memory': Objective(
        'lowest peak memory',
        'leaner',
        lambda row: row.peak.mean if row.peak else math.inf,
        lambda row: samples.peaks(row.cycles),
        _peak_text,
    ),
    'size': Objective(
        'smallest size',
        'smaller',
        lambda row: math.inf if row.size is None else row.size,
        None,
        lambda row: f'{significant((row.size or 0) * MB.factor)} MB',
    ),
}
"""By the recipe's word for it (`choose: {fastest: …}`)."""
