"""The first screen: four answers (which variant, how fast, how good, can I trust it), then on what and when."""

from __future__ import annotations

from collections.abc import Mapping

from stages.report.blocks import Fact
from stages.report.choose import Choice
from stages.report.digits import MIB, plus_minus, ratio_text, score_words, significant, size_unit, time_unit
from stages.report.findings import Findings
from stages.report.rows import Row

UNKNOWN = 'not measured'


def shown_row(found: list[Row], choice: Choice) -> Row | None:
    """The row that the first screen is about; None when none is chosen."""
    return next((row for row in found if choice.of(row)), None)


def facts(findings: Findings, found: list[Row], choice: Choice) -> tuple[Fact, ...]:
    """Variant, speed with its interval, accuracy with its interval and count, trust."""
    row = shown_row(found, choice)
    if row is None:
        return ()
    base = next((one for one in found if one.baseline and one.setting == row.setting), None)
    return (
        Fact('variant', row.variant, _what(row, found)),
        Fact('speed', *_speed(row, findings)),
        Fact('accuracy', *_accuracy(row, base)),
        Fact('trust', *_trust(findings)),
    )


def _what(row: Row, found: list[Row]) -> str:
    unit = size_unit([row.size or 0])
    said = [row.engine, row.precision, f'{significant(row.size * unit.factor)} {unit.name}' if row.size else '']
    if row.threads and len({one.threads for one in found if one.threads}) > 1:
        said.append(f'{row.threads} thread{"s" * (row.threads != 1)}')
    if row.peak:
        said.append(f'peak {plus_minus(row.peak, MIB)} MiB')
    return ' · '.join(one for one in said if one)


def _speed(row: Row, findings: Findings) -> tuple[str, str]:
    latency = ''
    if row.latency:
        unit = time_unit([row.latency.mean])
        batch = f' for a batch of {row.batch}' if row.batch > 1 else ''
        latency = f'{plus_minus(row.latency, unit)} {unit.name}{batch}'
    if row.ratio:
        return f'{ratio_text(row.ratio)} {row.verdict}', f'against {findings.baseline}; {latency} a call'
    return latency or UNKNOWN, 'the baseline itself' if row.baseline else ''


def _accuracy(row: Row, base: Row | None) -> tuple[str, str]:
    if row.metric is None:
        agrees = f'agrees with {base.variant} on {score_words(row.agreement)}' if row.agreement and base else ''
        return UNKNOWN, agrees
    count = f', n = {row.metric.n}' if row.metric.n else ''
    value = f'{row.metric.name} {score_words(row.metric)}{count}'
    if row.baseline or base is None or base.metric is None:
        return value, 'the source itself' if row.baseline else ''
    return value, f'source {score_words(base.metric)}'


def _trust(findings: Findings) -> tuple[str, str]:
    count = len(findings.flags)
    if not count:
        return 'no doubts', 'no noise flag was raised'
    return f'{count} doubt{"s" * (count != 1)}', findings.flags[0]


def measured(findings: Findings) -> tuple[Fact, ...]:
    """The CPU, the hour, the shapes and the protocol, as far as they are known."""
    cpu, protocol = findings.machine.get('cpu') or {}, findings.protocol
    cores = f', {cpu["cores"]} cores' if isinstance(cpu.get('cores'), int) else ''
    shapes = ', '.join(f'{name} {"×".join(map(str, shape)) or "scalar"}' for name, shape in fed(findings).items())
    sizes = ', '.join(f'{name}: {size}' for name, size in protocol.sizes.items())
    threads = f'{" and ".join(map(str, protocol.threads))} thread{"s" * (protocol.threads != (1,))}'
    told = {
        'CPU': f'{cpu.get("model") or ""}{cores}'.strip(', '),
        'measured': findings.created[:16].replace('T', ' ') + ' UTC' if findings.created else '',
        'fed': shapes or sizes,
        'on': threads if protocol.threads else '',
        'rounds': f'{protocol.cycles} fresh processes × {protocol.repetitions} calls' if protocol.cycles else '',
    }
    return tuple(Fact(title, text) for title, text in told.items() if text)


def fed(findings: Findings) -> Mapping[str, tuple[int, ...]]:
    """The shapes of what the baseline was fed when it was measured."""
    base = next((variant for variant in findings.variants if variant.name == findings.baseline), None)
    cycles = (cycle for taken in base.measured for cycle in taken.cycles) if base else ()
    return next((cycle.fed for cycle in cycles if cycle.fed), {})
