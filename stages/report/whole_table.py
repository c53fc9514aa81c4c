"""Whole requests on the page: a table of laps, and the sentence on the winner."""

from __future__ import annotations

from collections.abc import Sequence

from stages.report.blocks import Block, Column, Items, Line, Table
from stages.report.choose import Choice
from stages.report.digits import plus_minus, ratio_text, significant, time_unit
from stages.report.rows import Row
from stages.report.whole import why_not

TITLE = 'Whole requests'
NONE = '—'
NOTE = (
    'A request as it comes in, to its answer: the Python before the model, the model, the Python after it, timed apart '
    'in the same calls, one request after the other, behind the passes above. Intervals: 95 %, over processes.'
)


def whole_blocks(found: Sequence[Row], baseline: str, choice: Choice) -> list[Block]:
    """Return the table of laps, and why rows are not in it; nothing where no recipe asks for it."""
    rows = [row for row in found if row.whole]
    failed = tuple(f'{row.variant}: {why}' for row in found if not row.whole and (why := why_not(row.cycles)))
    blocks: list[Block] = []
    if rows:
        unit = time_unit([row.whole.whole.mean for row in rows if row.whole])
        heads = (
            Column('variant'), Column(f'before, {unit.name}', True), Column(f'model, {unit.name}', True),
            Column(f'after, {unit.name}', True), Column(f'whole, {unit.name}', True),
            Column('around the model', True), Column(f'whole vs {baseline}', True),
        )  # fmt: skip
        lines = tuple(
            Line(
                (
                    row.variant,
                    *(plus_minus(lap, unit) for lap in (whole.before, whole.model, whole.after, whole.whole)),
                    f'{significant(100 * whole.around, 2)} %',
                    ratio_text(whole.speed) if whole.speed else NONE,
                ),
                'chosen' if choice.of(row) else '',
            )
            for row in rows
            if (whole := row.whole)
        )
        blocks.append(Table(TITLE, heads, lines, NOTE))
    return [*blocks, Items(failed, True)] if failed else blocks


def whole_sentence(found: Sequence[Row], baseline: str, choice: Choice) -> str:
    """Return what a whole request of the winner takes, and what is left of its speed; empty where it is not known."""
    row = next((row for row in found if choice.of(row) and row.whole), None)
    if row is None or row.whole is None:
        return ''
    unit = time_unit([row.whole.whole.mean])
    said = f'A whole request takes {row.variant} {plus_minus(row.whole.whole, unit)} {unit.name}, '
    said += f'{significant(100 * row.whole.around, 2)} % of it around the model'
    return said + (
        f': end to end it is {ratio_text(row.whole.speed)} as fast as {baseline}.' if row.whole.speed else '.'
    )
