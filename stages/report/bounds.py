"""The bounds of a recipe's `choose` and `check`: which variants may not be shipped, and why."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from stages.measure.tolerance import loss, too_much
from stages.report.digits import MB, MIB, change_text, significant, time_unit
from stages.report.findings import Findings
from stages.report.objective import Objective
from stages.report.rows import Row


def refusal(row: Row, objective: Objective, findings: Findings, baseline: Row | None) -> str | None:
    """Return why a row may not be shipped, in words; None when it may."""
    if row.failure:
        return row.failure
    if row.foreign:
        return f'it is for {row.foreign}, and was not measured here'
    if math.isinf(objective.value(row)):
        return f'its {objective.words.partition(" ")[2]} was not measured'
    if row.apart:
        return 'it was measured in another session than the others, and none is chosen across sessions'
    bounds = [*findings.asked.within.items(), ('accuracy_drop', findings.asked.max_drop)]
    for name, bound in bounds:
        if bound is not None and (why := breaks(row, name, bound, baseline, findings.metric)):
            return why
    return None


def breaks(row: Row, name: str, bound: float, baseline: Row | None, metric: str) -> str | None:
    """Return how a row breaks one bound, in words; None when it keeps it."""
    if name == 'accuracy_drop':
        return _drops(row, bound, baseline, metric)
    value = figure(row, name)
    if value is None:
        return f'its {name.replace("_", " ")} was not measured, and the recipe bounds it'
    limit = bound * 1e9 if name == 'latency' else bound
    if value <= limit:
        return None
    unit = time_unit([value, limit]) if name == 'latency' else MIB if name == 'peak_memory' else MB
    figures = f'{significant(value * unit.factor)} {unit.name}, allowed {significant(limit * unit.factor)} {unit.name}'
    return f'{name.replace("_", " ")} {figures}'


def figure(row: Row, name: str) -> float | None:
    """Return what a bound is about: nanoseconds or bytes; None where it is not known."""
    value: dict[str, float | None] = {
        'peak_memory': row.peak.mean if row.peak else None,
        'size': row.size,
        'latency': row.latency.mean if row.latency else None,
    }
    if name not in value:
        raise ValueError(f'choose: unknown bound {name!r}; expected accuracy_drop, peak_memory, size or latency')
    return value[name]


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


def in_words(bounds: Mapping[str, Any], percent: bool) -> str:
    """The bounds in words: ``accuracy drop at most 1 point, peak memory at most 300 MiB``."""
    words = []
    for name, bound in bounds.items():
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
