"""The first screen: four answers (which variant, how fast, how good, can I trust it), then on what and when."""

from __future__ import annotations

from collections.abc import Mapping

from stages.report.blocks import Fact
from stages.report.choose import Choice
from stages.report.digits import MIB, plus_minus, significant, size_unit, time_unit
from stages.report.findings import Findings
from stages.report.rows import Row
from stages.report.verdict import Verdict

UNKNOWN = 'not measured'


def facts(findings: Findings, found: list[Row], choice: Choice, verdict: Verdict) -> tuple[Fact, ...]:
    """Variant, speed with its interval, accuracy with its interval and count, trust; none where nothing is chosen."""
    row = next((row for row in found if choice.of(row)), None)
    if row is None:
        return ()
    return (
        Fact('variant', row.variant, _what(row, found)),
        Fact('speed', verdict.speed_words, _latency(row)),
        Fact('accuracy', *_accuracy(verdict, findings.metric)),
        Fact('trust', *_trust(verdict)),
    )


def _what(row: Row, found: list[Row]) -> str:
    unit = size_unit([row.size or 0])
    said = [row.engine, row.precision, f'{significant(row.size * unit.factor)} {unit.name}' if row.size else '']
    if row.setting and len({one.setting for one in found if one.setting}) > 1:
        said.append(row.setting.words())
    if row.peak:
        said.append(f'peak {plus_minus(row.peak, MIB)} MiB')
    return ' · '.join(one for one in said if one)


def _latency(row: Row) -> str:
    if row.throughput:
        return f'{significant(row.throughput.mean)} samples a second'
    if not row.latency:
        return ''
    unit = time_unit([row.latency.mean])
    return f'{plus_minus(row.latency, unit)} {unit.name} a call' + (f' of {row.batch}' if row.batch > 1 else '')


def _accuracy(verdict: Verdict, metric: str) -> tuple[str, str]:
    """The metric's words; agreement with the source is no accuracy, unless the recipe made it its metric."""
    found = verdict.accuracy
    if found.score is not None and (found.score.name != 'agreement' or metric == 'agreement'):
        value, _, more = found.words.partition('; ')
        return value, more or found.judgement
    return UNKNOWN, '' if found.words == UNKNOWN else found.words


def _trust(verdict: Verdict) -> tuple[str, str]:
    count = len(verdict.trust.doubts)
    return f'{count} grave doubt{"s" * (count != 1)}' if count else 'no grave doubt', verdict.trust.words


def measured(findings: Findings) -> tuple[Fact, ...]:
    """The CPU, the hour, the shapes and the protocol, as far as they are known."""
    cpu, protocol = findings.machine.get('cpu') or {}, findings.protocol
    cores = f', {cpu["cores"]} cores' if isinstance(cpu.get('cores'), int) else ''
    shapes = ', '.join(f'{name} {"×".join(map(str, shape)) or "scalar"}' for name, shape in fed(findings).items())
    sizes = ', '.join(f'{name}: {size}' for name, size in protocol.sizes.items())
    threads = f'{" and ".join(map(str, protocol.threads))} thread{"s" * (protocol.threads != (1,))}'
    told = {
        'CPU': f'{cpu.get("model") or ""}{cores}'.strip(', '),
        'measured': _moment(_taken(findings)),
        'reported': '' if _taken(findings) else _moment(findings.created),
        'fed': shapes or sizes,
        'on': threads if protocol.threads else '',
        'rounds': f'{protocol.cycles} fresh processes × {protocol.repetitions} calls' if protocol.cycles else '',
    }
    return tuple(Fact(title, text) for title, text in told.items() if text)


def _moment(stamp: str) -> str:
    return f'{stamp[:16].replace("T", " ")} UTC' if stamp else ''


def _taken(findings: Findings) -> str:
    """When the last session of the table began; empty: no sample says."""
    return max((taken.taken for variant in findings.variants for taken in variant.measured), default='')


def fed(findings: Findings) -> Mapping[str, tuple[int, ...]]:
    """The shapes of what the baseline was fed when it was measured."""
    base = next((variant for variant in findings.variants if variant.name == findings.baseline), None)
    cycles = (cycle for taken in base.measured for cycle in taken.cycles) if base else ()
    return next((cycle.fed for cycle in cycles if cycle.fed), {})
