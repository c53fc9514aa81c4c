"""Verdicts as sentences, made of the same numbers as the table; slower is said as plainly as faster."""

from __future__ import annotations

from stages.report.choose import Choice
from stages.report.digits import MIB, at, change_text, place, ratio_text, share_text, significant
from stages.report.rows import Row
from stages.report.statistics import Ratio, turned
from stages.report.verdict import Verdict


def verdict_sentence(verdict: Verdict, choice: Choice) -> str:
    """``Ship ov-int8: lowest latency (5.2 ± 0.1 ms) of 7 …``, with the first reason against it where there are some."""
    why = verdict.reasons[0] if verdict.reasons and verdict.grade != 'nothing' else f'{choice.reason}.'
    return f'{verdict.headline}: {why}'


def sentence(row: Row, baseline: Row, threads: bool = False) -> str:
    """``quantized is 1.84× faster than source (1.80–1.89), uses 41 MiB less memory, and agrees with it on …``."""
    name = f'{row.variant} with {row.threads} thread{"s" * (row.threads != 1)}' if threads else row.variant
    parts = [part for part in (_memory(row, baseline), _size(row, baseline), _accuracy(row, baseline)) if part]
    start = f'{name} {_speed(row, baseline.variant)}'
    if not parts:
        return start + '.'
    return f'{start}, {", ".join([*parts[:-1], "and " + parts[-1]])}.'


def _speed(row: Row, against: str) -> str:
    ratio = row.ratio
    if ratio is None:
        return f'was not compared with {against}'
    if row.verdict == 'faster':
        return f'is {_times(ratio)} faster than {against} {_bounds(ratio)}'
    if row.verdict == 'slower':
        slower = turned(ratio)
        return f'is {_times(slower)} slower than {against} {_bounds(slower)}'
    if row.verdict.startswith('same'):
        return f'is as fast as {against} within 2 % {_bounds(ratio)}'
    bounds = _bounds(ratio)
    seen = f'speed {_times(ratio)} {bounds}' if bounds else f'{_times(ratio)} in a single round'
    return (
        f'is neither shown faster nor slower than {against} ({seen.replace("(", "").replace(")", "")}: run more cycles)'
    )


def _times(ratio: Ratio) -> str:
    return ratio_text(ratio).split(' ')[0]


def _bounds(ratio: Ratio) -> str:
    return ratio_text(ratio).partition(' ')[2]


def _memory(row: Row, baseline: Row) -> str:
    if not row.peak or not baseline.peak:
        return ''
    less = (baseline.peak.mean - row.peak.mean) * MIB.factor
    half = ((row.peak.half or 0) ** 2 + (baseline.peak.half or 0) ** 2) ** 0.5 * MIB.factor
    if abs(less) <= max(half, 1.0):
        return 'uses as much memory'
    return f'uses {at(abs(less), max(0, place(half, less)))} MiB {"less" if less > 0 else "more"} memory'


def _size(row: Row, baseline: Row) -> str:
    if not row.size or not baseline.size:
        return ''
    factor = baseline.size / row.size
    if 1 / 1.05 < factor < 1.05:
        return ''
    return f'is {significant(max(factor, 1 / factor), 2)}× {"smaller" if factor > 1 else "larger"} on disk'


def _accuracy(row: Row, baseline: Row) -> str:
    if row.metric and row.metric.name != 'agreement':
        return _metric(row, baseline)
    if row.agreement or row.metric:
        found = row.agreement or row.metric
        assert found is not None
        share, _, bounds = share_text(found.value, found.low, found.high).partition(' (')
        return f'agrees with it on {share} of inputs' + (f' ({bounds}' if bounds else '')
    return ''


def _metric(row: Row, baseline: Row) -> str:
    if not row.metric or not baseline.metric:
        return ''
    drop = baseline.metric.value - row.metric.value
    change = f'{change_text(drop, row.metric.percent)} {"lower" if drop > 0 else "higher"}'
    return f'has the same {row.metric.name}' if drop == 0 else f'has a {row.metric.name} {change}'
