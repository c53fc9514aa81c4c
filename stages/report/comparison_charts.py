"""The pictures of a comparison: the engines of each model, and OpenVINO's ways to be called, one line of a matrix."""

from __future__ import annotations

from collections.abc import Sequence

from stages.report.blocks import Picture
from stages.report.marks import Mark, grouped
from stages.report.measured import Measured
from stages.report.statistics import Ratio

LEAST = 3
"""Marks that a picture is drawn of."""

ENGINES = (
    'Times as fast as the baseline in the same rounds, with its 95 % interval; more is better. Where two intervals '
    'overlap, the two are not told apart.'
)


def engine_charts(rows: Sequence[Measured]) -> list[Picture]:
    """Return a picture for each model: its variants in the order of their speed, at each size that was measured."""
    found = []
    for model in dict.fromkeys(row.model for row in rows):
        groups: dict[str, list[Mark]] = {}
        for row in sorted((row for row in rows if row.model == model and row.counts), key=_pace):
            ratio = Ratio(1.0, 1.0, 1.0) if row.baseline else row.speed
            if ratio:
                groups.setdefault(row.column, []).append(mark(row.label, ratio))
        title = f'{model}: engines'
        found += drawn(title, _in_order(groups, rows), 'times as fast as the baseline', ENGINES)
    return found


def _pace(row: Measured) -> float:
    return row.latency.mean if row.latency else 0.0


def mark(name: str, ratio: Ratio) -> Mark:
    """Return a ratio as a dot with its interval."""
    return Mark(name, ratio.value, ratio.low, ratio.high)


def _in_order(groups: dict[str, list[Mark]], rows: Sequence[Measured]) -> list[tuple[str, list[Mark]]]:
    """Return the groups in the order in which their columns come."""
    return [(column, groups[column]) for column in dict.fromkeys(row.column for row in rows) if column in groups]


def drawn(title: str, groups: list[tuple[str, list[Mark]]], label: str, caption: str) -> list[Picture]:
    """Return the picture, or nothing where it would show too little."""
    several = sum(len(marks) for _, marks in groups) >= LEAST
    return [grouped(title, groups, label, caption)] if several else []
