"""OpenVINO in a comparison: static or dynamic shapes, its hints, one call after the other and all at hand."""

from __future__ import annotations

from collections.abc import Sequence

from stages.recipe.setting import OFFLINE, SINGLE
from stages.report.blocks import Block, Column, Line, Picture, Table
from stages.report.comparison_cells import NONE, grouped_by, in_order, latency_cell
from stages.report.comparison_charts import drawn, mark
from stages.report.digits import ratio_text, significant
from stages.report.marks import Mark
from stages.report.measured import Measured, columns_of, ratio_of
from stages.report.statistics import Ratio

FIRST = ('dynamic', 'latency')
"""The way to call OpenVINO that the others are held against."""

MODES = (
    'Every way of one line of the matrix against dynamic shapes with the latency hint, with its 95 % interval: through '
    'the baseline, which took part in each session. 1 is no difference.'
)


def is_mode(row: Measured) -> bool:
    """Whether it is one of the ways that OpenVINO was called."""
    return row.engine == 'openvino' and row.setting.threads > 1 and not row.setting.isa and row.counts


def modes(asked: Sequence[Measured]) -> list[Block]:
    """Every way OpenVINO was called, against dynamic shapes and the latency hint of the same model and size."""
    lines: list[Line] = []
    for column, of in grouped_by(asked, lambda row: row.column):
        first = next((row for row in of if mode_of(row) == FIRST and _single(row)), None)
        busy = next((row for row in of if mode_of(row) == FIRST and not _single(row)), None)
        for mode in in_order(mode_of(row) for row in of):
            alone = next((row for row in of if mode_of(row) == mode and _single(row)), None)
            many = next((row for row in of if mode_of(row) == mode and not _single(row)), None)
            lines.append(Line((column, *mode, *_mode_cells(alone, first), *_rate_cells(many, busy))))
    columns = (
        Column('model'), Column('shapes'), Column('hint'), Column('latency, ms', True), Column('so much quicker', True),
        Column('samples a second', True), Column('so much more', True),
    )  # fmt: skip
    note = (
        'Latency: one request after the other. Samples a second: all requests at hand, with as many in flight as '
        'OpenVINO finds best, measured for itself. Ratios: to dynamic shapes with the latency hint, 95 % intervals.'
    )
    return [Table('Modes', columns, tuple(lines), note)] if lines else []


def _single(row: Measured) -> bool:
    return row.setting.scenario == SINGLE


def _mode_cells(row: Measured | None, first: Measured | None) -> tuple[str, str]:
    if row is None or row.latency is None:
        return NONE, NONE
    return latency_cell(row), _better(row, first)


def _rate_cells(row: Measured | None, first: Measured | None) -> tuple[str, str]:
    if row is None or row.latency is None or row.setting.scenario != OFFLINE:
        return NONE, NONE
    rate = significant(1e9 * row.setting.batch / row.latency.mean)
    return rate, _better(row, first)


def _better(row: Measured, first: Measured | None) -> str:
    ratio = ratio_of(row, first) if first and row is not first else None
    return ratio_text(ratio) if ratio else NONE


def mode_charts(rows: Sequence[Measured]) -> list[Picture]:
    """Return a picture for each model of OpenVINO's shapes and hints: a group for each size, then for throughput."""
    found = []
    for model in dict.fromkeys(row.model for row in rows):
        groups: dict[str, list[Mark]] = {}
        for scenario, title in ((SINGLE, 'one call after the other'), (OFFLINE, 'all at hand')):
            of = [row for row in rows if row.model == model and row.setting.scenario == scenario]
            for column in columns_of(of):
                here = [row for row in of if row.column == column]
                first = next((row for row in here if mode_of(row) == FIRST), None)
                groups[f'{column}, {title}'] = [
                    mark(' · '.join(mode_of(row)), Ratio(1.0, 1.0, 1.0) if row is first else ratio)
                    for row in here
                    if first and (ratio := ratio_of(row, first))
                ]
        held = [(name, marks) for name, marks in groups.items() if marks]
        found += drawn(f'{model}: OpenVINO’s modes', held, 'times as fast as dynamic with the latency hint', MODES)
    return found


def mode_of(row: Measured) -> tuple[str, str]:
    """Return shapes and hint, by which OpenVINO was called."""
    return str(row.options.get('shape', 'dynamic')), str(row.options.get('hint', 'latency'))
