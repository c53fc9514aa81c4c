"""Pictures of named values, whatever they are values of: dots with their intervals, bars, dots in groups."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from stages.report.blocks import Picture
from stages.report.digits import significant
from stages.report.drawing import ACCENT, INK, MUTED, PLAIN, POINT, STRIP, new_figure, picture, short

COLOURS = {'chosen': ACCENT, 'greyed': MUTED, 'refused': MUTED}


@dataclass(frozen=True)
class Mark:
    """One named value in the picture's unit, with its interval where it has one."""

    name: str
    value: float
    low: float | None = None
    high: float | None = None
    state: str = ''
    """``chosen``, ``greyed`` or nothing, as the line of a table."""

    every: tuple[float, ...] = ()
    """Each value behind it, drawn faintly."""

    means: tuple[float, ...] = ()
    """The means that its interval is made of."""


def dots(title: str, marks: Sequence[Mark], label: str, caption: str) -> Picture:
    """Return a line for each mark: a dot with its interval before what it was made of, from zero on."""
    figure, axes = new_figure(0.75 + 0.36 * len(marks))
    # The edge follows the slow percentiles, not the slowest value, which alone could squeeze everything to the left.
    slow = [sorted(one.every)[math.ceil(len(one.every) * 0.99) - 1] for one in marks if one.every]
    edge = 1.06 * max([*slow, *(one.high or one.value for one in marks)]) or 1.0
    axes.set_xlim(0, edge)
    for at, one in enumerate(marks):
        seen = sorted({round(value / edge * 700) for value in one.every if value <= edge})
        axes.plot([x for tick in seen for x in (tick / 700 * edge, tick / 700 * edge, math.nan)],
                  [y for _ in seen for y in (at - 0.22, at + 0.22, math.nan)], color=STRIP, linewidth=0.9)  # fmt: skip
        axes.plot(one.means, [at + 0.33] * len(one.means), 'o', color=MUTED, markersize=2.2)
        _dot(axes, one, at)
    _names(axes, range(len(marks)), marks)
    axes.set_ylim(len(marks) - 0.4, -0.6)
    axes.set_xlabel(label, color=MUTED, fontsize=POINT)
    beyond = sum(value > edge for one in marks for value in one.every)
    late = f' {beyond} calls lie beyond the right edge.' if beyond else ''
    return picture(title, figure, caption + late, described(marks, label))


def bars(title: str, marks: Sequence[Mark], label: str, caption: str) -> Picture:
    """Return a bar for each mark, its figure behind it."""
    figure, axes = new_figure(0.75 + 0.3 * len(marks))
    values = [one.value for one in marks]
    axes.barh(range(len(marks)), values, height=0.56, color=[COLOURS.get(one.state, PLAIN) for one in marks])
    axes.set_xlim(0, max(values) * 1.12 or 1)
    for at, value in enumerate(values):
        axes.annotate(significant(value), (value, at), xytext=(5, 0), textcoords='offset points', va='center',
                      color=INK, fontsize=POINT)  # fmt: skip
    _names(axes, range(len(marks)), marks)
    axes.set_ylim(len(marks) - 0.4, -0.6)
    axes.set_xlabel(label, color=MUTED, fontsize=POINT)
    return picture(title, figure, caption, described(marks, label))


def grouped(title: str, groups: Sequence[tuple[str, Sequence[Mark]]], label: str, caption: str) -> Picture:
    """Return dots with intervals, in groups under their names: one line of a recipe's matrix, one engine of many."""
    marks = [one for _, members in groups for one in members]
    figure, axes = new_figure(0.75 + 0.3 * len(marks) + 0.42 * len(groups))
    places: list[float] = []
    at = -0.2
    for name, members in groups:
        text = axes.annotate(name, (0, at + 0.05), xytext=(4, 0), textcoords='offset points', va='center', color=MUTED,
                             fontsize=POINT, fontweight='bold', parse_math=False)  # fmt: skip
        text.set_annotation_clip(False)
        places += [at + 0.9 * (place + 1) for place in range(len(members))]
        at = places[-1] + 1.3 if members else at + 1.3
    axes.set_xlim(0, 1.06 * max(one.high or one.value for one in marks) or 1.0)
    for place, one in zip(places, marks, strict=True):
        _dot(axes, one, place)
    _names(axes, places, marks)
    axes.set_ylim(places[-1] + 0.6, -0.8)
    axes.set_xlabel(label, color=MUTED, fontsize=POINT)
    return picture(title, figure, caption, described(marks, label))


def described(marks: Sequence[Mark], unit: str) -> str:
    """Return what a picture shows, for who cannot see it."""
    return f'{unit}: ' + '; '.join(f'{one.name} {significant(one.value)}' for one in marks) + '.'


def _dot(axes: Any, one: Mark, at: float) -> None:
    colour = COLOURS.get(one.state, PLAIN)
    if one.low is not None and one.high is not None:
        axes.plot([one.low, one.high], [at, at], color=colour, linewidth=2.6)
    axes.plot([one.value], [at], 'o', color=colour, markersize=6.5)


def _names(axes: Any, places: Sequence[float], marks: Sequence[Mark]) -> None:
    axes.set_yticks(places)
    names = [short(one.name) + (' ✕' if one.state in ('greyed', 'refused') else '') for one in marks]
    for text, one in zip(axes.set_yticklabels(names), marks, strict=True):
        text.set_parse_math(False)
        text.set_color(MUTED if one.state in ('greyed', 'refused') else INK)
        text.set_fontweight('bold' if one.state == 'chosen' else 'normal')
