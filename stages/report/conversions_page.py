"""The conversion matrix as Markdown, from its JSON alone."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from stages.measure.metrics import METRICS
from stages.report.blocks import Column, Items, Line, Page, Paragraph, Section, Table
from stages.report.conversions import NO_WAY, NOT_SHOWN, WORKS
from stages.report.digits import change_text, significant, tiny
from stages.report.markdown import markdown

NONE = '—'
TITLE = 'The conversion matrix'
SIGNS = {NOT_SHOWN: '?', NO_WAY: '–'}
LEGEND = (
    'works: a recipe shows it, directly; over FORMAT: a recipe shows it, by way of that one; refused: the tool says '
    'no, and its words stand below; ?: kinds lead there, and no recipe shows it yet; –: no kind leads there.'
)


RUNS = 'Each recipe stands with what its last run showed; a kind that changed since is shown anew by one recipe.'


def as_page(found: dict[str, Any]) -> str:
    """The matrix, then what stands behind every cell, every kind and every optimisation."""
    works = sum(cell['status'] == WORKS and cell['source'] != cell['target'] for cell in found['matrix'])
    shown = sum(kind['status'] == WORKS for kind in found['kinds'])
    variants, recipes = len(found['evidence']), len(found['runs'])
    said = (f'{works} ways from one format to another and {shown} of {len(found["kinds"])} uses of a kind are shown by '
            f'{variants} variants of {recipes} recipe{"s" * (recipes != 1)}, built, checked and run.')  # fmt: skip
    page = Page(
        title=TITLE,
        subtitle='Made by “modelkiln conversions --write” from conversions.json, which it makes from reports.',
        verdicts=(said,),
        flags=(),
        sections=(
            Section('matrix', 'From (down) to (across)', (_matrix(found), Paragraph(LEGEND))),
            *(Section(source, f'From {source}', (_from(found, source),)) for source in found['sources']),
            Section('kinds', 'Every kind on every format it takes', (_kinds(found['kinds']),)),
            Section('optimisations', 'Compressed and optimized forms', (_optimisations(found['optimisations']),)),
            Section(
                'runs',
                'The runs',
                (
                    Paragraph(RUNS),
                    Items(tuple(_run(name, run) for name, run in found['runs'].items())),
                ),
            ),
        ),
    )
    return markdown(page)


def _matrix(found: dict[str, Any]) -> Table:
    cells = {(cell['source'], cell['target']): _sign(cell) for cell in found['matrix']}
    columns = (Column('from'), *(Column(target) for target in found['targets']))
    lines = [(source, *(cells[source, target] for target in found['targets'])) for source in found['sources']]
    return Table('Matrix', columns, tuple(Line(line) for line in lines))


def _sign(cell: dict[str, Any]) -> str:
    over = f'over {", ".join(cell["over"])}' if cell['over'] and cell['status'] in (WORKS, NOT_SHOWN) else ''
    sign = '' if over and cell['status'] == WORKS else SIGNS.get(cell['status'], cell['status'])
    return f'{over} {sign}'.strip()


def _from(found: dict[str, Any], source: str) -> Table:
    """Every way out of one format, without those that lead nowhere."""
    cells = [cell for cell in found['matrix'] if cell['source'] == source and cell['status'] != NO_WAY]
    columns = (Column('to'), Column('is'), Column('by way of'), Column('shown by'), Column('difference', True),
               Column('the tool\'s words'))  # fmt: skip
    lines = tuple(
        Line((
            cell['target'], cell['status'], ' → '.join(cell['kinds']) or 'the source itself', cell['by'] or NONE,
            tiny(cell['relative']), _words(cell),
        ))
        for cell in cells
    )  # fmt: skip
    note = "Difference: L2 of the difference to the source model's output over L2 of that output, the largest output."
    return Table(source, columns, lines, note)


def _words(cell: dict[str, Any]) -> str:
    """Of a refusal; also when another way works, since the refusal of the short one is worth knowing."""
    refused = cell['refused']
    return f'{" → ".join(refused["kinds"])} ({refused["by"]}): {refused["words"]}' if refused else NONE


def _kinds(kinds: Sequence[dict[str, Any]]) -> Table:
    columns = (Column('kind'), Column('takes'), Column('gives'), Column('is'), Column('shown by'),
               Column('difference', True), Column('the tool\'s words'))  # fmt: skip
    lines = tuple(
        Line((
            one['kind'], one['takes'], one['gives'], one['status'], one['by'] or NONE, tiny(one['relative']),
            _words(one),
        ))
        for one in kinds
    )  # fmt: skip
    return Table('Kinds', columns, lines)


def _optimisations(lines: Sequence[dict[str, Any]]) -> Table:
    columns = (Column('kind'), Column('on'), Column('makes'), Column('shown by'), Column('against'),
               Column('size', True), Column('difference', True), Column('metric', True), Column('change', True),
               Column('breaks'))  # fmt: skip
    made = tuple(
        Line((
            one['kind'], one['takes'], one['makes'], one['by'], one['against'] or NONE,
            NONE if one['size_ratio'] is None else f'{significant(one["size_ratio"], 2)}×', tiny(one['relative']),
            NONE if one['value'] is None else f'{one["metric"]} {_value(one)}', _change(one), one['breaks'] or NONE,
        ))
        for one in lines
    )  # fmt: skip
    return Table('Optimisations', columns, made, 'Size: against the variant without it; below 1× is smaller. Speed '
                 'depends on the machine, and is in each recipe\'s report.')  # fmt: skip


def _value(one: dict[str, Any]) -> str:
    return f'{significant(one["value"] * 100)} %' if one['metric'] in METRICS else f'{one["value"]:.3f}'


def _change(one: dict[str, Any]) -> str:
    change = one['metric_change']
    if change is None:
        return NONE
    return f'{"−" if change < 0 else "+"}{change_text(change, one["metric"] in METRICS)}' if change else 'none'


def _run(name: str, run: dict[str, Any]) -> str:
    return f'{name}: {run["created"][:10]}, {run["cpu"]}'
