"""One line of a recipe's matrix is one picture: its variants' latencies, in groups by the first thing that differs."""

from __future__ import annotations

from collections.abc import Sequence

from stages.report.blocks import Picture
from stages.report.choose import Choice
from stages.report.digits import Unit, time_unit
from stages.report.marks import Mark, grouped
from stages.report.rows import Row
from stages.report.tables import state

LEAST, MOST = 3, 48
"""Rows that a picture is drawn of."""

CAPTION = (
    'Every variant of one line of the matrix, with its 95 % interval. If two intervals overlap, the speed column of '
    'the table compares them round by round.'
)


def matrix_charts(found: Sequence[Row], choice: Choice) -> list[Picture]:
    """Return a picture for each line of the recipe that stands for several measured variants, in the recipe's order."""
    lines: dict[tuple[int, object], list[Row]] = {}
    for row in found:
        if row.line and row.latency and not row.failure:
            lines.setdefault((row.line, row.setting.table if row.setting else None), []).append(row)
    return [_drawn(rows, choice) for rows in lines.values() if LEAST <= len(rows) <= MOST and _several(rows)]


def _several(rows: list[Row]) -> bool:
    return len({row.variant for row in rows}) > 1


def _drawn(rows: list[Row], choice: Choice) -> Picture:
    unit = time_unit(row.latency.mean / row.batch for row in rows if row.latency)
    names = list(dict.fromkeys(row.variant for row in rows))
    settings = len({row.setting for row in rows}) > 1
    groups: dict[str, list[Mark]] = {}
    for row in rows:
        group, rest = _parts(row.variant, names)
        words = f' · {row.setting.words()}' if settings and row.setting else ''
        groups.setdefault(group, []).append(_mark(row, (rest or row.variant) + words, unit, choice))
    return grouped(_title(names), list(groups.items()), f'latency per sample, {unit.name} (less is better)', CAPTION)


def _mark(row: Row, name: str, unit: Unit, choice: Choice) -> Mark:
    assert row.latency is not None
    scaled = row.latency.scaled(unit.factor / row.batch)
    if scaled.half is None:
        return Mark(name, scaled.mean, state=state(row, choice))
    return Mark(name, scaled.mean, scaled.mean - scaled.half, scaled.mean + scaled.half, state(row, choice))


def _title(names: list[str]) -> str:
    common = names[0].split('-')[: _common(names)]
    return f'{"-".join([*common, "…"])} by its matrix'


def _parts(name: str, names: list[str]) -> tuple[str, str]:
    """The first part of a name that differs among ``names``, with all before it, and what follows."""
    parts, at = name.split('-'), _common(names) + 1
    return '-'.join(parts[:at]), '-'.join(parts[at:])


def _common(names: list[str]) -> int:
    """How many parts all names begin with."""
    parts = zip(*(name.split('-') for name in names), strict=False)
    return next((at for at, those in enumerate(parts) if len(set(those)) > 1), 0)
