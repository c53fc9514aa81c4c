"""What a recipe's ``regression:`` block says of two builds: a loss counts only where noise cannot have made it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from stages.report.compare import Change, Comparison
from stages.report.digits import change_text, significant

FIGURES = {'latency': 'latency', 'peak_memory': 'peak_memory', 'size': 'size', 'accuracy_drop': 'accuracy'}
"""What may be bounded, and the figure of a comparison that it bounds."""


@dataclass(frozen=True)
class Judged:
    """One bound on one variant."""

    variant: str
    figure: str
    verdict: str
    """``regressed``, ``kept``, or ``not shown``: the interval holds both a loss and none."""

    words: str


def judged(found: Comparison, asked: Mapping[str, float]) -> tuple[Judged, ...]:
    """Return every bound on every variant that both builds have; what worked and works no more has regressed.

    ``asked`` has shares by which latency, peak memory and size may grow, and what accuracy may fall by in the metric's
    units. Nothing is judged when it is empty.
    """
    if not asked:
        return ()
    made = [Judged(one.name, 'state', 'regressed', f'worked ({one.before}), and now: {one.after}')
            for one in found.changes if one.figure == 'state' and one.word == 'failed']  # fmt: skip
    for name, bound in asked.items():
        for one in found.changes:
            if one.figure == FIGURES[name] and one.word != 'not compared':
                made.append(_judge(one, name, bound))
    return tuple(made)


def regressed(found: Comparison, asked: Mapping[str, float]) -> list[str]:
    """Return the losses beyond what is allowed, each in a sentence."""
    return [f'{one.variant}: {one.words}' for one in judged(found, asked) if one.verdict == 'regressed']


def _judge(one: Change, name: str, bound: float) -> Judged:
    if one.drop is not None:
        low, high, limit = one.drop.low, one.drop.high, bound
    else:
        assert one.ratio is not None, 'a figure that was compared has a ratio or a drop'
        low, high, limit = one.ratio.low, one.ratio.high, 1 + bound
    # The word holds what the interval alone does not know: that what runs the baseline moved.
    sure = one.word in ('slower', 'more', 'larger', 'worse')
    verdict = 'regressed' if sure and low is not None and low > limit else 'not shown'
    if verdict == 'not shown' and high is not None and high <= limit:
        verdict = 'kept'
    return Judged(
        one.name, one.figure, verdict, f'{name.replace("_", " ")} {one.before} → {one.after}{_by(one, bound)}'
    )


def _by(one: Change, bound: float) -> str:
    if one.drop is not None:
        percent = abs(bound) <= 1 and '%' in one.before
        return f' ({change_text(one.drop.value, percent)} {"lost" if one.drop.value > 0 else "gained"}, ' \
               f'allowed {change_text(bound, percent)})'  # fmt: skip
    assert one.ratio is not None
    low, high = one.ratio.low, one.ratio.high
    bounds = f' ({_percent(low - 1)} to {_percent(high - 1)})' if low and high and low != high else ''
    return f' ({_percent(one.ratio.value - 1)}{bounds}, allowed +{bound * 100:g} %)'


def _percent(share: float) -> str:
    text = significant(share * 100, 2)
    return f'{"−" + text[1:] if text.startswith("-") else "+" + text} %'
