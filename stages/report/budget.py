"""The budget of a recipe's `choose`: what the variant that is chosen has to keep, or the build fails."""

from __future__ import annotations

from collections.abc import Mapping

from stages.report.accuracy import Loss
from stages.report.bounds import figure
from stages.report.digits import MB, MIB, change_text, significant, time_unit
from stages.report.rows import Row


def over_budget(row: Row | None, budget: Mapping[str, float], loss: Loss | None) -> tuple[list[str], list[str]]:
    """Return what of a budget is broken, and what is not shown to be kept, in sentences.

    It is broken when all of the figure's 95 % interval is over it: inside the noise a build does not fail. Without a
    variant to ship, all of it is. ``loss`` is what the variant loses of the metric against the baseline.
    """
    broken: list[str] = []
    unsure: list[str] = []
    for name, bound in budget.items():
        if row is None:
            broken.append(f'the budget of {name.replace("_", " ")} is not kept: no variant may be shipped')
            continue
        found = _loss(row, loss) if name == 'accuracy_drop' else _figure(row, name)
        limit = bound * 1e9 if name == 'latency' else bound
        if found is None:
            broken.append(f'{row.variant}: its {name.replace("_", " ")} was not measured, and has a budget')
            continue
        low, value, high = found
        if high <= limit:
            continue
        words = f'{row.variant}: {name.replace("_", " ")} {_words(row, name, value, limit)}'
        if low > limit:
            broken.append(words)
        else:
            unsure.append(f'{words}: within the noise')
    return broken, unsure


def _figure(row: Row, name: str) -> tuple[float, float, float] | None:
    value = figure(row, name)
    if value is None:
        return None
    spread = {'latency': row.latency, 'peak_memory': row.peak}.get(name)
    half = (spread.half or 0.0) if spread else 0.0
    return value - half, value, value + half


def _loss(row: Row, loss: Loss | None) -> tuple[float, float, float] | None:
    if row.baseline:
        return 0.0, 0.0, 0.0
    if loss is None:
        return None
    return loss.value if loss.low is None else loss.low, loss.value, loss.value if loss.high is None else loss.high


def _words(row: Row, name: str, value: float, limit: float) -> str:
    if name == 'accuracy_drop':
        percent = not row.metric or row.metric.percent
        return f'of {change_text(value, percent)}, its budget is {change_text(limit, percent)}'
    unit = time_unit([value, limit]) if name == 'latency' else MIB if name == 'peak_memory' else MB
    return (
        f'{significant(value * unit.factor)} {unit.name}, its budget is {significant(limit * unit.factor)} {unit.name}'
    )
