"""The best variant under the recipe's `choose`: who may be shipped, who is fastest, and why."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from stages.intervals import interval
from stages.measure.tolerance import loss, too_much
from stages.recipe.setting import OFFLINE, SERVER, Setting
from stages.report import samples
from stages.report.candidates import TIMED, candidates
from stages.report.digits import MB, MIB, change_text, plus_minus, significant, time_unit
from stages.report.findings import Findings
from stages.report.rows import Row
from stages.report.statistics import level_for

FIGURES = {
    'latency': 'lowest latency', 'single-stream': 'lowest latency', 'offline': 'highest throughput',
    'server': 'highest rate of requests answered in time', 'peak_memory': 'lowest peak memory', 'size': 'smallest size',
}  # fmt: skip


@dataclass(frozen=True)
class Choice:
    """The variant to ship (None: none may be) and the reason in words; ``refused`` says why the others may not."""

    name: str | None
    threads: int | None
    reason: str
    refused: dict[str, str] = field(default_factory=dict)
    setting: Setting | None = None
    """How it was measured."""

    def of(self, row: Row) -> bool:
        """Whether this is the row that was chosen."""
        return row.variant == self.name and row.setting == self.setting


def choose(findings: Findings, found: list[Row]) -> Choice:
    """The variant with the smallest figure among those that were built and keep every bound of the recipe."""
    figure, within = findings.asked.fastest, findings.asked.within
    if figure not in FIGURES:
        raise ValueError(f'choose: unknown figure {figure!r}; expected one of {", ".join(FIGURES)}')
    found = candidates(findings, found, figure)
    baseline = next((row for row in found if row.baseline), None)
    allowed: list[Row] = []
    refused: dict[str, str] = {}
    for row in found:
        why = _refusal(row, figure, findings, baseline)
        if why is None:
            allowed.append(row)
        else:
            refused.setdefault(row.variant, why)
    refused = {name: why for name, why in refused.items() if all(row.variant != name for row in allowed)}
    if not allowed:
        return Choice(None, None, _none(found, figure), refused)
    # min() keeps the recipe's order among equals, so the answer never depends on chance.
    best = min(allowed, key=lambda row: (_value(row, figure), row.latency.mean if row.latency else math.inf))
    ties = [row for row in allowed if row is not best and _tied(best, row, figure, level_for(len(allowed) - 1))]
    return Choice(best.variant, best.threads, _reason(best, figure, within, len(allowed), ties), refused, best.setting)


def _none(found: list[Row], figure: str) -> str:
    """Why nothing may be shipped: what was built is not said to be missing."""
    built = [row for row in {row.variant: row for row in reversed(found)}.values() if row.built]
    if not built:
        return 'no variant was built'
    counts = {
        'too far from the source': sum(row.reason is not None for row in built),
        'below the accuracy bound': sum(bool(row.failure) and not row.reason and not row.unmeasured for row in built),
        'not measured, because measuring failed': sum(bool(row.unmeasured) for row in built),
        'for another machine': sum(not row.failure and bool(row.foreign) for row in built),
        'not measured': sum(
            not row.failure and not row.foreign and math.isinf(_value(row, figure)) for row in built
        ),
    }  # fmt: skip
    counts["outside of the recipe's bounds"] = len(built) - sum(counts.values())
    said = ', '.join(f'{count} {what}' for what, count in counts.items() if count)
    were = f'{len(built)} variants were' if len(built) > 1 else 'one variant was'
    return f'{were} built and none may be shipped: {said}'


def _value(row: Row, figure: str) -> float:
    if figure == 'size':
        return math.inf if row.size is None else row.size
    found = row.latency if figure in TIMED else row.peak
    # A batch of 8 that takes 4 times as long is faster: what is compared is the time per sample.
    return math.inf if found is None else found.mean / (row.batch if figure in TIMED else 1)


def _refusal(row: Row, figure: str, findings: Findings, baseline: Row | None) -> str | None:
    if row.failure:
        return row.failure
    if row.foreign:
        return f'it is for {row.foreign}, and was not measured here'
    if math.isinf(_value(row, figure)):
        return f'its {figure.replace("_", " ")} was not measured'
    bounds = [*findings.asked.within.items(), ('accuracy_drop', findings.asked.max_drop)]
    for name, bound in bounds:
        if bound is not None and (why := _breaks(row, name, bound, baseline, findings.metric)):
            return why
    return None


def _breaks(row: Row, name: str, bound: float, baseline: Row | None, metric: str) -> str | None:
    if name == 'accuracy_drop':
        return _drops(row, bound, baseline, metric)
    value: dict[str, float | None] = {
        'peak_memory': row.peak.mean if row.peak else None,
        'size': row.size,
        'latency': row.latency.mean if row.latency else None,
    }
    if name not in value:
        raise ValueError(f'choose: unknown bound {name!r}; expected accuracy_drop, peak_memory, size or latency')
    found = value[name]
    if found is None:
        return f'its {name.replace("_", " ")} was not measured, and the recipe bounds it'
    limit = bound * 1e9 if name == 'latency' else bound
    if found <= limit:
        return None
    unit = time_unit([found, limit]) if name == 'latency' else MIB if name == 'peak_memory' else MB
    figures = f'{significant(found * unit.factor)} {unit.name}, allowed {significant(limit * unit.factor)} {unit.name}'
    return f'{name.replace("_", " ")} {figures}'


def _drops(row: Row, bound: float, baseline: Row | None, metric: str) -> str | None:
    """Whether too much of the metric is lost. Nothing but the metric can say so: without it, nobody knows."""
    if row.baseline:
        return None
    of = metric or 'accuracy'
    if row.metric is None:
        return f'its {of} was not measured, and the recipe bounds the drop'
    # Only agreement is known of a baseline that was not judged: it agrees with itself.
    if (baseline is None or baseline.metric is None) and row.metric.name != 'agreement':
        return f"the baseline's {of} was not measured, and the recipe bounds the drop"
    lost = loss(baseline.metric if baseline else None, row.metric)
    if not too_much(lost, bound):
        return None
    allowed = f'{bound * 100:g}' if row.metric.percent else f'{bound:g}'
    way = 'higher' if row.metric.better == 'lower' else 'lower'
    return f'{row.metric.name} is {change_text(lost, row.metric.percent)} {way}, allowed {allowed}'


def _tied(best: Row, other: Row, figure: str, level: int) -> bool:
    """Whether the difference to the winner is within its interval (over rounds, against the common baseline)."""
    if figure == 'size':
        return best.size == other.size
    if figure == 'peak_memory':
        halves = sum(row.peak.half or 0.0 for row in (best, other) if row.peak)
        return _value(other, figure) - _value(best, figure) <= halves
    one, two = _logs(best, best.threads == other.threads), _logs(other, best.threads == other.threads)
    if min(len(one), len(two)) < 2:
        return True
    gap = interval([b - a for a, b in zip(one, two, strict=False)], level)
    return gap.half is None or gap.mean <= gap.half


def _logs(row: Row, relative: bool) -> list[float]:
    """ln of time per sample, each round; relative to the baseline of that round when both have the same one."""
    before, after = samples.pairs(row.cycles, row.baseline_cycles)
    if row.baseline and relative:
        return [-math.log(row.batch)] * len(samples.cycle_means(row.cycles))
    if relative and before:
        return [math.log(a / b / row.batch) for b, a in zip(before, after, strict=True)]
    return [math.log(m / row.batch) for m in samples.cycle_means(row.cycles)]


def _reason(best: Row, figure: str, within: Mapping[str, Any], allowed: int, ties: list[Row]) -> str:
    cell, percent = _figure_text(best, figure), not best.metric or best.metric.percent
    field_of = f'of {allowed} that keep' if allowed > 1 else 'and the only one that keeps'
    bounds = f'{field_of} the bounds ({_bounds(within, percent)})' if within else f'of {allowed} that may be shipped'
    reason = f'{FIGURES[figure]} ({cell}) {bounds}'
    if ties:
        names = ', '.join(dict.fromkeys(row.variant for row in ties if row.variant != best.variant))
        if names:
            reason += f'; a tie within the interval with {names}, taken for its lower figure'
    return reason


def _figure_text(row: Row, figure: str) -> str:
    if figure == 'size':
        return f'{significant((row.size or 0) * MB.factor)} MB'
    found = row.latency if figure in TIMED else row.peak
    assert found is not None
    if figure in (OFFLINE, SERVER):
        return f'{significant(1e9 * row.batch / found.mean)} a second'
    unit = time_unit([found.mean]) if figure in TIMED else MIB
    batch = f' for a batch of {row.batch}' if figure in TIMED and row.batch > 1 else ''
    return f'{plus_minus(found, unit)} {unit.name}{batch}'


def _bounds(within: Mapping[str, Any], percent: bool) -> str:
    """The bounds in words: ``accuracy drop at most 1 point, peak memory at most 300 MiB``."""
    words = []
    for name, bound in within.items():
        if bound is None:
            continue
        text = {
            'accuracy_drop': f'{bound * 100:g} point{"s" * (bound != 0.01)}' if percent else f'{bound:g}',
            'peak_memory': f'{significant(bound * MIB.factor)} MiB',
            'size': f'{significant(bound * MB.factor)} MB',
            'latency': f'{significant(bound * 1e3)} ms',
        }[name]
        words.append(f'{name.replace("_", " ")} at most {text}')
    return ', '.join(words)
