"""A picture of two costs against each other: latency to the right, what it buys upwards."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from stages.report.blocks import Picture
from stages.report.digits import significant
from stages.report.drawing import INK, LINE, MUTED, PLAIN, POINT, STRIP, new_figure, picture, short
from stages.report.marks import COLOURS

Box = tuple[float, float, float, float]
Place = tuple[float, float]


@dataclass(frozen=True)
class Point:
    """One variant in the plane; ``low`` and ``high`` are the interval of ``y``."""

    name: str
    x: float
    y: float
    low: float | None = None
    high: float | None = None
    state: str = ''
    named: bool = True
    """False: one of many, whose name would cover those that matter."""


def plane(title: str, points: Sequence[Point], labels: tuple[str, str], less: bool, caption: str) -> Picture:
    """Return the points with a logarithmic x axis; ``less``: down is better. The front is joined by a dashed line."""
    figure, axes = new_figure(4.3)
    axes.set_xscale('log')
    for one in points:
        if one.low is not None and one.high is not None and one.named:
            axes.plot([one.x, one.x], [one.low, one.high], color=STRIP, linewidth=2)
        size = 7 if one.named else 3.5
        colour = COLOURS.get(one.state, PLAIN) if one.named else MUTED
        axes.plot([one.x], [one.y], 'o', color=colour, markersize=size, zorder=3)
    front = _front([(one.x, one.y) for one in points], less)
    axes.plot([x for x, _ in front], [y for _, y in front], color=MUTED, linewidth=1, linestyle=(0, (4, 3)), zorder=1)
    axes.grid(axis='y', color=LINE, linewidth=0.8)
    least, most = min(one.x for one in points), max(one.x for one in points)
    axes.set_xlim(least / 1.35, most * 1.45)
    _plain_ticks(axes, least / 1.35, most * 1.45)
    axes.set_xlabel(labels[0], color=MUTED, fontsize=POINT)
    axes.set_ylabel(labels[1], color=MUTED, fontsize=POINT).set_parse_math(False)
    _label(figure, axes, points, front)
    told = '; '.join(f'{one.name} {significant(one.x)}, {significant(one.y)}' for one in points)
    return picture(title, figure, caption, f'{labels[0]}, {labels[1]}: {told}.')


def _front(points: list[Place], less: bool) -> list[Place]:
    """The points that no other point beats in both directions; ``less``: down is better."""
    front: list[Place] = []
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


def _label(figure: Any, axes: Any, points: Sequence[Point], line: list[Place]) -> None:
    """Each name beside its point, at the first of many places where it covers no name, no point and no edge."""
    figure.draw_without_rendering()
    scale = 72 / figure.dpi
    spots = [tuple(axes.transData.transform((one.x, one.y)) * scale) for one in points]
    box = axes.get_window_extent()
    taken = [(x - 5, y - 5, x + 5, y + 5) for x, y in spots]
    # The dashed line and the bars count too: a name must not look struck through.
    front = [tuple(axes.transData.transform(point) * scale) for point in line]
    for (x0, y0), (x1, y1) in pairwise(front):
        steps = max(1, int(math.hypot(x1 - x0, y1 - y0) / 4))
        along = [(x0 + (x1 - x0) * n / steps, y0 + (y1 - y0) * n / steps) for n in range(steps + 1)]
        taken += [(x - 2, y - 2, x + 2, y + 2) for x, y in along]
    named = [at for at, one in enumerate(points) if one.named]
    for at in sorted(named, key=lambda at: (points[at].state != 'chosen', points[at].x, points[at].y)):
        name, chosen = short(points[at].name), points[at].state == 'chosen'
        (x, y), wide = spots[at], 5.6 * len(name) + 4
        options = [(side * 9, lift) for lift in (0, 12, -12, 24, -24, 36, -36, 48, -48, 60, -60) for side in (1, -1)]
        best = min(options, key=lambda spot: (_cost(_box(x, y, wide, spot), taken, box, scale), options.index(spot)))
        taken.append(_box(x, y, wide, best))
        far = best[1] != 0
        axes.annotate(name, (points[at].x, points[at].y), xytext=best, textcoords='offset points', va='center',
                      fontsize=POINT, ha='left' if best[0] > 0 else 'right', color=INK, parse_math=False,
                      fontweight='bold' if chosen else 'normal',
                      arrowprops={'arrowstyle': '-', 'color': MUTED, 'linewidth': 0.6} if far else None)  # fmt: skip


def _box(x: float, y: float, wide: float, spot: Place) -> Box:
    left = x + spot[0] if spot[0] > 0 else x + spot[0] - wide
    return left, y + spot[1] - 6, left + wide, y + spot[1] + 6


def _cost(box: Box, taken: list[Box], frame: Any, scale: float) -> float:
    cost = sum(
        max(0.0, min(box[2], t[2]) - max(box[0], t[0])) * max(0.0, min(box[3], t[3]) - max(box[1], t[1])) for t in taken
    )
    outside: float = max(0.0, frame.x0 * scale - box[0]) + max(0.0, box[2] - frame.x1 * scale)
    return float(cost + 50 * (outside + max(0.0, frame.y0 * scale - box[1]) + max(0.0, box[3] - frame.y1 * scale)))
