"""The pictures of a report: latency, speed against what it costs, peak memory, size on disk."""

from __future__ import annotations

from stages.report import samples
from stages.report.blocks import Picture
from stages.report.choose import Choice
from stages.report.digits import MIB, Unit, size_unit, time_unit
from stages.report.drawing import short
from stages.report.folding import shown
from stages.report.marks import Mark, bars, dots
from stages.report.matrix_charts import matrix_charts
from stages.report.plane import Point, plane
from stages.report.rows import Row
from stages.report.tables import state


def charts(found: list[Row], choice: Choice) -> list[Picture]:
    """Every picture the rows allow; none of a thing that was not measured. Of many rows the best, as in the table."""
    built = [row for row in found if row.built]
    first = {id(row) for row in shown(found, choice)}
    usable = [row for row in built if id(row) in first]
    left = len(built) - len(usable)
    note = f' {left} variants that others beat in everything are left out; the table has them.' * bool(left)
    made = [_latency([row for row in usable if row.latency], choice, note)]
    made.append(_plane([row for row in built if row.latency and not row.failure], choice, first))
    made.append(_memory([row for row in usable if row.peak], choice, note))
    made.append(_size(list({row.variant: row for row in reversed(usable) if row.size}.values())[::-1], choice, note))
    return [*(picture for picture in made if picture), *matrix_charts(built, choice)]


def _named(found: list[Row]) -> dict[int, str]:
    several = len({row.setting for row in found}) > 1
    words = {id(row): f' · {row.setting.words()}' if several and row.setting else '' for row in found}
    return {id(row): row.variant + words[id(row)] for row in found}


def _latency(found: list[Row], choice: Choice, note: str) -> Picture | None:
    if not found:
        return None
    unit = time_unit(row.latency.mean for row in found if row.latency)
    caption = (
        'Each large dot is a mean with its 95 % interval; the faint strip behind it is every call, and the small '
        'dots below are the means of the cycles. If two intervals overlap, do not rank the two by this picture: the '
        f'speed column compares them round by round.{note}'
    )
    names = _named(found)
    marks = [_of_latency(row, names[id(row)], unit, choice) for row in found]
    return dots('Latency', marks, f'latency, {unit.name} (less is better)', caption)


def _of_latency(row: Row, name: str, unit: Unit, choice: Choice) -> Mark:
    assert row.latency is not None
    scaled = row.latency.scaled(unit.factor)
    half = scaled.half
    return Mark(
        name,
        scaled.mean,
        None if half is None else scaled.mean - half,
        None if half is None else scaled.mean + half,
        state(row, choice),
        tuple(time * unit.factor for cycle in row.cycles for time in samples.times(cycle)),
        tuple(mean * unit.factor for mean in samples.cycle_means(row.cycles)),
    )


def _memory(found: list[Row], choice: Choice, note: str) -> Picture | None:
    if not found:
        return None
    names = _named(found)
    marks = [Mark(names[id(r)], r.peak.mean * MIB.factor, state=state(r, choice)) for r in found if r.peak]
    caption = ('Each bar is the mean peak of the whole process, runtime included: what the device must have free. '
               f'What the model alone adds is in the table of memory by phase.{note}')  # fmt: skip
    return bars('Peak memory', marks, 'peak memory, MiB (less is better)', caption)


def _size(found: list[Row], choice: Choice, note: str) -> Picture | None:
    if not found:
        return None
    unit = size_unit([row.size or 0 for row in found])
    marks = [Mark(row.variant, (row.size or 0) * unit.factor, state=state(row, choice)) for row in found]
    caption = f'Each bar is the sum over all files of the artifact. The runtime that loads it is not part of it.{note}'
    return bars('Size on disk', marks, f'size on disk, {unit.name} (less is better)', caption)


def _plane(found: list[Row], choice: Choice, first: set[int]) -> Picture | None:
    """Speed against accuracy, from three variants up; against memory where accuracy tells none apart."""
    judged = [row for row in found if row.metric]
    if len({row.variant for row in judged}) >= 3 and len({row.metric.value for row in judged if row.metric}) > 1:
        return _accuracy(judged, choice, first)
    weighed = [row for row in found if row.peak]
    if len({row.variant for row in weighed}) < 3:
        return None
    said = 'All have the same accuracy, so this is drawn against memory. ' if judged else ''
    unit, names = time_unit(row.latency.mean for row in weighed if row.latency), _named(weighed)
    points = [
        Point(
            names[id(row)],
            row.latency.mean * unit.factor / row.batch,
            row.peak.mean * MIB.factor,
            state=state(row, choice),
            named=id(row) in first,
        )
        for row in weighed
        if row.latency and row.peak
    ]
    labels = (_per_sample(unit), 'peak memory, MiB (down is better)')
    caption = f'{said}Down and to the left is better; the dashed line joins the variants that no other beats in both.'
    return plane('Speed against memory', points, labels, True, caption)


def _accuracy(found: list[Row], choice: Choice, first: set[int]) -> Picture:
    unit, names = time_unit(row.latency.mean for row in found if row.latency), _named(found)
    percent = all(row.metric.percent for row in found if row.metric)
    scale = 100 if percent else 1
    less = any(row.metric and row.metric.better == 'lower' for row in found)
    points = [
        Point(
            names[id(row)],
            row.latency.mean * unit.factor / row.batch,
            row.metric.value * scale,
            None if row.metric.low is None else row.metric.low * scale,
            None if row.metric.high is None else row.metric.high * scale,
            state(row, choice),
            id(row) in first,
        )
        for row in found
        if row.latency and row.metric
    ]
    name = next((row.metric.name for row in found if row.metric), 'metric')
    label = f'{short(name)}{", %" * percent} ({"down" if less else "up"} is better)'
    small = ' Small dots are variants that others beat in everything.' if any(not one.named for one in points) else ''
    caption = (
        f'{"Down" if less else "Up"} and to the left is better; the dashed line joins the variants that no other beats '
        'in both. The vertical bars are the 95 % intervals of the metric: variants whose bars overlap widely are not '
        f'told apart by it.{small}'
    )
    return plane('Speed against accuracy', points, (_per_sample(unit), label), less, caption)


def _per_sample(unit: Unit) -> str:
    return f'latency per sample, {unit.name}, logarithmic (left is better)'
