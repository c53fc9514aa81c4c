"""Which framework to take, in words, by what it is for: from the same rows as the tables of a comparison."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from stages.recipe.setting import OFFLINE, SINGLE
from stages.report.digits import MIB, plus_minus, significant, time_unit
from stages.report.measured import Measured, ratio_of

ORDER = ('sse42', 'avx2', 'avx512', 'amx')


def advice(rows: Sequence[Measured]) -> tuple[str, ...]:
    """Return a sentence for each use, naming for each model the best variant and what cannot be told apart from it."""
    own = [row for row in rows if row.own and row.counts]
    weakest = next((isa for isa in ORDER if any(row.setting.isa == isa and row.counts for row in rows)), '')
    weak = [row for row in rows if weakest and row.setting.isa == weakest and row.counts and _is_single(row)]
    many = [row for row in rows if row.setting.scenario == OFFLINE and row.counts and not row.setting.isa]
    plain = [row for row in own if row.stages <= 1]
    said = [
        _said('Lowest latency', own, _time, _quickest),
        _said('Least memory', own, _memory, _alike_in_memory),
        _said(f'On a weak CPU ({weakest}: nothing above it)', weak, _time, _quickest),
        _said('Most throughput', many, _time, _quickest, _rate),
        _said('Least effort (the model as it is, or one step from it)', plain, _time, _quickest),
    ]
    return tuple(words for words in said if words)


def _said(
    use: str,
    rows: Sequence[Measured],
    figure: Callable[[Measured], float],
    alike: Callable[[Measured, Measured], bool],
    shown: Callable[[Measured], str] | None = None,
) -> str:
    parts = []
    for column in dict.fromkeys(row.column for row in rows):
        of = [row for row in rows if row.column == column]
        best = min(of, key=figure)
        ties = [row.label for row in of if row is not best and alike(best, row)]
        tie = f', not told apart from {", ".join(dict.fromkeys(ties))}' if ties else ''
        parts.append(f'{column}: {best.label} ({(shown or _shown(figure))(best)}{tie})')
    return f'{use}: {"; ".join(parts)}.' if parts else ''


def _shown(figure: Callable[[Measured], float]) -> Callable[[Measured], str]:
    return _memory_words if figure is _memory else _time_words


def _is_single(row: Measured) -> bool:
    return row.setting.scenario == SINGLE


def _time(row: Measured) -> float:
    assert row.latency is not None, 'rows that count have one'
    return row.latency.mean / row.setting.batch


def _memory(row: Measured) -> float:
    return row.memory.mean if row.memory else float('inf')


def _quickest(best: Measured, other: Measured) -> bool:
    """Whether the interval of their ratio holds 1."""
    ratio = ratio_of(best, other)
    return ratio is not None and ratio.low is not None and ratio.low <= 1


def _alike_in_memory(best: Measured, other: Measured) -> bool:
    halves = sum(row.memory.half or 0 for row in (best, other) if row.memory)
    return _memory(other) - _memory(best) <= halves


def _time_words(row: Measured) -> str:
    assert row.latency is not None, 'rows that count have one'
    unit = time_unit([row.latency.mean])
    return f'{plus_minus(row.latency, unit)} {unit.name}'


def _memory_words(row: Measured) -> str:
    return f'{plus_minus(row.memory, MIB)} MiB' if row.memory else 'not known'


def _rate(row: Measured) -> str:
    return f'{significant(1e9 / _time(row))} a second'
