"""A comparison of two builds, as a page: what regressed first, then every figure that moved."""

from __future__ import annotations

from stages.report.blocks import Block, Column, Items, Line, Page, Section, Table
from stages.report.compare import Change, Comparison
from stages.report.digits import change_text, ratio_text
from stages.report.regression import Judged, judged
from stages.report.statistics import Ratio

NONE = '—'
FIGURES = ('latency', 'accuracy', 'peak_memory', 'size')
BAD = ('slower', 'worse', 'more', 'larger', 'failed', 'gone')


def compare_page(found: Comparison) -> Page:
    """Return what changed from the old build to the new one, judged by the new one's ``regression:`` block."""
    old, new = found.old, found.new
    bounds = judged(found, new.regression)
    lost = [f'{one.variant}: {one.words}' for one in bounds if one.verdict == 'regressed']
    blocks: list[Block] = [Items(tuple(lost), True)] if lost else []
    states = tuple(_state(one) for one in found.changes if one.figure == 'state')
    sections = [
        Section('regressions', 'Regressions', tuple(blocks)),
        Section('variants', 'Variants', (_table(found),)),
        Section('state', 'Built or not', (Items(states),) if states else ()),
    ]
    return Page(
        title=new.model,
        subtitle=f'{old.created[:16] or "an older build"} → {new.created[:16] or "this build"}',
        verdicts=(_shipped(found), *found.notes),
        flags=(),
        sections=tuple(one for one in sections if one.blocks),
        headline=_headline(found, bounds),
        grade='nothing' if lost else 'ship',
    )


def _headline(found: Comparison, bounds: tuple[Judged, ...]) -> str:
    lost = sum(one.verdict == 'regressed' for one in bounds)
    if lost:
        return f'{lost} regression{"s" * (lost != 1)} beyond what the recipe allows'
    if bounds:
        unknown = sum(one.verdict == 'not shown' for one in bounds)
        return 'No regression' + (f' shown; {unknown} of {len(bounds)} bounds are within the noise' if unknown else '')
    moved = [one.word for one in found.changes if one.word in BAD]
    said = ', '.join(f'{moved.count(word)} {word}' for word in dict.fromkeys(moved))
    return f'{said} (the recipe has no `regression:` block)' if said else 'Nothing got worse beyond the noise'


def _shipped(found: Comparison) -> str:
    was, now = found.old.chosen or 'nothing', found.new.chosen or 'nothing'
    return f'Ships {now}, as before.' if was == now else f'Ships {now}; before: {was}.'


def _state(one: Change) -> str:
    if one.word in ('gone', 'new'):
        return f'{one.name} is {one.word}' + (f': {one.after}' if one.after else '')
    return f'{one.name} {"works again" if one.word == "mended" else "fails now"}: {one.before} → {one.after}'


def _table(found: Comparison) -> Table:
    names = dict.fromkeys((one.variant, one.setting) for one in found.changes if one.figure in FIGURES)
    by = {(one.variant, one.setting, one.figure): one for one in found.changes}
    columns = (
        Column('variant'), Column('latency'), Column('speed against its baseline, new/old', True), Column('speed is'),
        Column('accuracy'), Column('accuracy is'), Column('peak memory'), Column('size'),
    )  # fmt: skip
    lines = tuple(_line([by.get((*name, figure)) for figure in FIGURES]) for name in names)
    note = ('Speed: of each variant against the baseline of its own rounds; above 1× the new one is faster. Latencies '
            'of two sessions are shown, and not compared.')  # fmt: skip
    return Table('Variants', columns, lines, note)


def _line(found: list[Change | None]) -> Line:
    latency, accuracy, memory, size = found
    known = next(one for one in found if one)
    cells = (
        known.name,
        _moved(latency),
        ratio_text(_turned(latency.ratio)) if latency and latency.ratio else NONE,
        latency.word if latency else NONE,
        _moved(accuracy) + (f' ({_drop(accuracy)})' if accuracy and accuracy.word != 'same' else ''),
        accuracy.word if accuracy else NONE,
        _moved(memory) + (f' ({memory.word})' if memory and memory.word in ('more', 'less') else ''),
        _moved(size) + (f' ({size.word})' if size and size.word != 'same' else ''),
    )
    return Line(cells, 'greyed' if any(one and one.word in BAD for one in found) else '')


def _moved(one: Change | None) -> str:
    if one is None:
        return NONE
    return one.after if one.before == one.after else f'{one.before} → {one.after}'


def _drop(one: Change) -> str:
    if one.drop is None:
        return ''
    sign = '−' if one.drop.value > 0 else '+'
    return f'{sign}{change_text(one.drop.value, "%" in one.before)}'


def _turned(ratio: Ratio) -> Ratio:
    return Ratio(1 / ratio.value, ratio.high and 1 / ratio.high, ratio.low and 1 / ratio.low)
