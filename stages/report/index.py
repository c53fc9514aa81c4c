"""One page over all recipes: what each ships, how fast and how good that is, and what changed since the last build."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from stages.intervals import Interval
from stages.report.blocks import Column, Line, Page, Section, Table
from stages.report.compare import SHIPPED, compare
from stages.report.digits import plus_minus, ratio_text, score_words, significant, size_unit, time_unit
from stages.report.kept import Kept, KeptRow
from stages.report.statistics import Ratio

NONE = '—'
WORDS = {'ship': 'ship', 'stay': 'no clear winner', 'repeat': 'repeat', 'nothing': 'nothing to ship'}


@dataclass(frozen=True)
class Entry:
    """A recipe with a report, and what is remembered of the build before."""

    name: str
    new: Kept
    old: Kept | None
    page: str
    """Where its report is, relative to the index."""


def index(entries: Sequence[Entry]) -> Page:
    """Return the page, a line for each recipe in the order of their names."""
    columns = (
        Column('recipe'), Column('ships'), Column('verdict'), Column('speed', True), Column('latency', True),
        Column('accuracy'), Column('trust'), Column('size', True), Column('since the last build'), Column('built'),
    )  # fmt: skip
    lines = tuple(_line(one) for one in entries)
    grades = [one.new.grade for one in entries]
    said = ', '.join(f'{grades.count(grade)} {words}' for grade, words in WORDS.items() if grade in grades)
    note = (
        'Speed: against the baseline of each recipe, in the same rounds, with its interval. Change: beyond the noise.'
    )
    table = Table('Recipes', columns, lines, note, tuple((one.name, one.page) for one in entries))
    return Page(
        title='All recipes',
        subtitle=f'{len(entries)} recipe{"s" * (len(entries) != 1)}: {said}',
        verdicts=(),
        flags=(),
        sections=(Section('recipes', 'Recipes', (table,)),),
    )


def _line(one: Entry) -> Line:
    new, best = one.new, one.new.best
    trust = next((value for title, value, _ in new.facts if title == 'trust'), NONE)
    accuracy = next((value for title, value, _ in new.facts if title == 'accuracy'), _accuracy(best))
    cells = (
        one.name,
        new.chosen or NONE,
        WORDS.get(new.grade, new.grade),
        ratio_text(best.speed) if best and best.speed else 'the baseline' if new.chosen == new.baseline else NONE,
        _latency(best),
        accuracy,
        trust,
        _size(best),
        change(one.old, new),
        f'{new.created[:16].replace("T", " ")} UTC' if new.created else NONE,
    )
    return Line(cells, {'ship': '', 'nothing': 'greyed'}.get(new.grade, 'doubted'))


def _latency(row: KeptRow | None) -> str:
    if row is None or row.latency is None:
        return NONE
    unit = time_unit([row.latency.mean])
    return f'{plus_minus(Interval(row.latency.mean, row.latency.half), unit)} {unit.name}'


def _accuracy(row: KeptRow | None) -> str:
    if row is None or row.metric is None:
        return 'not measured'
    return f'{row.metric.name} {score_words(row.metric)}' + (f', n = {row.metric.n}' if row.metric.n else '')


def _size(row: KeptRow | None) -> str:
    if row is None or not row.size:
        return NONE
    unit = size_unit([row.size])
    return f'{significant(row.size * unit.factor)} {unit.name}'


def change(old: Kept | None, new: Kept) -> str:
    """Return what moved from a build to the next one in a few words: of what is shipped, beyond the noise."""
    if old is None:
        return 'first build'
    found = compare(old, new)
    said = [] if old.chosen == new.chosen else [f'{new.chosen or "nothing"}, was {old.chosen or "nothing"}']
    for one in found.changes:
        if one.variant.partition(':')[0] != SHIPPED and (one.variant, one.setting) != (new.chosen, new.setting):
            continue
        if one.figure == 'latency' and one.word in ('faster', 'slower') and one.ratio:
            times = one.ratio if one.word == 'slower' else _turned(one.ratio)
            said.append(f'{ratio_text(times)} {one.word}')
        elif one.word in ('worse', 'better', 'smaller', 'larger', 'mended'):
            said.append(f'{one.figure} {one.before} → {one.after}')
    lost = [one.name for one in found.changes if one.word == 'failed' and one.variant != SHIPPED]
    said += [f'{", ".join(lost[:3])} fails now'] if lost else []
    return '; '.join(said) or 'none beyond the noise'


def _turned(ratio: Ratio) -> Ratio:
    return Ratio(1 / ratio.value, ratio.high and 1 / ratio.high, ratio.low and 1 / ratio.low)
