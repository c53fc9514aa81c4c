"""The pictures of a comparison: the engines of each model, and OpenVINO's ways to be called, one line of a matrix."""

from __future__ import annotations

from collections.abc import Sequence

from stages.report.blocks import Picture
from stages.report.marks import Mark, grouped
from stages.report.measured import Measured, columns_of
from stages.report.statistics import Ratio

LEAST = 3
"""Marks that a picture is drawn of."""

ENGINES = (
    'Times as fast as the baseline in the same rounds, with its 95 % interval; more is better. Where two intervals '
    'overlap, the two are not told apart.'
)


def engine_charts(rows: Sequence[Measured]) -> list[Picture]:
    """Return a picture for each model at each size: its variants in the order of their speed."""
    found = []
    for column in columns_of(rows):
        of = sorted((row for row in rows if row.column == column and row.counts), key=_pace)
        ratios = [(row.label, Ratio(1.0, 1.0, 1.0) if row.baseline else row.speed) for row in of]
        marks = [mark(label, ratio) for label, ratio in ratios if ratio]
        found += drawn(f'{column}: engines', [('', marks)], 'times as fast as the baseline', ENGINES)
    return found


def _pace(row: Measured) -> float:
    return row.latency.mean if row.latency else 0.0


def mark(name: str, ratio: Ratio) -> Mark:
    """Return a ratio as a dot with its interval."""
    return Mark(name, ratio.value, ratio.low, ratio.high)


def drawn(title: str, groups: list[tuple[str, list[Mark]]], label: str, caption: str) -> list[Picture]:
    """Return the picture, or nothing where it would show too little."""
    several = sum(len(marks) for _, marks in groups) >= LEAST
    return [grouped(title, groups, label, caption)] if several else []
