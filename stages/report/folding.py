"""Which rows of a long report another row beats in everything: a table and a chart may leave those for later."""

from __future__ import annotations

from collections.abc import Sequence

from stages.report.choose import Choice
from stages.report.rows import Row

MANY = 12
"""Rows that a page shows at once; of more, those are folded that another one beats in everything."""

ALIKE = (0.02, 0.05, 0.05, 0.0)
"""Shares within which two rows are as good as each other in what ``_costs`` gives."""


def shown(found: Sequence[Row], choice: Choice) -> list[Row]:
    """Return the rows to show first, in their order: all of a few; of many the front, baseline, choice and failures.

    A row is folded when one that is shown, on as many threads, is as good in latency, memory, size and accuracy, and
    better in one of them. What was not measured is beaten by nothing.
    """
    if len(found) <= MANY:
        return list(found)
    kept = [row for row in found if row.baseline or row.variant == choice.name]
    others = [row for row in found if _comparable(row) and not row.baseline and row.variant != choice.name]
    for row in sorted(others, key=lambda row: _costs(row)[0] or 0.0):
        if not any(_beats(other, row) for other in kept):
            kept.append(row)
    first = {id(row) for row in (*kept, *(row for row in found if not _comparable(row) and not row.unsupported))}
    return [row for row in found if id(row) in first]


def _comparable(row: Row) -> bool:
    return row.latency is not None and not row.failure


def _beats(one: Row, other: Row) -> bool:
    if not _comparable(one) or one.threads != other.threads:
        return False
    costs = [(a, b, alike) for a, b, alike in zip(_costs(one), _costs(other), ALIKE, strict=True) if b is not None]
    return all(a is not None and a <= b + alike * abs(b) for a, b, alike in costs) and any(
        a is not None and a < b - alike * abs(b) for a, b, alike in costs
    )


def _costs(row: Row) -> tuple[float | None, ...]:
    """What less of is better: nanoseconds a sample, bytes of memory and of the file, and what the metric lacks."""
    score = row.quality
    lacks = None if score is None else score.value if score.better == 'lower' else -score.value
    latency = row.latency.mean / row.batch if row.latency else None
    return latency, row.peak.mean if row.peak else None, row.size, lacks
