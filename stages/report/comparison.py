"""One page over several recipes: engines against models, what quantizing brings, modes, weaker CPUs, a ranking.

Only figures of one session are held against each other; ratios to the baseline are combined over models, which were
measured apart, and their intervals add in squares.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from stages.recipe.setting import SINGLE
from stages.report.blocks import Block, Column, Fact, Items, Line, Page, Paragraph, Section, Table
from stages.report.comparison_cells import NONE, added_cell, grouped_by, in_order, latency_cell, memory_cell, times
from stages.report.comparison_charts import engine_charts
from stages.report.comparison_modes import is_mode, mode_charts, modes
from stages.report.digits import ratio_text
from stages.report.measured import Measured, Told, columns_of, label_of, mean_of, only, ranks
from stages.report.statistics import Ratio
from stages.report.uses import Use, advice

Cell = Callable[[Measured], str]


def comparison(title: str, rows: Sequence[Measured], told: Sequence[Told] = (), *, draw: bool = True) -> Page:
    """Return the page of what was measured. ``told``: what each report says of its machine and of its trust."""
    plain = [row for row in rows if row.plain]
    asked = [row for row in rows if is_mode(row)]
    sections = [
        Section('uses', 'By use', tuple(_uses(advice(rows), rows))),
        Section('ranking', 'Ranking', tuple(_ranking(rows))),
        Section('engines', 'Engines', tuple(engine_charts(plain) if draw else ())),
        Section('latency', 'Latency', tuple(_matrix('Latency, ms', plain, latency_cell, _LATENCY))),
        Section('memory', 'Memory', tuple(_memory(plain))),
        Section('quantization', 'Quantization against none', tuple(_quantization(rows))),
        Section('modes', 'OpenVINO: static or dynamic, and its modes', tuple(modes(asked))),
        Section('modes-drawn', 'OpenVINO’s modes, drawn', tuple(mode_charts(asked) if draw else ())),
        Section('weaker', 'Instruction sets', tuple(_instructions(rows))),
        Section('failed', 'Not measured', tuple(_failed(rows))),
        Section('trust', 'Can these numbers be trusted?', tuple(_trust(told))),
    ]
    found = advice(rows)
    return Page(
        title=title,
        subtitle=f'{len({row.model for row in rows})} models, {len({row.label for row in rows})} variants',
        verdicts=(HOW,) if found else ('Nothing was measured',),
        flags=(),
        sections=tuple(section for section in sections if section.blocks),
        headline=HEADLINE if found else 'Nothing was measured',
        facts=tuple(Fact(use.name, use.best or 'see each model', use.how or _by_model(use)) for use in found),
        measured=tuple(Fact(name, text) for name, text in dict.fromkeys(fact for one in told for fact in one.facts)),
    )


HEADLINE = 'Which framework to take'
HOW = (
    f'{HEADLINE}: the best for each use over all models, of what was measured on all of them. What is not told apart '
    'from it is as good. Below it stands for each model.'
)
_USES = (
    'Several are not told apart; the figure is that of the first. Over all models, above: the geometric mean of the '
    'ratios to the baseline, of what was measured on all of them.'
)
_LATENCY = 'One call after the other, with the half-width of the 95 % interval over processes. A column is one session.'
_MEMORY = 'Of the whole process, its framework with it: what the device must have.'
_ADDED = 'The peak without what the process has once its framework is imported: what one more model in it costs, about.'


def _by_model(use: Use) -> str:
    return '; '.join(f'{column}: {said}' for column, said in use.each)


def _uses(found: Sequence[Use], rows: Sequence[Measured]) -> list[Block]:
    """Uses across: the best for each model, with what cannot be told apart from it."""
    said = [dict(use.each) for use in found]
    lines = [
        Line((column, *(one.get(column, NONE) for one in said)))
        for column in columns_of(rows)
        if any(column in one for one in said)
    ]
    heads = (Column('model'), *(Column(use.name) for use in found))
    return [Table('The best for each use', heads, tuple(lines), _USES)] if found else []


def _failed(rows: Sequence[Measured]) -> list[Block]:
    """What has no figure, and why."""
    said = in_order(f'{row.label} of {row.column}: {row.failure}' for row in rows if row.failure)
    return [Items(tuple(said))] if said else []


def _trust(told: Sequence[Told]) -> list[Block]:
    said = tuple(f'{one.model}: {words}' for one in told for words in one.doubts)
    return [Items(said, True)] if said else []


def _matrix(title: str, rows: Sequence[Measured], cell: Cell, note: str) -> list[Block]:
    """Labels down, models across."""
    cells = only(rows)
    columns, labels = columns_of(rows), in_order(row.label for row in rows)
    lines = tuple(
        Line((label, *(cell(found) if (found := cells.get((label, c))) else NONE for c in columns))) for label in labels
    )
    heads = (Column('variant'), *(Column(column, True) for column in columns))
    return [Table(title, heads, lines, note)] if lines else []


def _memory(rows: Sequence[Measured]) -> list[Block]:
    """The whole process, and what the model adds to it."""
    added = [row for row in rows if row.added]
    return [
        *_matrix('Peak memory, MiB', rows, memory_cell, _MEMORY),
        *_matrix('Memory that the model adds, MiB', added, added_cell, _ADDED),
    ]


def _quantization(rows: Sequence[Measured]) -> list[Block]:
    found = [row for row in rows if row.plain and row.precision == 'int8' and row.against and row.counts]
    lines = tuple(
        Line((
            row.label, row.column, row.form, _change(row.against),
            NONE if row.lighter is None else _change(row.lighter),
            _added(row, rows),
            'quicker' if row.against and (row.against.low or 0) > 1 else
            'slower' if row.against and (row.against.high or 2) < 1 else 'not told apart',
        ))
        for row in found
    )  # fmt: skip
    if not lines:
        return []
    columns = (
        Column('variant'), Column('model'), Column('held against'), Column('time', True), Column('memory', True),
        Column('memory that the model adds', True), Column('so it is'),
    )  # fmt: skip
    note = (
        'Change of time and of peak memory against the same engine without quantization, with 95 % intervals. What the '
        'model adds is the peak without what the process has once its framework is imported.'
    )
    blocks: list[Block] = [Table('int8 against float', columns, lines, note)]
    for engine, of in grouped_by(found, lambda row: row.engine):
        speed = mean_of([row.against for row in of if row.against])
        light = [row.lighter for row in of if row.lighter]
        words = f'{engine}: int8 changes time by {_change(speed)} on average over {_several(len(of), "row")}'
        words += f', memory by {_change(mean_of(light))}' if light else ''
        blocks.append(Paragraph(f'{words}.'))
    return blocks


def _added(row: Measured, rows: Sequence[Measured]) -> str:
    form = label_of(row.form, row.setting)
    first = next((one for one in rows if one.plain and (one.label, one.column) == (form, row.column)), None)
    if first is None or not first.added or not row.added:
        return NONE
    return _change(Ratio(first.added / row.added, None, None))


def _instructions(rows: Sequence[Measured]) -> list[Block]:
    """Latency with all instructions and kept to weaker sets; why some have none."""
    labels = {(row.label, row.model) for row in rows if row.setting.isa}
    asked = [row for row in rows if _is_kept(row) and (row.label, row.model) in labels]
    sets = sorted({row.setting.isa for row in asked}, key=_order)
    lines = []
    for (model, label), of in grouped_by(asked, lambda row: (row.model, row.label)):
        cells = {row.setting.isa: row for row in of}
        whole = cells.get('')
        lines.append(Line((model, label, *(_kept_cell(cells.get(isa), whole) for isa in sets))))
    if not lines:
        return []
    columns = (Column('model'), Column('variant'), *(Column(isa or 'all', True) for isa in sets))
    note = (
        'Latency, ms, and how many times the latency with all instructions it is. Columns are sessions of their own, '
        'so small differences between them mean nothing. What runs emulated is never timed.'
    )
    why = in_order(f'{row.label} of {row.model}, {row.setting.isa}: {row.untimed}' for row in asked if row.untimed)
    return [Table('Kept to an instruction set', columns, tuple(lines), note), *([Items(tuple(why))] if why else [])]


def _is_kept(row: Measured) -> bool:
    return row.setting.scenario == SINGLE and row.setting.threads == 1


def _order(isa: str) -> int:
    return ['sse42', 'avx2', 'avx512', 'amx', ''].index(isa)


def _kept_cell(row: Measured | None, whole: Measured | None) -> str:
    if row is None:
        return NONE
    if row.latency is None:
        return 'emulated' if 'emulated' in row.untimed and 'does not run' not in row.untimed else 'not'
    text = latency_cell(row)
    if row is whole or whole is None or whole.latency is None:
        return text
    return f'{text} ({times(row.latency.mean / whole.latency.mean)})'


def _ranking(rows: Sequence[Measured]) -> list[Block]:
    """By the mean of the speeds against the baseline over all models, on each of which it must have been measured."""
    own = [row for row in rows if row.own and row.counts]
    models = {row.model for row in own}
    whole = {label: of for label, of in grouped_by(own, lambda row: row.label) if {row.model for row in of} == models}
    values = {label: _mean_speed(of) for label, of in whole.items()}
    if not values:
        return []
    places = ranks(values)
    lines = tuple(
        Line((_place(*places[label]), label, ratio_text(values[label])))
        for label in sorted(values, key=lambda label: -values[label].value)
    )
    columns = (Column('place', True), Column('variant'), Column('times as fast as the baseline', True))
    note = (
        f'Geometric mean over {_several(len(models), "model")}. The place is a range where intervals overlap. Ranked '
        'is what was measured on all models.'
    )
    return [Table('Ranking', columns, lines, note)]


def _mean_speed(rows: Iterable[Measured]) -> Ratio:
    one = {row.model: Ratio(1.0, 1.0, 1.0) if row.baseline else row.speed for row in rows}
    return mean_of([ratio for ratio in one.values() if ratio])


def _several(count: int, what: str) -> str:
    return f'{count} {what}{"s" * (count != 1)}'


def _place(best: int, worst: int) -> str:
    return str(best) if best == worst else f'{best}–{worst}'


def _change(ratio: Ratio | None) -> str:
    """A ratio of speed or lightness as a change of time or memory, in percent."""
    if ratio is None:
        return NONE

    def percent(value: float) -> str:
        return f'{(1 / value - 1) * 100:+.0f}'.replace('-', '−')

    text = f'{percent(ratio.value)} %'
    return (
        text if ratio.low is None or ratio.high is None else f'{text} ({percent(ratio.high)} to {percent(ratio.low)})'
    )
