"""A report in a terminal: the first screen and one table; the rest is in report.md and on the page."""

from __future__ import annotations

from stages.intervals import Interval
from stages.report.blocks import Column, Fact, Line, Page, Section, Table
from stages.report.digits import MIB, plus_minus, ratio_text, score_words, significant, size_unit, time_unit
from stages.report.kept import Kept, KeptRow

NONE = '—'
WORDS = {'ship': 'to ship', 'stay': 'to stay with', 'repeat': 'to repeat'}
MOST = 12
"""Lines of the table: the fastest of many."""


def brief(found: Kept, *, most: int = MOST) -> Page:
    """Return the verdict, its four facts, the variants from the fastest on, and how many stay unsaid."""
    ranked = sorted(found.rows, key=lambda row: (bool(row.failure), -(row.speed.value if row.speed else 0.0)))
    first = [row for row in ranked if row == found.best or row.variant == found.baseline]
    others = [row for row in ranked if row not in first]
    shown = [row for row in ranked if row in [*first, *others[: max(0, most - len(first))]]]
    left = len(ranked) - len(shown)
    note = f'{left} more in the report.' if left else ''
    return Page(
        title=found.model,
        subtitle=found.created[:16].replace('T', ' '),
        verdicts=tuple(note.removeprefix(f'{found.headline}: ') for note in found.notes[:3]),
        flags=(),
        sections=(Section('variants', '', (_table(shown, found, note),)),),
        headline=found.headline,
        grade=found.grade,
        facts=tuple(Fact(*fact) for fact in found.facts),
    )


def _table(rows: list[KeptRow], found: Kept, note: str) -> Table:
    unit = time_unit(row.latency.mean for row in rows if row.latency)
    size = size_unit([row.size for row in rows if row.size])
    several = len({row.setting for row in found.rows if row.setting}) > 1
    columns = (
        Column('variant'), *([Column('measured')] if several else []), Column(f'latency, {unit.name}', True),
        Column(f'against {found.baseline}', True), Column('memory, MiB', True), Column(f'size, {size.name}', True),
        Column('accuracy'), Column('')
    )  # fmt: skip
    lines = tuple(
        Line((
            row.variant,
            *([row.setting.words() if row.setting else NONE] if several else []),
            plus_minus(Interval(row.latency.mean, row.latency.half), unit) if row.latency else NONE,
            ratio_text(row.speed) if row.speed else NONE,
            plus_minus(Interval(row.memory.mean, row.memory.half), MIB) if row.memory else NONE,
            significant(row.size * size.factor) if row.size else NONE,
            score_words(row.metric) if row.metric else NONE,
            _word(row, found),
        ))
        for row in rows
    )  # fmt: skip
    return Table('Variants', columns, lines, note)


def _word(row: KeptRow, found: Kept) -> str:
    if row.failure:
        return row.failure.partition(':')[0]
    said = [WORDS.get(found.grade, '')] if row == found.best else []
    said += ['baseline'] if row.variant == found.baseline else []
    return ', '.join([*said, str(found.refused.get(row.variant, ''))]).strip(', ')
