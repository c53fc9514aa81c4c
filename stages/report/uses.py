"""Which framework to take, in words, by what it is for: from the same rows as the tables of a comparison."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from stages.recipe.setting import OFFLINE, SINGLE
from stages.report.digits import MIB, plus_minus, ratio_text, significant, time_unit
from stages.report.measured import Measured, columns_of, lighter, mean_of, quotient, ratio_of
from stages.report.statistics import Ratio

ORDER = ('sse42', 'avx2', 'avx512', 'amx')
TOLD = 5
"""Names of ties that are told; of more, their number."""


@dataclass(frozen=True)
class Use:
    """The answer for one use."""

    name: str
    best: str
    """The best over all models; empty: nothing was measured on all of them."""

    how: str
    """How it compares with the baseline, and what cannot be told apart from it."""

    each: tuple[tuple[str, str], ...]
    """The best for each model (at each size) or what cannot be told apart from it, with the figure of the best."""


@dataclass(frozen=True)
class _Figure:
    """What a use goes by: less is better."""

    of: Callable[[Measured], float]
    words: Callable[[Measured], str]
    speed: Callable[[Measured, Measured], Ratio | None]
    """How many times better one row is than another, with its interval."""

    better: str


def advice(rows: Sequence[Measured]) -> tuple[Use, ...]:
    """Return the answer for each use for which anything was measured."""
    own = [row for row in rows if row.own and row.counts]
    plain = [row for row in rows if row.plain and row.counts]
    base = next((row.label for row in rows if row.baseline), 'the baseline')
    weakest = next((isa for isa in ORDER if any(row.setting.isa == isa and row.counts for row in rows)), '')
    weak = [row for row in rows if weakest and row.setting.isa == weakest and row.counts and _is_single(row)]
    many = [row for row in rows if row.setting.scenario == OFFLINE and row.counts and not row.setting.isa]
    found = [
        _use('Lowest latency', plain, _TIME, base),
        _use('Lowest latency in float32', [row for row in plain if is_float32(row)], _TIME, base),
        _use('Least memory', [row for row in own if row.memory], _MEMORY, base),
        _use(f'Weak CPU: {weakest} and nothing above', weak, _TIME, base),
        _use('Most throughput', many, _RATE, base),
        _use(
            'Least effort: one step from the model at most',
            [r for r in own if r.stages <= 1 and not r.handmade],
            _TIME,
            base,
        ),
    ]
    return tuple(use for use in found if use.each)


def is_float32(row: Measured) -> bool:
    """Whether neither the model nor the engine rounds further than float32 does."""
    return row.precision == 'f32' and row.options.get('precision', 'f32') == 'f32'


def _use(name: str, rows: Sequence[Measured], figure: _Figure, base: str) -> Use:
    parts = []
    for column in columns_of(rows):
        of = [row for row in rows if row.column == column]
        best = min(of, key=figure.of)
        ties = [row.label for row in of if row.label != best.label and _alike(figure.speed(best, row))]
        parts.append((column, f'{_either(best.label, ties)} ({figure.words(best)})'))
    return Use(name, *_over_all(rows, figure, base), tuple(parts))


def _over_all(rows: Sequence[Measured], figure: _Figure, base: str) -> tuple[str, str]:
    """Return the best of what was measured of every model at every size, by the mean of its ratios to the baseline."""
    columns, models = columns_of(rows), len({row.model for row in rows})
    first = {row.column: row for row in rows if row.baseline}
    means: dict[str, Ratio] = {}
    for label in dict.fromkeys(row.label for row in rows):
        of = {row.column: row for row in rows if row.label == label}
        ratios = [ratio for column, row in of.items() if (ratio := _against(row, first.get(column), figure))]
        if len(ratios) == len(columns):
            means[label] = mean_of(ratios)
    if models < 2 or len(means) < 2:
        return '', ''
    best = max(means, key=lambda label: means[label].value)
    ties = [label for label in means if label != best and _alike(quotient(means[best], means[label]))]
    sizes = f', at {len(columns)} sizes' if len(columns) > models else ''
    how = 'nothing beats it' if best == base else f'{ratio_text(means[best])} {figure.better} {base}'
    return best, f'{how}, over {models} models{sizes}{_tied(ties)}'


def _against(row: Measured, base: Measured | None, figure: _Figure) -> Ratio | None:
    if row.baseline:
        return Ratio(1.0, 1.0, 1.0)
    return figure.speed(row, base) if base else row.speed if figure is not _MEMORY else None


def _alike(ratio: Ratio | None) -> bool:
    """Whether the interval of a ratio holds 1."""
    return ratio is not None and ratio.low is not None and ratio.low <= 1


def _either(best: str, ties: Sequence[str]) -> str:
    """Return ``a``, ``a or b``, or ``a, b or 3 more``: the best and what is as good."""
    names = [best, *dict.fromkeys(ties)]
    if len(names) > TOLD:
        return f'{", ".join(names[: TOLD - 1])} or {len(names) - TOLD + 1} more'
    return ' or '.join([', '.join(names[:-1]), names[-1]] if len(names) > 1 else names)


def _tied(labels: Sequence[str]) -> str:
    names = list(dict.fromkeys(labels))
    more = f' and {len(names) - TOLD} more' if len(names) > TOLD else ''
    return f', not told apart from {", ".join(names[:TOLD])}{more}' if names else ''


def _is_single(row: Measured) -> bool:
    return row.setting.scenario == SINGLE


def _time(row: Measured) -> float:
    assert row.latency is not None, 'rows that count have one'
    return row.latency.mean / row.setting.batch


def _time_words(row: Measured) -> str:
    assert row.latency is not None, 'rows that count have one'
    unit = time_unit([row.latency.mean])
    return f'{plus_minus(row.latency, unit)} {unit.name}'


def _memory(row: Measured) -> float:
    return row.memory.mean if row.memory else float('inf')


def _memory_words(row: Measured) -> str:
    return f'{plus_minus(row.memory, MIB)} MiB' if row.memory else 'not known'


def _rate(row: Measured) -> str:
    return f'{significant(1e9 / _time(row))} a second'


_TIME = _Figure(_time, _time_words, ratio_of, 'as fast as')
_RATE = _Figure(_time, _rate, ratio_of, 'as many as')
_MEMORY = _Figure(_memory, _memory_words, lighter, 'as light as')
