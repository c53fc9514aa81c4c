"""The pictures, as inline SVG: text stays text, colours are the page's variables, equal data give equal bytes."""

from __future__ import annotations

import math
import re
from itertools import pairwise
from typing import Any
from xml.sax.saxutils import escape

from stages.report import samples
from stages.report.blocks import Picture
from stages.report.choose import Choice
from stages.report.digits import MIB, Unit, significant, size_unit, time_unit
from stages.report.rows import Row
from stages.report.tables import state

# Drawn in these colours, which then become variables of the page: light and dark then need no second drawing.
INK, MUTED, LINE, ACCENT, PLAIN, STRIP = '#010101', '#020202', '#030303', '#040404', '#050505', '#060606'
_VARIABLES = {INK: 'ink', MUTED: 'muted', LINE: 'line', ACCENT: 'accent', PLAIN: 'plain', STRIP: 'strip'}
WIDTH = 6.2
POINT = 9.5
Box = tuple[float, float, float, float]


def charts(found: list[Row], choice: Choice) -> list[Picture]:
    """Every picture the rows allow; none of a thing that was not measured."""
    usable = [row for row in found if row.built]
    made = [_latency([row for row in usable if row.latency], choice)]
    made.append(_plane([row for row in usable if row.latency and row.metric and not row.failure], choice))
    made.append(_bars([row for row in usable if row.peak], choice, 'Peak memory', MIB))
    sized = list({row.variant: row for row in reversed(usable) if row.size}.values())[::-1]
    made.append(_bars(sized, choice, 'Size on disk', size_unit([row.size or 0 for row in sized])))
    return [picture for picture in made if picture]


def _names(found: list[Row]) -> list[str]:
    several = len({row.threads for row in found}) > 1
    return [
        _short(row.variant) + (f' · {row.threads} thr.' if several else '') + (' ✕' if row.failure else '')
        for row in found
    ]


def _short(name: str, longest: int = 28) -> str:
    return name if len(name) <= longest else name[: longest - 1] + '…'


def _figure(height: float) -> tuple[Any, Any]:
    from matplotlib.backends.backend_svg import FigureCanvasSVG
    from matplotlib.figure import Figure

    figure = Figure(figsize=(WIDTH, height), layout='constrained')
    FigureCanvasSVG(figure)
    axes = figure.add_subplot()
    figure.patch.set_visible(False)
    axes.patch.set_visible(False)
    for side in ('top', 'right', 'left'):
        axes.spines[side].set_visible(False)
    axes.spines['bottom'].set_color(LINE)
    axes.tick_params(colors=MUTED, labelsize=POINT, length=0)
    axes.set_axisbelow(True)
    axes.grid(axis='x', color=LINE, linewidth=0.8)
    return figure, axes


def _rows_axis(axes: Any, found: list[Row], choice: Choice) -> None:
    axes.set_ylim(len(found) - 0.4, -0.6)
    axes.set_yticks(range(len(found)))
    for label, row in zip(axes.set_yticklabels(_names(found)), found, strict=True):
        label.set_parse_math(False)
        label.set_color(MUTED if row.failure else INK)
        label.set_fontweight('bold' if state(row, choice) == 'chosen' else 'normal')


def _colour(row: Row, choice: Choice) -> str:
    return MUTED if row.failure else ACCENT if state(row, choice) == 'chosen' else PLAIN


def _latency(found: list[Row], choice: Choice) -> Picture | None:
    if not found:
        return None
    unit = time_unit(row.latency.mean for row in found if row.latency)
    figure, axes = _figure(0.75 + 0.36 * len(found))
    calls = [[t * unit.factor for c in row.cycles for t in samples.times(c)] for row in found]
    # The edge follows the slow percentiles, not the slowest call, which alone could squeeze everything to the left.
    slow = [sorted(values)[math.ceil(len(values) * 0.99) - 1] for values in calls]
    edge = 1.06 * max(*slow, *(_top(row, unit) for row in found))
    axes.set_xlim(0, edge)
    for at, (row, values) in enumerate(zip(found, calls, strict=True)):
        assert row.latency is not None
        seen = sorted({round(value / edge * 700) for value in values if value <= edge})
        axes.plot([x for tick in seen for x in (tick / 700 * edge, tick / 700 * edge, math.nan)],
                  [y for _ in seen for y in (at - 0.22, at + 0.22, math.nan)], color=STRIP, linewidth=0.9)  # fmt: skip
        means = [value * unit.factor for value in samples.cycle_means(row.cycles)]
        axes.plot(means, [at + 0.33] * len(means), 'o', color=MUTED, markersize=2.2)
        shown = row.latency.scaled(unit.factor)
        if shown.half is not None:
            axes.plot(
                [shown.mean - shown.half, shown.mean + shown.half], [at, at], color=_colour(row, choice), linewidth=2.6
            )
        axes.plot([shown.mean], [at], 'o', color=_colour(row, choice), markersize=6.5)
    _rows_axis(axes, found, choice)
    axes.set_xlabel(f'latency, {unit.name} (less is better)', color=MUTED, fontsize=POINT)
    beyond = sum(value > edge for values in calls for value in values)
    late = f' {beyond} calls lie beyond the right edge.' if beyond else ''
    caption = (
        'Each large dot is a mean with its 95 % interval; the faint strip behind it is every call, and the small '
        'dots below are the means of the cycles. If two intervals overlap, do not rank the two by this picture: the '
        f'speed column compares them round by round.{late}'
    )
    return _picture(
        'Latency', figure, caption, _described(found, lambda r: r.latency and r.latency.mean * unit.factor, unit)
    )


def _top(row: Row, unit: Unit) -> float:
    assert row.latency is not None
    return (row.latency.mean + (row.latency.half or 0)) * unit.factor


def _bars(found: list[Row], choice: Choice, title: str, unit: Unit) -> Picture | None:
    if not found:
        return None
    memory = title == 'Peak memory'
    values = [(row.peak.mean if memory and row.peak else float(row.size or 0)) * unit.factor for row in found]
    figure, axes = _figure(0.75 + 0.3 * len(found))
    axes.barh(range(len(found)), values, height=0.56, color=[_colour(row, choice) for row in found])
    axes.set_xlim(0, max(values) * 1.12 or 1)
    for at, value in enumerate(values):
        axes.annotate(significant(value), (value, at), xytext=(5, 0), textcoords='offset points', va='center',
                      color=INK, fontsize=POINT)  # fmt: skip
    _rows_axis(axes, found, choice)
    axes.set_xlabel(f'{title.lower()}, {unit.name} (less is better)', color=MUTED, fontsize=POINT)
    if memory:
        caption = ('Each bar is the mean peak of the whole process, runtime included: what the device must have free. '
                   'What the model alone adds is in the table of memory by phase.')  # fmt: skip
    else:
        caption = 'Each bar is the sum over all files of the artifact. The runtime that loads it is not part of it.'
    by_row = dict(zip(map(id, found), values, strict=True))
    return _picture(title, figure, caption, _described(found, lambda row: by_row[id(row)], unit))


def _plane(found: list[Row], choice: Choice) -> Picture | None:
    """Speed against accuracy, from three variants up: two points need no picture."""
    if len({row.variant for row in found}) < 3:
        return None
    unit = time_unit(row.latency.mean for row in found if row.latency)
    figure, axes = _figure(4.3)
    axes.set_xscale('log')
    percent = all(row.metric.percent for row in found if row.metric)
    scale = 100 if percent else 1
    points = []
    for row in found:
        assert row.latency is not None and row.metric is not None
        points.append((row.latency.mean * unit.factor / row.batch, row.metric.value * scale))
    for (x, y), row in zip(points, found, strict=True):
        metric = row.metric
        if metric and metric.low is not None and metric.high is not None:
            axes.plot([x, x], [metric.low * scale, metric.high * scale], color=STRIP, linewidth=2)
        axes.plot([x], [y], 'o', color=_colour(row, choice), markersize=7, zorder=3)
    less = any(row.metric and row.metric.better == 'lower' for row in found)
    front = _front(points, less)
    axes.plot([x for x, _ in front], [y for _, y in front], color=MUTED, linewidth=1, linestyle=(0, (4, 3)), zorder=1)
    axes.grid(axis='y', color=LINE, linewidth=0.8)
    least, most = min(x for x, _ in points), max(x for x, _ in points)
    axes.set_xlim(least / 1.35, most * 1.45)
    _plain_ticks(axes, least / 1.35, most * 1.45)
    name = found[0].metric.name if found[0].metric else 'metric'
    axes.set_xlabel(f'latency per sample, {unit.name}, logarithmic (left is better)', color=MUTED, fontsize=POINT)
    label = f'{_short(name)}{", %" * percent} ({"down" if less else "up"} is better)'
    axes.set_ylabel(label, color=MUTED, fontsize=POINT).set_parse_math(False)
    _labels(figure, axes, points, front, found, choice)
    caption = (
        f'{"Down" if less else "Up"} and to the left is better; the dashed line joins the variants that no other beats '
        'in both. The vertical bars are the 95 % intervals of the metric: variants whose bars overlap widely are not '
        'told apart by it.'
    )
    return _picture(
        'Speed against accuracy',
        figure,
        caption,
        _described(found, lambda r: r.metric and r.metric.value * scale, Unit('%' if percent else '', 1)),
    )


def _front(points: list[tuple[float, float]], less: bool) -> list[tuple[float, float]]:
    """The points that no other point beats in both directions; ``less``: down is better."""
    front: list[tuple[float, float]] = []
    sign = -1 if less else 1
    for x, y in sorted(points, key=lambda point: (point[0], -sign * point[1])):
        if not front or sign * y > sign * front[-1][1]:
            front.append((x, y))
    return front


def _plain_ticks(axes: Any, low: float, high: float) -> None:
    from matplotlib.ticker import FixedLocator, NullFormatter, NullLocator

    powers = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    dense = (1, 2, 5) if high / low > 8 else (1, 1.5, 2, 3, 4, 5, 7)
    ticks = [step * 10.0**power for power in powers for step in dense if low <= step * 10.0**power <= high]
    axes.xaxis.set_major_locator(FixedLocator(ticks))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.xaxis.set_minor_formatter(NullFormatter())
    axes.set_xticklabels([f'{tick:g}' for tick in ticks])


def _labels(
    figure: Any,
    axes: Any,
    points: list[tuple[float, float]],
    line: list[tuple[float, float]],
    found: list[Row],
    choice: Choice,
) -> None:
    """Each name beside its point, at the first of many places where it covers no name, no point and no edge."""
    figure.draw_without_rendering()
    scale = 72 / figure.dpi
    spots = [tuple(axes.transData.transform(point) * scale) for point in points]
    box = axes.get_window_extent()
    taken = [(x - 5, y - 5, x + 5, y + 5) for x, y in spots]
    # The dashed line and the bars count too: a name must not look struck through.
    front = [tuple(axes.transData.transform(point) * scale) for point in line]
    for (x0, y0), (x1, y1) in pairwise(front):
        steps = max(1, int(math.hypot(x1 - x0, y1 - y0) / 4))
        along = [(x0 + (x1 - x0) * n / steps, y0 + (y1 - y0) * n / steps) for n in range(steps + 1)]
        taken += [(x - 2, y - 2, x + 2, y + 2) for x, y in along]
    names = _names(found)
    order = sorted(range(len(points)), key=lambda at: (state(found[at], choice) != 'chosen', points[at]))
    for at in order:
        (x, y), wide = spots[at], 5.6 * len(names[at]) + 4
        options = [(side * 9, lift) for lift in (0, 12, -12, 24, -24, 36, -36, 48, -48, 60, -60) for side in (1, -1)]
        best = min(options, key=lambda spot: (_cost(_box(x, y, wide, spot), taken, box, scale), options.index(spot)))
        taken.append(_box(x, y, wide, best))
        far = best[1] != 0
        axes.annotate(names[at], points[at], xytext=best, textcoords='offset points', va='center', fontsize=POINT,
                      ha='left' if best[0] > 0 else 'right', color=INK, parse_math=False,
                      fontweight='bold' if state(found[at], choice) == 'chosen' else 'normal',
                      arrowprops={'arrowstyle': '-', 'color': MUTED, 'linewidth': 0.6} if far else None)  # fmt: skip


def _box(x: float, y: float, wide: float, spot: tuple[float, float]) -> Box:
    left = x + spot[0] if spot[0] > 0 else x + spot[0] - wide
    return left, y + spot[1] - 6, left + wide, y + spot[1] + 6


def _cost(box: Box, taken: list[Box], frame: Any, scale: float) -> float:
    cost = sum(
        max(0.0, min(box[2], t[2]) - max(box[0], t[0])) * max(0.0, min(box[3], t[3]) - max(box[1], t[1])) for t in taken
    )
    outside: float = max(0.0, frame.x0 * scale - box[0]) + max(0.0, box[2] - frame.x1 * scale)
    return float(cost + 50 * (outside + max(0.0, frame.y0 * scale - box[1]) + max(0.0, box[3] - frame.y1 * scale)))


def _described(found: list[Row], value: Any, unit: Unit) -> str:
    said = [f'{name} {significant(number)} {unit.name}' for name, row in zip(_names(found), found, strict=True)
            if (number := value(row)) is not None]  # fmt: skip
    return '; '.join(said) + '.'


def _picture(title: str, figure: Any, caption: str, described: str) -> Picture:
    return Picture(title, _inline(figure, title, described), caption)


def _inline(figure: Any, title: str, described: str) -> str:
    """SVG that belongs into a page: no prolog, no metadata, no address, ids of its own, the page's font and colours."""
    import io

    import matplotlib

    out = io.StringIO()
    salt = re.sub(r'\W+', '-', title.lower())
    with matplotlib.rc_context({'svg.fonttype': 'none', 'svg.hashsalt': salt, 'font.family': 'DejaVu Sans'}):
        figure.savefig(out, format='svg', metadata={'Date': None, 'Creator': None, 'Format': None, 'Type': None})
    svg = out.getvalue()
    svg = svg[svg.index('<svg') :]
    svg = re.sub(r'<metadata>.*?</metadata>|<style[^>]*>.*?</style>|<!--.*?-->', '', svg, flags=re.S)
    svg = re.sub(r'<defs>\s*</defs>|(<g) id="[^"]*"', lambda match: match.group(1) or '', svg)
    svg = svg.replace('xlink:href', 'href')
    svg = re.sub(r"'DejaVu Sans'[^;\"]*", 'var(--font)', svg)
    for colour, name in _VARIABLES.items():
        svg = svg.replace(colour, f'var(--{name})')
    box = re.search(r'viewBox="([^"]*)"', svg)
    head = (f'<svg viewBox="{box.group(1) if box else ""}" role="img" aria-labelledby="{salt}-title {salt}-desc">\n'
            f'<title id="{salt}-title">{escape(title)}</title>\n'
            f'<desc id="{salt}-desc">{escape(described)}</desc>')  # fmt: skip
    return head + svg[svg.index('>') + 1 :].rstrip()
