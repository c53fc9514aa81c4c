"""Findings into rows: one per variant and thread count, unrounded; every page is written from these."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from statistics import fmean
from typing import Any

from stages.intervals import Interval, interval
from stages.measure.figures import Check, Difference, Score
from stages.measure.samples import Cycle, Samples
from stages.recipe.setting import SCENARIOS, SINGLE, Setting, Table
from stages.report import samples
from stages.report.accuracy import with_interval
from stages.report.compressed import Compressed
from stages.report.findings import Findings, Stage, Variant
from stages.report.reasons import Reason, reason_of
from stages.report.statistics import Percentile, Ratio, level_for, paired_ratio, percentiles, verdict
from stages.report.whole import Whole, whole_of

TOO_FAR = 'too far from the source'
UNMEASURED = 'measuring failed'
BELOW = 'fails its accuracy bound'


@dataclass(frozen=True)
class Row:
    """What is known about one variant in one setting; times in ns, memory and size in bytes."""

    variant: str
    chain: str
    stages: tuple[Stage, ...]
    engine: str
    format: str
    precision: str
    options: Mapping[str, Any]
    batch: int
    threads: int | None
    baseline: bool
    failure: str | None
    """Why it does not count, in words; None: it does."""

    word: str
    """``failure`` in the table's words: ``failed at onnx-1a2b``, ``too far from the source`` …; empty: it counts."""

    reason: Reason | None
    """Set: it was not built, or its output is too far from the source's."""

    built: bool
    """There is a model, good or not: what was measured of it is shown."""

    unmeasured: str
    """Why it could not be measured; empty: it was, or nobody tried."""

    foreign: str
    """The machine it is for, in words, when that is another one; empty: this one."""

    latency: Interval | None
    ratio: Ratio | None
    verdict: str
    percentiles: dict[str, Percentile]
    peak: Interval | None
    added: float | None
    size: int | None
    metric: Score | None
    agreement: Score | None
    max_abs: float | None
    relative: float | None
    cosine: float | None
    where: str
    """The place of ``max_abs``."""

    cycles: tuple[Cycle, ...]
    baseline_cycles: tuple[Cycle, ...]
    setting: Setting | None = None
    """How it was measured; None: it was not."""

    untimed: str = ''
    """Why there are no times of it in this setting, in words, though nothing failed."""

    whole: Whole | None = None
    """Of whole requests; None: the recipe says nothing of what is around the model, or it failed."""

    session: str = ''
    """The session it was measured in; empty: not known, or the only one."""

    apart: bool = False
    """It was measured in another session than the table's: compared with the baseline of that one, and never chosen."""

    sha256: str = ''
    line: int = 0
    """The variants of one matrix have one line."""

    compressed: Compressed | None = None
    """Set on a compressed form: how it compares with its float form."""

    @property
    def throughput(self) -> Interval | None:
        """Samples a second, where the scenario measures them: over the means of the processes."""
        if not self.setting or self.setting.scenario == SINGLE:
            return None
        means = samples.cycle_means(self.cycles)
        return interval([1e9 * self.batch / mean for mean in means]) if means else None

    @property
    def unsupported(self) -> bool:
        """Whether a tool refused it, as its recipe expects."""
        return self.reason is not None and self.reason.expected

    @property
    def quality(self) -> Score | None:
        """The recipe's metric; agreement with the baseline when there is none."""
        return self.metric or self.agreement


def rows(findings: Findings) -> list[Row]:
    """The rows in the recipe's order; a failed variant has one, so that nobody wonders where it went."""
    level, of_table = level_for(comparisons(findings)), sessions(findings)
    made: list[Row] = []
    for variant in findings.variants:
        taken = {one.setting: one for one in variant.measured}
        failed = {one.setting: one.reason for one in variant.unmeasured}
        for setting in sorted(taken.keys() | failed.keys(), key=_place):
            measured = taken.get(setting) or Samples(setting.threads, setting.batch)
            apart = bool(measured.cycles) and measured.session != of_table[setting.table]
            made.append(_row(findings, variant, setting, measured, failed.get(setting, ''), level, apart))
        if not taken and not failed:
            made.append(_row(findings, variant, None, Samples(), '', level, False))
    return made


def _place(setting: Setting) -> tuple[int, Setting]:
    return SCENARIOS.index(setting.scenario), setting


def sessions(findings: Findings) -> dict[Table, str]:
    """Return the session of each table: that of most rows, of equal ones the baseline's. A choice is of it alone."""
    found: dict[Table, dict[str, tuple[int, bool]]] = {}
    for variant in findings.variants:
        for one in variant.measured:
            counts = found.setdefault(one.setting.table, {})
            count, base = counts.get(one.session, (0, False))
            counts[one.session] = count + 1, base or variant.name == findings.baseline
    return {table: max(counts, key=lambda name: counts[name]) for table, counts in found.items()}


def comparisons(findings: Findings) -> int:
    """How many times a variant is compared with the baseline in this report."""
    others = [v for v in findings.variants if v.name != findings.baseline]
    return sum(bool(m.cycles and m.baseline_cycles) for v in others for m in v.measured)


def chain(variant: Variant) -> str:
    return ' → '.join(stage.kind for stage in variant.stages) or 'the source itself'


def short_verdict(row: Row) -> str:
    """The word of the table's last column."""
    return row.word or row.verdict


def _failure(variant: Variant, reason: Reason | None, unmeasured: str) -> tuple[str, str]:
    """Why a variant must not be shipped: the table's word, and one sentence; both empty when it may."""
    if reason is not None and not variant.built:
        return reason.sentence.partition(':')[0], reason.sentence
    if reason is not None:
        return TOO_FAR, f'{TOO_FAR}: {reason.step} {reason.head}'
    if variant.accuracy_failed:
        return BELOW, f'{BELOW}: {variant.accuracy_failed}'
    if unmeasured:
        return UNMEASURED, f'{UNMEASURED}: {unmeasured}'
    return '', ''


def _row(
    findings: Findings,
    variant: Variant,
    setting: Setting | None,
    measured: Samples,
    unmeasured: str,
    level: float,
    apart: bool,
) -> Row:
    cycles, against = measured.cycles, measured.baseline_cycles
    means, peaks = samples.cycle_means(cycles), samples.peaks(cycles)
    is_baseline = variant.name == findings.baseline
    before, after = samples.pairs(cycles, against)
    ratio = paired_ratio(before, after, level) if before and not is_baseline else None
    added, single = samples.added(cycles), setting is None or setting.scenario == SINGLE
    check = variant.check or Check()
    difference = check.difference or Difference(None, None, None)
    said = 'baseline' if is_baseline else verdict(ratio) if ratio else 'not compared' if means else 'not measured'
    if variant.foreign:
        said = f'for {variant.foreign}' + ('' if check.difference else ', not run here')
    if measured.untimed:
        said = f'emulated {measured.emulated}' if measured.emulated else f'not on {measured.isa}'
    reason = reason_of(variant)
    word, failure = _failure(variant, reason, unmeasured)
    return Row(
        variant=variant.name,
        chain=chain(variant),
        stages=variant.stages,
        engine=variant.engine,
        format=variant.format,
        precision=variant.precision,
        options=variant.options,
        batch=variant.batch,
        threads=measured.threads,
        setting=setting,
        untimed=measured.untimed,
        baseline=is_baseline,
        failure=failure or None,
        word=word,
        reason=reason,
        built=variant.built,
        unmeasured=unmeasured,
        foreign=variant.foreign,
        latency=interval(means) if means else None,
        ratio=ratio,
        verdict=said,
        # a throughput is one figure of a process: it has no slow calls
        percentiles=percentiles([t for c in cycles for t in samples.times(c)]) if means and single else {},
        peak=interval(peaks) if peaks else None,
        added=fmean(added) if added else None,
        size=variant.size_bytes,
        metric=with_interval(check.metric),
        agreement=with_interval(check.agreement),
        max_abs=difference.max_abs,
        relative=difference.relative,
        cosine=difference.cosine,
        where=difference.where,
        cycles=cycles,
        baseline_cycles=against,
        whole=whole_of(cycles, against, level, is_baseline=is_baseline),
        session=measured.session,
        apart=apart,
        sha256=variant.sha256,
        line=variant.line,
    )
