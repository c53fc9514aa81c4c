"""Findings into rows: one per variant and thread count, unrounded; every page is written from these."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from stages.intervals import Interval, interval
from stages.report import samples
from stages.report.compressed import Lighter, with_lighter
from stages.report.digits import score_text, share_text
from stages.report.reasons import Reason, reason_of
from stages.report.samples import Cycle
from stages.report.statistics import (
    Percentile,
    Ratio,
    level_for,
    paired_ratio,
    percentiles,
    verdict,
)  # fmt: skip

Findings = dict[str, Any]
SHARES = ('top1', 'agreement')
"""Metrics that are a share of the samples, written in percent; a recipe's own may be anything."""


@dataclass(frozen=True)
class Share:
    """An accuracy, agreement or other metric (1 is perfect) with the interval that its number of samples gives."""

    name: str
    value: float
    n: int | None
    low: float | None
    high: float | None

    @property
    def percent(self) -> bool:
        return self.name in SHARES

    def __str__(self) -> str:
        return (share_text if self.percent else score_text)(self.value, self.low, self.high)


@dataclass(frozen=True)
class Row:
    """What is known about one variant at one thread count; times in ns, memory and size in bytes."""

    variant: str
    chain: str
    stages: tuple[dict[str, Any], ...]
    engine: str
    format: str
    precision: str
    options: dict[str, Any]
    batch: int
    threads: int | None
    baseline: bool
    failure: str | None
    """Why it does not count, in words; None: it does."""

    reason: Reason | None
    """Set: it was not built."""

    built: bool
    elsewhere: str
    """The machine it is for, in words, when that is another one; empty: this one."""

    latency: Interval | None
    ratio: Ratio | None
    verdict: str
    percentiles: dict[str, Percentile]
    peak: Interval | None
    added: float | None
    size: int | None
    metric: Share | None
    agreement: Share | None
    max_abs: float | None
    relative: float | None
    cosine: float | None
    cycles: tuple[Cycle, ...]
    baseline_cycles: tuple[Cycle, ...]
    lighter: Lighter | None = None
    """Set on what is lighter than f32: how it compares with its float form."""

    @property
    def unsupported(self) -> bool:
        """Whether a tool refused it, as its recipe expects."""
        return self.reason is not None and self.reason.expected

    @property
    def quality(self) -> Share | None:
        """The recipe's metric; agreement with the baseline when there is none."""
        return self.metric or self.agreement


def rows(findings: Findings) -> list[Row]:
    """The rows in the recipe's order; a failed variant has one, so that nobody wonders where it went."""
    level = level_for(comparisons(findings))
    made: list[Row] = []
    for variant in findings.get('variants') or ():
        measured = variant.get('measured') or [{}]
        made += [_row(findings, variant, one, level) for one in measured]
    return with_lighter(made, ((findings.get('machine') or {}).get('cpu') or {}).get('flags'))


def comparisons(findings: Findings) -> int:
    """How many times a variant is compared with the baseline in this report."""
    others = [v for v in findings.get('variants') or () if v['name'] != findings.get('baseline')]
    return sum(bool(m.get('cycles') and m.get('baseline_cycles')) for v in others for m in v.get('measured') or ())


def chain(variant: dict[str, Any]) -> str:
    return ' → '.join(stage['kind'] for stage in variant.get('stages') or ()) or 'the source itself'


def failure_of(variant: dict[str, Any]) -> str | None:
    """Why a variant must not be shipped, in one sentence; None when it may."""
    if reason := reason_of(variant):
        return reason.sentence
    if variant.get('accuracy_failed'):
        return f'fails its accuracy bound: {variant["accuracy_failed"]}'
    check = variant.get('check') or {}
    difference, tolerance = check.get('difference') or {}, check.get('tolerance') or {}
    relative, cosine = difference.get('relative'), difference.get('cosine')
    if tolerance.get('relative') is not None and relative is not None and relative > tolerance['relative']:
        return f'fails its accuracy bound: relative difference {relative:.2g}, allowed {tolerance["relative"]:.2g}'
    if tolerance.get('cosine') is not None and cosine is not None and cosine < tolerance['cosine']:
        return f'fails its accuracy bound: cosine similarity {cosine:.4g}, at least {tolerance["cosine"]:.4g} allowed'
    return None


def short_verdict(row: Row) -> str:
    """The word of the table's last column."""
    if not row.built:
        return (row.failure or 'failed').partition(':')[0]
    return 'fails its accuracy bound' if row.failure else row.verdict


def _share(found: dict[str, Any] | None, name: str) -> Share | None:
    if not found or found.get('value') is None:
        return None
    return Share(found.get('name') or name, found['value'], found.get('n'), found.get('low'), found.get('high'))


def _row(findings: Findings, variant: dict[str, Any], measured: dict[str, Any], level: int) -> Row:
    cycles, against = measured.get('cycles') or [], measured.get('baseline_cycles') or []
    means, peaks = samples.cycle_means(cycles), samples.peaks(cycles)
    is_baseline = variant['name'] == findings.get('baseline')
    before, after = samples.pairs(cycles, against)
    ratio = paired_ratio(before, after, level) if before and not is_baseline else None
    added = [mean - float(c['rss_import_bytes']) for c in cycles if c.get('rss_import_bytes') is not None
             for mean in samples.peaks([c])]  # fmt: skip
    check = variant.get('check') or {}
    difference = check.get('difference') or {}
    word = 'baseline' if is_baseline else verdict(ratio) if ratio else 'not compared' if means else 'not measured'
    if elsewhere := variant.get('elsewhere'):
        word = f'for {elsewhere}' + ('' if difference else ', not run here')
    return Row(
        variant=variant['name'],
        chain=chain(variant),
        stages=tuple(variant.get('stages') or ()),
        engine=variant.get('engine') or '',
        format=variant.get('format') or '',
        precision=variant.get('precision') or '',
        options=variant.get('options') or {},
        batch=variant.get('batch') or 1,
        threads=measured.get('threads'),
        baseline=is_baseline,
        failure=failure_of(variant),
        reason=reason_of(variant),
        built=variant.get('status') == 'built',
        elsewhere=variant.get('elsewhere') or '',
        latency=interval(means) if means else None,
        ratio=ratio,
        verdict=word,
        percentiles=percentiles([t for c in cycles for t in samples.times(c)]) if means else {},
        peak=interval(peaks) if peaks else None,
        added=sum(added) / len(added) if added else None,
        size=variant.get('size_bytes'),
        metric=_share(check.get('metric'), 'metric'),
        agreement=_share(check.get('agreement'), 'agreement'),
        max_abs=difference.get('max_abs'),
        relative=difference.get('relative'),
        cosine=difference.get('cosine'),
        cycles=tuple(cycles),
        baseline_cycles=tuple(against),
    )
