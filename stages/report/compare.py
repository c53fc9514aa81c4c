"""Two builds of a recipe against each other: what got slower, worse, larger, and whether that is more than noise.

The two were measured in two sessions, so their latencies are not paired: a slow hour would look like a slow model. What
can be compared is each variant's speed against the baseline of its own rounds, which cancels what slowed both; the
ratio of those two ratios has an interval of its own, from the processes of both.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

from stages.intervals import Interval, t_quantile
from stages.measure.figures import Score
from stages.recipe.setting import Setting
from stages.report.digits import MIB, plus_minus, score_words, significant, size_unit, time_unit
from stages.report.kept import Kept, KeptRow, Mean
from stages.report.statistics import Ratio, level_for, verdict

SHIPPED = 'shipped'
"""What stands for a variant where two are compared because each was the one to ship."""

SAME_SIZE = 0.001
"""A size that moves by less is said to be the same."""


@dataclass(frozen=True)
class Change:
    """One figure of one variant in two builds."""

    variant: str
    setting: Setting | None
    figure: str
    """``latency``, ``accuracy``, ``peak_memory``, ``size`` or ``state``."""

    before: str
    after: str
    ratio: Ratio | None
    """New over old, below 1 is better but for accuracy, which has a difference: see ``drop``. None: not compared."""

    drop: Ratio | None
    """Accuracy alone: how much of the metric is lost, in its own units, with its interval; below 0 is gained."""

    word: str
    """``faster``, ``slower``, ``same within 2 %``, ``inconclusive``, ``worse``, ``built``, ``failed`` …"""

    @property
    def name(self) -> str:
        usual = self.setting is None or self.setting == Setting()
        return self.variant if usual or self.setting is None else f'{self.variant} ({self.setting.words()})'


@dataclass(frozen=True)
class Comparison:
    """An old build and a new one."""

    old: Kept
    new: Kept
    changes: tuple[Change, ...]
    notes: tuple[str, ...]
    """What the reader must know before the figures."""

    def of(self, variant: str, figure: str) -> tuple[Change, ...]:
        """The changes of a figure of a variant, one for each setting."""
        return tuple(one for one in self.changes if (one.variant, one.figure) == (variant, figure))


def compare(old: Kept, new: Kept) -> Comparison:
    """Compare two builds variant by variant; those that only one has are said to be new or gone."""
    pairs = [(row, _same(row, new)) for row in old.rows]
    both = sum(bool(after and before.speed and after.speed) for before, after in pairs)
    level = level_for(both)
    changes: list[Change] = []
    for before, after in pairs:
        changes += _state(before, after)
        if after is not None:
            changes += _figures(old, new, before, after, level)
    changes += _shipped(old, new, level)
    known = {row.variant for row in old.rows}
    added = {row.variant: row for row in new.rows if row.variant not in known}
    changes += [Change(name, None, 'state', '', _how(row), None, None, 'new') for name, row in added.items()]
    return Comparison(old, new, tuple(changes), tuple(_notes(old, new)))


def _same(row: KeptRow, new: Kept) -> KeptRow | None:
    """The row of the same variant in the same setting; what failed in one of the builds has no setting there."""
    found = new.row(row.variant, row.setting) or new.row(row.variant, None)
    return found or next((one for one in new.rows if one.variant == row.variant and row.setting is None), None)


def _shipped(old: Kept, new: Kept, level: float) -> list[Change]:
    """What is shipped now against what was, where that is another variant."""
    before, after = old.best, new.best
    if before is None:
        return []
    if after is None:
        return [Change(SHIPPED, None, 'state', before.variant, 'nothing', None, None, 'failed')]
    if (before.variant, before.setting) == (after.variant, after.setting):
        return []
    name = f'{SHIPPED}: {before.variant} → {after.variant}'
    return [replace(change, variant=name) for change in _figures(old, new, before, after, level)]


def incomparable(old: Kept, new: Kept) -> str:
    """Why no speed of two builds can be judged, in a sentence; empty when it can."""
    if old.machine != new.machine:
        two = f'{_machine(old)} and {_machine(new)}'
        return f'No speed and no memory is judged: the builds were measured on other machines, {two}.'
    if old.baseline != new.baseline:
        return f'No speed is judged: the baselines are others, {old.baseline} and {new.baseline}.'
    return ''


def _notes(old: Kept, new: Kept) -> list[str]:
    notes = [incomparable(old, new)]
    if old.source and new.source and old.source != new.source:
        notes.append('The source model is another one, or is read in another way.')
    if moved := _moved(old, new):
        notes.append(f'What runs the baseline changed: {moved}. A speed is judged only where the latency agrees.')
    return [note for note in notes if note]


def _moved(old: Kept, new: Kept) -> str:
    """What can move the baseline itself, and with it every speed."""
    names = [name for name in {**old.runtime, **new.runtime} if old.runtime.get(name) != new.runtime.get(name)]
    return ', '.join(f'{name} {old.runtime.get(name, "—")} → {new.runtime.get(name, "—")}' for name in names)


def _machine(kept: Kept) -> str:
    cpu, cores = kept.machine.get('model') or kept.machine.get('cpu') or 'an unknown CPU', kept.machine.get('cores')
    return f'{cpu} with {cores} cores' if cores else str(cpu)


def _how(row: KeptRow) -> str:
    return row.failure or row.status


def _state(before: KeptRow, after: KeptRow | None) -> list[Change]:
    """Built, failed, gone: told where it is not as before."""
    if after is None:
        return [Change(before.variant, before.setting, 'state', _how(before), '', None, None, 'gone')]
    was, now = bool(before.failure), bool(after.failure)
    if was == now:
        return []
    word = 'failed' if now else 'mended'
    return [Change(before.variant, before.setting, 'state', _how(before), _how(after), None, None, word)]


def _figures(old: Kept, new: Kept, before: KeptRow, after: KeptRow, level: float) -> list[Change]:
    found = [
        _latency(old, new, before, after, level),
        _accuracy(before, after),
        _memory(before, after) if old.machine == new.machine else None,
        _size(before, after),
    ]
    return [one for one in found if one]


def _latency(old: Kept, new: Kept, before: KeptRow, after: KeptRow, level: float) -> Change | None:
    if not before.latency or not after.latency:
        return None
    figures = (_ms(before.latency), _ms(after.latency))
    made = Change(before.variant, before.setting, 'latency', *figures, None, None, 'not compared')
    if not before.speed or not after.speed or before.setting != after.setting or incomparable(old, new):
        return made  # a baseline has no speed: it is what the others are compared with
    ratio = across(before, after, (old.level, new.level), level)
    word = verdict(Ratio(1 / ratio.value, _over(ratio.high), _over(ratio.low)))
    if word in ('faster', 'slower') and _moved(old, new) and not _agrees(word, before.latency, after.latency):
        word = 'inconclusive'
    return Change(before.variant, before.setting, 'latency', *figures, ratio, None, word)


def _over(value: float | None) -> float | None:
    return None if value is None else 1 / value


def across(before: KeptRow, after: KeptRow, levels: tuple[int, int], level: float) -> Ratio:
    """Return new time over old time, each relative to the baseline of its own rounds, with its interval at ``level``.

    Both are means of ln ratios over independent processes, so their difference has Welch's interval, with the degrees
    of freedom of Welch and Satterthwaite (Biometrika 34, 1947; Biometrics Bulletin 2, 1946). No interval where one has
    none.
    """
    one, two = before.speed, after.speed
    assert one is not None and two is not None
    middle = math.log(one.value / two.value)
    errors = [_error(row, at) for row, at in zip((before, after), levels, strict=True)]
    if errors[0] is None or errors[1] is None:
        return Ratio(math.exp(middle), None, None)
    half = welch(errors[0], errors[1], level)
    return Ratio(math.exp(middle), math.exp(middle - half), math.exp(middle + half))


def welch(one: tuple[float, int], two: tuple[float, int], level: float) -> float:
    """Return the half-width of a difference of two means, each with its standard error and its degrees of freedom."""
    variance = one[0] ** 2 + two[0] ** 2
    if not variance:
        return 0.0
    parts = sum(error**4 / freedom for error, freedom in (one, two))
    return t_quantile(max(1, math.floor(variance**2 / parts)), level) * math.sqrt(variance)


def _error(row: KeptRow, level: float) -> tuple[float, int] | None:
    """The standard error of a row's ln speed, from its interval, and its degrees of freedom."""
    speed, rounds = row.speed, row.latency.n if row.latency else 0
    if speed is None or speed.low is None or speed.high is None or rounds < 2 or speed.low <= 0:
        return None
    return math.log(speed.high / speed.low) / 2 / t_quantile(rounds - 1, level), rounds - 1


def _agrees(word: str, before: Mean, after: Mean) -> bool:
    """Whether the latency alone, of intervals that do not meet, moved the way that the relative speed says."""
    if before.half is None or after.half is None:
        return False
    apart = after.mean - before.mean
    return abs(apart) > before.half + after.half and (apart > 0) == (word == 'slower')


def _memory(before: KeptRow, after: KeptRow) -> Change | None:
    one, two = before.memory, after.memory
    if not one or not two or not one.mean:
        return None
    value, low, high = two.mean / one.mean, None, None
    if one.half is not None and two.half is not None and min(one.n, two.n) > 1:
        errors = [(m.half / t_quantile(m.n - 1) / m.mean, m.n - 1) for m in (one, two) if m.half is not None]
        half = welch(errors[0], errors[1], 95)
        low, high = value * math.exp(-half), value * math.exp(half)
    ratio = Ratio(value, low, high)
    word = {'faster': 'less', 'slower': 'more'}.get(found := verdict(Ratio(1 / value, _over(high), _over(low))), found)
    return Change(before.variant, before.setting, 'peak_memory', _mib(one), _mib(two), ratio, None, word)


def _size(before: KeptRow, after: KeptRow) -> Change | None:
    if not before.size or not after.size:
        return None
    value = after.size / before.size
    word = 'same' if abs(value - 1) < SAME_SIZE else 'smaller' if value < 1 else 'larger'
    return Change(before.variant, before.setting, 'size', _mb(before.size), _mb(after.size),
                  Ratio(value, value, value), None, word)  # fmt: skip


def _accuracy(before: KeptRow, after: KeptRow) -> Change | None:
    one, two = before.metric, after.metric
    if not one or not two or one.name != two.name or one.better != two.better:
        return None
    drop = lost(one, two)
    word = 'same' if one.value == two.value else 'inconclusive'
    if drop.low is not None and drop.high is not None and one.value != two.value:
        word = 'worse' if drop.low > 0 else 'better' if drop.high < 0 else 'inconclusive'
    return Change(before.variant, before.setting, 'accuracy', _score(one), _score(two), None, drop, word)


def lost(before: Score, after: Score) -> Ratio:
    """Return how much of a metric was lost, with an interval made of the two that it had.

    By Newcombe's square-and-add rule (Statistics in Medicine 17, 1998, method 10), which takes any two intervals of
    independent figures. Both builds may have answered the same questions, which makes the truth narrower than this: a
    loss that it shows is one.
    """
    sign = 1 if before.better == 'higher' else -1
    value = sign * (before.value - after.value)
    if None in (before.low, before.high, after.low, after.high):
        return Ratio(value, None, None)
    assert before.low is not None and before.high is not None and after.low is not None and after.high is not None
    least = math.hypot(before.value - before.low, after.high - after.value)
    most = math.hypot(before.high - before.value, after.value - after.low)
    return Ratio(value, value - (least if sign > 0 else most), value + (most if sign > 0 else least))


def _ms(found: Mean) -> str:
    unit = time_unit([found.mean])
    return f'{plus_minus(Interval(found.mean, found.half), unit)} {unit.name}'


def _mib(found: Mean) -> str:
    return f'{plus_minus(Interval(found.mean, found.half), MIB)} MiB'


def _mb(size: int) -> str:
    unit = size_unit([size])
    return f'{significant(size * unit.factor)} {unit.name}'


def _score(score: Score) -> str:
    return f'{score.name} {score_words(score)}' + (f', n = {score.n}' if score.n else '')
