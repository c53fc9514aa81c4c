"""The tables of a report, from the rows; units stand once, in the head of a column."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from statistics import fmean, stdev
from typing import Any

from stages.intervals import drift, interval
from stages.measure.figures import Score
from stages.measure.samples import Cycle
from stages.recipe.setting import SINGLE
from stages.report import samples
from stages.report.blocks import Column, Line, Table
from stages.report.choose import Choice
from stages.report.digits import (
    MIB,
    Unit,
    at,
    percentile_text,
    place,
    plus_minus,
    ratio_text,
    score_words,
    significant,
    size_unit,
    time_unit,
    tiny,
)  # fmt: skip
from stages.report.findings import Findings
from stages.report.folding import shown
from stages.report.rows import Row, short_verdict
from stages.report.statistics import outliers

NONE = '—'
Cells = Callable[[Row], str]
Phase = tuple[str, Callable[[Cycle], float | None]]


def main_table(found: list[Row], findings: Findings, choice: Choice) -> Table:
    """One line per variant and thread count, failed ones greyed and with their word in the last column."""
    unit = time_unit(row.latency.mean for row in found if row.latency)
    size = size_unit([row.size for row in found if row.size])
    columns: list[tuple[Column, Cells]] = [
        (Column('variant'), lambda row: row.variant),
        # Beside the name, since a narrow screen shows little more than the first two columns.
        (Column('verdict'), lambda row: _word(row, choice)),
    ]
    if len({row.threads for row in found if row.threads}) > 1:
        columns.append((Column('threads', True), lambda row: str(row.threads or NONE)))
    if len({row.batch for row in found}) > 1:
        columns.append((Column('batch', True), lambda row: str(row.batch)))
    columns += _settings(found)
    columns += [
        (Column(f'latency, {unit.name}', True), lambda row: plus_minus(row.latency, unit) if row.latency else NONE),
        (Column(f'speed vs {findings.baseline}', True), lambda r: ratio_text(r.ratio) if r.ratio else NONE),
    ]
    columns += [(Column(f'{name}, {unit.name}', True), _percentile(name, unit)) for name in ('p50', 'p90')]
    columns += [
        (Column('peak memory, MiB', True), lambda row: plus_minus(row.peak, MIB) if row.peak else NONE),
        (Column(f'size, {size.name}', True), lambda row: significant(row.size * size.factor) if row.size else NONE),
    ]
    metric = next((row.metric.name for row in found if row.metric), None)
    if metric:
        less = any(row.metric and row.metric.better == 'lower' for row in found)
        columns.append((Column(metric + ' (less is better)' * less, True), lambda row: _score(row.metric)))
    # The agreement of a recipe whose metric it is would stand there twice.
    if metric != 'agreement' and any(row.agreement for row in found):
        columns.append((Column('agreement', True), lambda row: _score(row.agreement)))
    columns.append((Column('max difference', True), lambda row: tiny(row.max_abs)))
    columns.append((Column('stages'), lambda row: row.chain))
    first = {id(row) for row in shown(found, choice)}
    lines = tuple(
        Line(tuple(cell(row) for _, cell in columns), state(row, choice), folded=id(row) not in first) for row in found
    )
    return Table('Variants', tuple(column for column, _ in columns), lines, _note(found))


def _settings(found: list[Row]) -> list[tuple[Column, Cells]]:
    """Columns for what differs in how the rows were measured, besides threads and batch."""
    asked = [row.setting for row in found if row.setting]
    columns: list[tuple[Column, Cells]] = []
    if any(setting.scenario != SINGLE for setting in asked):
        columns.append((Column('scenario'), lambda row: row.setting.scenario if row.setting else NONE))
        columns.append((Column('samples a second', True), _rate))
    if len({setting.sizes for setting in asked}) > 1:
        columns.append((Column('sizes'), _sizes))
    if any(setting.isa for setting in asked):
        columns.append((Column('instructions'), lambda row: (row.setting.isa if row.setting else '') or 'all'))
    return columns


def _rate(row: Row) -> str:
    """Measured in scenarios that measure it, never one over a latency."""
    found = row.throughput
    return plus_minus(found, Unit('/s', 1.0)) if found else NONE


def _sizes(row: Row) -> str:
    return ', '.join(f'{name} {size}' for name, size in row.setting.sizes) if row.setting else NONE


def state(row: Row, choice: Choice) -> str:
    if row.failure:
        return 'refused' if row.unsupported else 'greyed'
    return 'chosen' if choice.of(row) else ''


def _word(row: Row, choice: Choice) -> str:
    return short_verdict(row) + (', chosen' if state(row, choice) == 'chosen' else '')


def _score(score: Score | None) -> str:
    return score_words(score) if score else NONE


def _percentile(name: str, unit: Unit) -> Cells:
    def cell(row: Row) -> str:
        if name not in row.percentiles or not row.latency:
            return NONE
        found = row.percentiles[name]
        text = percentile_text(found, row.latency, unit)
        if name != 'p99' or found.high is None:
            return text
        power = -len(text.partition('.')[2])
        return f'{text} ({at(found.low * unit.factor, power)}–{at(found.high * unit.factor, power)})'

    return cell


def _note(found: list[Row]) -> str:
    cycles = max((len(samples.timed(row.cycles)) for row in found), default=0)
    batch = {row.batch for row in found}
    what = f'batch {batch.pop()}' if len(batch) == 1 else 'batch as in the table'
    compared = sum(row.ratio is not None for row in found)
    return (
        f'Timed: host array in → host array out, {what}, after warm-up. Intervals: 95 %, over {cycles} process means; '
        f'speed: over paired rounds ({compared} comparisons). Percentiles: of all calls pooled.'
    )


def tail_table(found: list[Row]) -> Table:
    """The slow end, where there are calls enough to know it."""
    measured = [row for row in found if row.latency and 'p95' in row.percentiles]
    unit = time_unit(row.latency.mean for row in measured if row.latency)
    names = [name for name in ('p50', 'p90', 'p95', 'p99') if any(name in row.percentiles for row in measured)]
    columns = (Column('variant'), Column('threads', True), *(Column(f'{name}, {unit.name}', True) for name in names))
    lines = tuple(
        Line((row.variant, str(row.threads or NONE), *(_percentile(name, unit)(row) for name in names)))
        for row in measured
    )
    note = 'Of all calls pooled. The p99 of so few calls is known only as well as its interval says.'
    return Table('Slow calls', columns, lines, note)


def trust_table(found: list[Row]) -> Table:
    """Cycle means, their spread, drift and outliers of each variant: what to look at before believing a mean."""
    measured = [row for row in found if row.latency]
    unit = time_unit(row.latency.mean for row in measured if row.latency)
    columns = (
        Column('variant'), Column('threads', True), Column(f'cycle means, {unit.name}', True), Column('spread', True),
        Column('drift in a cycle', True), Column('outliers, mild', True), Column('severe', True), Column('judgement'),
    )  # fmt: skip
    return Table('Spread, drift and outliers', columns, tuple(_trust(row, unit) for row in measured),
                 'Spread: standard deviation of the cycle means, in % of their mean; above 3 % is worth a look. '
                 'Drift: second half over first half of each cycle, t test at 1 %. Outliers: beyond 1.5 and 3 IQR; '
                 'none is dropped.')  # fmt: skip


def _trust(row: Row, unit: Unit) -> Line:
    assert row.latency is not None
    cycles = [samples.times(cycle) for cycle in samples.timed(row.cycles)]
    means = [fmean(cycle) * unit.factor for cycle in cycles]
    spread = stdev(means) / fmean(means) * 100 if len(means) > 1 else None
    power = place((row.latency.half or 0) * unit.factor, row.latency.mean * unit.factor)
    drifted, counts = drift(cycles), [outliers(cycle) for cycle in cycles]
    said = ['cycles differ'] * (spread is not None and spread > 3) + ['drifts'] * bool(drifted and drifted.real)
    text = f'{at((drifted.ratio - 1) * 100, -1)} %' if drifted else NONE
    return Line((
        row.variant, str(row.threads or NONE), ' '.join(at(value, power) for value in means),
        f'{significant(spread, 2)} %' if spread is not None else NONE, text,
        str(sum(mild for mild, _ in counts)), str(sum(severe for _, severe in counts)), ', '.join(said) or 'steady',
    ))  # fmt: skip


def cold_table(found: list[Row]) -> Table:
    """What a start costs, per variant: the mean over fresh processes."""
    phases: tuple[Phase, ...] = (
        ('import', lambda cycle: cycle.import_ns),
        ('load and compile', lambda cycle: cycle.load_ns),
        ('first call', lambda cycle: cycle.first_ns),
        ('warm-up', lambda cycle: sum(cycle.warmup_ns) or None),
    )
    measured = [row for row in found if row.cycles]
    unit = Unit('ms', 1e-6)
    columns = (Column('variant'), Column('threads', True), *(Column(f'{title}, ms', True) for title, _ in phases))
    lines = tuple(
        Line((row.variant, str(row.threads or NONE), *(_over_cycles(row, of, unit) for _, of in phases)))
        for row in measured
    )
    note = 'Mean over fresh processes, with the files already in the page cache. Warm-up: all its calls together.'
    return Table('Costs of a start', columns, lines, note)


def memory_table(found: list[Row]) -> Table:
    """Resident memory as a process goes on, and what the model itself added."""
    phases: tuple[Phase, ...] = (
        ('start', lambda cycle: cycle.rss_start_bytes),
        ('after import', lambda cycle: cycle.rss_import_bytes),
        ('after load', lambda cycle: cycle.rss_load_bytes),
        ('after first call', lambda cycle: cycle.rss_first_bytes),
        ('at the end', lambda cycle: cycle.rss_end_bytes),
        ('PSS', lambda cycle: cycle.pss_bytes),
    )
    measured = [row for row in found if row.cycles]
    columns = (Column('variant'), Column('threads', True), *(Column(title, True) for title, _ in phases),
               Column('peak, mean', True), Column('peak, highest', True),
               Column('added by the model', True))  # fmt: skip

    def mib(value: float | None) -> str:
        return NONE if value is None else significant(value * MIB.factor)

    lines = tuple(
        Line((
            row.variant, str(row.threads or NONE),
            *(mib(_mean(_phase(row, of))) for _, of in phases),
            mib(row.peak.mean if row.peak else None), mib(samples.highest(row.cycles)), mib(row.added),
        ))
        for row in measured
    )  # fmt: skip
    single = any(not cycle.peak_per_repetition for row in measured for cycle in row.cycles)
    how = 'one value per cycle, the life of the process' if single else 'reset before each repetition'
    return Table('Resident memory by phase, MiB', columns, lines,
                 f'Peak: {how}. Added by the model: peak minus memory after import. PSS shares library pages '
                 'among the processes that use them.')  # fmt: skip


def build_table(findings: Findings) -> Table:
    """What each stage of each variant took to build; a key that stands twice was built once."""
    columns = (Column('variant'), Column('stage'), Column('parameters'), Column('time, s', True),
               Column('peak memory, MiB', True), Column('key'))  # fmt: skip
    lines = tuple(
        Line((
            variant.name, stage.kind, parameters(stage.params) or NONE,
            _known(stage.seconds, 1.0), _known(stage.peak_memory_bytes, MIB.factor), (stage.key or NONE)[:12],
        ))
        for variant in findings.variants for stage in variant.stages
    )  # fmt: skip
    return Table('Stages', columns, lines, 'Stages with equal keys are one step: built once, used by every variant.')


def facts_table(title: str, facts: Mapping[str, Any], name: str) -> Table:
    """Machine facts or versions, nested ones with their path in words."""
    lines = tuple(Line(pair) for pair in flat(facts))
    return Table(title, (Column(name), Column('value')), lines)


def flat(facts: Mapping[str, Any], before: str = '') -> Iterable[tuple[str, str]]:
    for key, value in facts.items():
        if isinstance(value, Mapping):
            yield from flat(value, f'{before}{key} ')
        elif isinstance(value, (list, tuple)):
            yield before + key, ', '.join(str(item) for item in value) or NONE
        else:
            yield before + key, NONE if value is None or value == '' else str(value)


def parameters(params: Mapping[str, Any]) -> str:
    return ', '.join(f'{key}: {value}' for key, value in params.items() if value is not None)


def _mean(values: list[float]) -> float | None:
    return fmean(values) if values else None


def _phase(row: Row, of: Callable[[Cycle], float | None]) -> list[float]:
    return samples.known([of(cycle) for cycle in row.cycles])


def _over_cycles(row: Row, of: Callable[[Cycle], float | None], unit: Unit) -> str:
    values = _phase(row, of)
    return plus_minus(interval(values), unit) if values else NONE


def _known(value: float | None, factor: float) -> str:
    return NONE if value is None else significant(value * factor)
