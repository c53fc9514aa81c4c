"""The Pareto front: the variants that no other one beats in everything."""

from __future__ import annotations

import math
from typing import Final

from stages.recipe.setting import Table
from stages.report.objective import OBJECTIVES, shown_worse
from stages.report.rows import Row
from stages.report.statistics import level_for

COMPARED: Final = ('latency', 'peak_memory', 'size', 'metric')


def front(found: list[Row]) -> tuple[str, ...]:
    """Return the variants that are not dominated, in the recipe's order.

    One dominates another that is shown worse in time, peak memory, size or the metric, and shown better in none. Of
    rows that failed, that were not measured, or that were measured in another session, none is compared.
    """
    rows = [row for row in found if row.latency and not row.failure and not row.foreign and not row.apart]
    level = level_for(len(rows) - 1)
    return tuple(dict.fromkeys(row.variant for row in rows if not any(_dominates(other, row, level) for other in rows)))


def _dominates(other: Row, row: Row, level: float) -> bool:
    if other is row or _table(other) != _table(row):
        return False
    pairs = [(_worse(row, other, name, level), _worse(other, row, name, level)) for name in COMPARED]
    return any(worse for worse, _ in pairs) and not any(better for _, better in pairs)


def _table(row: Row) -> Table | None:
    return row.setting.table if row.setting else None


def _worse(row: Row, best: Row, name: str, level: float) -> bool:
    if name == 'metric':
        one, two = _quality(row), _quality(best)
        return one is not None and two is not None and one[0] == two[0] and one[1] < two[1]
    objective = OBJECTIVES[name]
    if math.isinf(objective.value(row)) or math.isinf(objective.value(best)):
        return False
    return shown_worse(row, best, objective, level)


def _quality(row: Row) -> tuple[str, float] | None:
    """The metric's name and figure, more is better; a baseline that was not judged agrees with itself."""
    if row.quality is None:
        return ('agreement', 1.0) if row.baseline else None
    return row.quality.name, -row.quality.value if row.quality.better == 'lower' else row.quality.value
