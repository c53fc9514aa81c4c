"""Which framework to take, in words, by what it is for: from the same rows as the tables of a comparison."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from stages.recipe.setting import OFFLINE, SINGLE
from stages.report.digits import MIB, plus_minus, ratio_text, significant, time_unit
from stages.report.measured import Measured, lighter, mean_of, quotient, ratio_of
from stages.report.statistics import Ratio

ORDER = ('sse42', 'avx2', 'avx512', 'amx')
TOLD = 5
"""Names of ties that are told; of more, their number."""


@dataclass(frozen=True)
class Use:
    """The answer for one use."""

    name: str
    over_all: str
    """The best over all models, against the baseline, and its ties; empty: nothing was measured on all."""

    each: tuple[tuple[str, str], ...]
    """The best for each model (at each size), with its figure and what cannot be told apart from it."""

    @property
    def words(self) -> str:
        """The answer in a sentence."""
        return f'{self.name}: {self.over_all or "; ".join(f"{column}: {said}" for column, said in self.each)}.'


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
    weakest = next((isa for isa in ORDER if any(row.setting.isa == isa and row.counts for row in rows)), '')
    weak = [row for row in rows if weakest and row.setting.isa == weakest and row.counts and _is_single(row)]
    many = [row for row in rows if row.setting.scenario == OFFLINE and row.counts and not row.setting.isa]
    found = [
        _use('Lowest latency', own, _TIME),
        _use('Lowest latency, all in float32', [row for row in own if is_float32(row)], _TIME),
        _use('Least memory', [row for row in own if row.memory], _MEMORY),
        _use(f'On a weak CPU ({weakest}: nothing above it)', weak, _TIME),
        _use('Most throughput', many, _RATE),
        _use('Least effort (the model as it is, or one step from it)', [r for r in own if r.stages <= 1], _TIME),
    ]
    return tuple(use for use in found if use.each)


def is_float32(row: Measured) -> bool:
    """Whether neither the model nor the engine rounds further than float32 does."""
    return row.precision == 'f32' and row.options.get('precision', 'f32') == 'f32'


def _use(name: str, rows: Sequence[Measured], figure: _Figure) -> Use:
    parts = []
    for column in dict.fromkeys(row.column for row in rows):
        of = [row for row in rows if row.column == column]
        best = min(of, key=figure.of)
        ties = [row.label for row in of if row.label != best.label and _alike(figure.speed(best, row))]
        parts.append((column, f'{best.label} ({figure.words(best)}{_tied(ties)})'))
    return Use(name, _over_all(rows, figure), tuple(parts))


def _over_all(rows: Sequence[Measured], figure: _Figure) -> str:
    """Return the best of what was measured of every model, by the mean of its ratios to the baseline."""
    columns = list(dict.fromkeys(row.column for row in rows))
    if len({row.model for row in rows}) < 2:
        return ''
    base = {row.column: row for row in rows if row.baseline}
    means: dict[str, Ratio] = {}
    for label in dict.fromkeys(row.label for row in rows):
        of = {row.column: row for row in rows if row.label == label}
        ratios = [_against(row, base.get(column), figure) for column, row in of.items()]
        if len(of) == len(columns) and all(ratios):
            means[label] = mean_of([ratio for ratio in ratios if ratio])
    if len(means) < 2:
        return ''
    best = max(means, key=lambda label: means[label].value)
    ties = [label for label in means if label != best and _alike(quotient(means[best], means[label]))]
    against = next((row.label for row in rows if row.baseline), 'the baseline')
    words = f'{ratio_text(means[best])} {figure.better} {against}' if best != against else 'nothing beats it'
    return f'{best} ({words}, over {len(columns)} models{_tied(ties)})'


def _against(row: Measured, base: Measured | None, figure: _Figure) -> Ratio | None:
    if row.baseline:
        return Ratio(1.0, 1.0, 1.0)
    return figure.speed(row, base) if base else row.speed if figure is not _MEMORY else None


def _alike(ratio: Ratio | None) -> bool:
    """Whether the interval of a ratio holds 1."""
    return ratio is not None and ratio.low is not None and ratio.low <= 1


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
