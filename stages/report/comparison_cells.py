"""What stands in the cells of a comparison's tables."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TypeVar

from stages.report.digits import MIB, plus_minus, significant, time_unit
from stages.report.measured import Measured

NONE = '—'
T = TypeVar('T')


def latency_cell(row: Measured) -> str:
    if not row.latency:
        return 'failed' if row.failure else NONE
    text = plus_minus(row.latency, time_unit([1e6]))
    return f'{text}, too far from the source' if row.failure else text


def memory_cell(row: Measured) -> str:
    return plus_minus(row.memory, MIB) if row.memory else NONE


def added_cell(row: Measured) -> str:
    return significant(row.added * MIB.factor) if row.added else NONE


def times(value: float | None) -> str:
    return NONE if value is None else f'{significant(value, 2)} ×'


def in_order(values: Iterable[T]) -> list[T]:
    return list(dict.fromkeys(values))


def grouped_by(rows: Iterable[Measured], key: Callable[[Measured], T]) -> list[tuple[T, list[Measured]]]:
    """Return rows by a key, in the order in which the keys come first."""
    found: dict[T, list[Measured]] = {}
    for row in rows:
        found.setdefault(key(row), []).append(row)
    return list(found.items())
