"""The table of compressed forms: each quantized, narrowed or pruned variant against its float form."""

from __future__ import annotations

from stages.report.blocks import Column, Line, Table
from stages.report.compressed import Compressed
from stages.report.digits import at, change_text, place, ratio_text, significant
from stages.report.findings import Findings
from stages.report.float_form import COMPUTES, DOT_PRODUCTS, instructions
from stages.report.rows import Row
from stages.report.statistics import Ratio
from stages.report.tables import NONE

TITLE = 'Compressed forms against their float form'


def compressed_table(found: list[Row], findings: Findings) -> Table:
    """One line per compressed variant: size, speed, memory and accuracy against the same without it."""
    shown = [(row, row.compressed) for row in found if row.compressed]
    several = len({row.threads for row, _ in shown if row.threads}) > 1
    metric = next((row.quality.name for row, _ in shown if row.quality), 'accuracy')
    columns = (
        Column('variant'), Column('pays on this CPU?'), Column('against'),
        *([Column('threads', True)] if several else []), Column('precision'), Column('size', True),
        Column('speed', True), Column('peak memory', True), Column(metric, True), Column('in words'),
    )  # fmt: skip
    lines = tuple(
        Line((
            row.variant, _short(one.word), one.form + ' *' * (not one.exact),
            *([str(row.threads or NONE)] if several else []), row.precision,
            NONE if one.size is None else _percent(one.size - 1),
            _speed(one), _memory(one.memory), _metric(row, one), one.why,
        ), _state(row, one))
        for row, one in shown
    )  # fmt: skip
    return Table(TITLE, columns, lines, _note([row for row, _ in shown], findings))


def _short(word: str) -> str:
    return word.removesuffix(' on this CPU')


def _state(row: Row, one: Compressed) -> str:
    return 'greyed' if row.failure or one.word.startswith('does not pay') else ''


def _percent(change: float) -> str:
    return f'{_signed(significant(change * 100, 2) if abs(change) >= 0.0005 else "0")} %'


def _signed(text: str) -> str:
    return f'−{text[1:]}' if text.startswith('-') else f'+{text}' if text.strip('0.') else text


def _speed(one: Compressed) -> str:
    return (ratio_text(one.speed) if one.speed else NONE) + ' †' * (not one.one_run)


def _memory(found: Ratio | None) -> str:
    if found is None:
        return NONE
    value, *bounds = ((1 / one - 1) * 100 for one in (found.value, found.high, found.low) if one)
    if not bounds:
        return _percent(value / 100)
    return f'{_signed(at(value, max(place((bounds[1] - bounds[0]) / 2, value), -1)))} %'


def _metric(row: Row, one: Compressed) -> str:
    if one.metric is None or row.quality is None:
        return NONE
    text = change_text(one.metric, row.quality.percent)
    return 'as good' if not one.metric else f'{"−" if one.metric < 0 else "+"}{text}'


def _note(shown: list[Row], findings: Findings) -> str:
    found = [row.compressed for row in shown if row.compressed]
    said = ['The float form is the variant with the same stages without those that compress it, measured in the '
            'same rounds.']  # fmt: skip
    if any(not one.exact for one in found):
        said.append('*: the recipe has no such variant; this is the nearest there is.')
    if any(not one.one_run for one in found):
        said.append('†: measured in another run; each is taken against the baseline of its own run.')
    said.append('Speed and memory: 95 % intervals over paired rounds; above 1× is faster. '
                'The words take less than 2 % of speed and less than 5 % of size or memory for nothing.')  # fmt: skip
    for precision in DOT_PRODUCTS:
        has = instructions(precision, findings.cpu_flags)
        if has is not None and any(row.precision == precision for row in shown):
            said.append(f'{precision} on this CPU: {", ".join(has) or f"no {COMPUTES[precision]}"}.')
    return ' '.join(said)
