"""The verdict: how far the choice can be trusted, and the four facts that a reader needs first."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final, Literal

from stages.measure.figures import Score
from stages.measure.noise import cpu_share, of_machine, of_variant
from stages.measure.tolerance import DEFAULTS
from stages.recipe.setting import SERVER
from stages.report import samples
from stages.report.accuracy import Loss, judgement, limit, loss_of
from stages.report.budget import over_budget
from stages.report.choose import Choice
from stages.report.digits import change_text, ratio_text, score_words, significant
from stages.report.findings import Findings
from stages.report.objective import OBJECTIVES, shown_worse
from stages.report.rows import Row
from stages.report.statistics import CLAIM, Ratio, turned

Grade = Literal['ship', 'stay', 'repeat', 'nothing']

ENOUGH: Final = 100
"""Answers that a metric must be of where the recipe states no bound: a share of 90 % is then known to 6 points."""


@dataclass(frozen=True)
class Accuracy:
    """How good the variant's answers are, as far as that was measured."""

    score: Score | None
    source: Score | None
    loss: Loss | None
    judgement: str
    """``the source itself``, ``the same answers``, ``better``, ``as good``, ``not shown to be as good``, ``worse``,
    ``not compared`` or ``not measured``."""

    words: str
    """``top1 90 % (70–97), n = 20, source 85 %`` or ``not measured``."""


@dataclass(frozen=True)
class Trust:
    """Whether the processes that the figures come from can be believed."""

    doubts: tuple[str, ...]
    """What decides that they cannot be used as they are, worst first; empty: nothing does."""

    cpu_share: float | None
    rounds: int
    words: str


@dataclass(frozen=True)
class Verdict:
    """A grade, why, and four facts: variant, speed, accuracy, trust. All pages say the verdict from this."""

    grade: Grade
    """``ship``: shown better, within its bounds, accuracy known, processes undisturbed. ``stay``: nothing is shown
    better. ``repeat``: it may be, and what is missing is said. ``nothing``: no variant may be shipped."""

    headline: str
    """``Ship ov-int8``, ``No clear winner: stay with torch``, ``Repeat before you ship ov-int8`` …"""

    reasons: tuple[str, ...]
    """Why the grade is not *ship*, in sentences; empty when it is."""

    variant: str | None
    threads: int | None
    speed: Ratio | None
    """Against the baseline; None for the baseline itself, or where it was not compared."""

    speed_words: str
    accuracy: Accuracy
    trust: Trust
    notes: tuple[str, ...] = ()
    """Ties, equal bytes, and what of the budget is not shown to be kept: no reason against anything."""

    over: tuple[str, ...] = ()
    """What breaks the recipe's budget, in sentences: the build fails."""


def judge(findings: Findings, found: list[Row], choice: Choice) -> Verdict:
    """Return the verdict on a choice."""
    row = next((one for one in found if choice.of(one)), None) if choice.name else None
    if row is None:
        nothing = Accuracy(None, None, None, 'not measured', 'not measured')
        over, _ = over_budget(None, findings.asked.budget, None)
        return Verdict(
            'nothing', 'Nothing to ship', (f'{choice.reason}.',), None, None, None, '', nothing, Trust((), None, 0, ''),
            over=tuple(over),
        )  # fmt: skip
    base = baseline_of(row, found)
    accuracy, trusted = accuracy_of(row, base, findings), trust(row, base, findings)
    unclear = _unclear(row, base, found, choice, findings)
    unknown = _unknown(row, accuracy, findings)
    reasons = (*(f'{doubt}.' for doubt in trusted.doubts), *unclear, *unknown)
    over, unsure = over_budget(row, findings.asked.budget, accuracy.loss)
    grade: Grade = 'repeat' if trusted.doubts else 'stay' if unclear else 'repeat' if unknown else 'ship'
    name = f'{row.variant} with {row.threads} threads' if len({one.threads for one in found}) > 2 else row.variant
    headline = {
        'ship': f'Ship {name}',
        'stay': f'No clear winner: stay with {name}' if choice.ties else f'Stay with {name}',
        'repeat': f'Repeat; until then stay with {name}' if row.baseline else f'Repeat before you ship {name}',
    }[grade]
    return Verdict(
        grade, headline, reasons, row.variant, row.threads, row.ratio, speed_words(row, base), accuracy, trusted,
        (*_notes(row, choice), *(f'{one}.' for one in unsure)), tuple(over),
    )  # fmt: skip


def baseline_of(row: Row, found: list[Row]) -> Row | None:
    """Return the baseline in the row's setting; where it is not asked for in that one, in another."""
    own = [one for one in found if one.baseline and one.setting == row.setting]
    same = [
        one for one in found if one.baseline and one.setting and row.setting and one.setting.table == row.setting.table
    ]
    return next(iter([*own, *same, *(one for one in found if one.baseline)]), None)


def accuracy_of(row: Row, base: Row | None, findings: Findings) -> Accuracy:
    """Return what is known of a row's answers."""
    score, source = row.metric or row.agreement, base.metric if base else None
    if row.baseline:
        return Accuracy(score, None, None, 'the source itself', _score_words(score, None) or 'the source itself')
    loss = loss_of(score, source)
    said = _score_words(score, source)
    exact = DEFAULTS['f32'].relative
    if row.precision == 'f32' and row.relative is not None and exact is not None and row.relative <= exact:
        word = f'the same answers as the source within {row.relative:.0e}'
        return Accuracy(score, source, loss, 'the same answers', f'{said}; {word}' if said else word)
    if score is None:
        return Accuracy(None, source, None, 'not measured', 'not measured')
    known = judgement(loss, limit(score, source, _bounds(findings)))
    return Accuracy(score, source, loss, known, said)


def _bounds(findings: Findings) -> list[float]:
    stated = (findings.asked.within.get('accuracy_drop'), findings.asked.max_drop)
    return [bound for bound in stated if bound is not None]


def _score_words(score: Score | None, source: Score | None) -> str:
    if score is None:
        return ''
    n = f', n = {score.n}' if score.n else ''
    name = 'agrees with the source on' if score.name == 'agreement' else score.name
    beside = '' if source is None or source.name != score.name else f', source {_plain(source)}'
    return f'{name} {score_words(score)}{n}{beside}'


def _plain(score: Score) -> str:
    return f'{significant(score.value * 100, 2)} %' if score.percent else f'{score.value:.3f}'


def trust(row: Row, base: Row | None, findings: Findings) -> Trust:
    """Return whether the processes of a row, and those of its baseline, had what they needed."""
    machine = {'clock': {'resolution_seconds': 1e-9}, **findings.machine}
    rows = [row] if base is None or base is row else [row, base]
    doubts = [
        f'{one.variant}: {doubt.sentence}'
        for one in rows if one.cycles
        for doubt in of_variant(one.cycles, machine, paced=_is_paced(one)) if doubt.grave and doubt.kind != 'slow'
    ]  # fmt: skip
    if {'cpu', 'load'} <= machine.keys() and machine.get('load_after'):
        doubts += [doubt.sentence for doubt in of_machine(machine) if doubt.grave]
    shares = [share for one in rows if not _is_paced(one) and (share := cpu_share(one.cycles)) is not None]
    rounds = len(samples.timed(row.cycles))
    words = f'{rounds} process{"es" * (rounds != 1)} of each, in turn'
    if shares:
        words += f'; they had the CPU {min(shares) * 100:.0f} % of the time'
    return Trust(tuple(doubts), min(shares, default=None), rounds, words if rounds else 'not measured')


def _is_paced(row: Row) -> bool:
    return row.setting is not None and row.setting.scenario == SERVER


def _unclear(row: Row, base: Row | None, found: list[Row], choice: Choice, findings: Findings) -> tuple[str, ...]:
    """Why it is not shown that the choice is the best to ship; empty when it is."""
    objective = OBJECTIVES[findings.asked.fastest]
    if row.baseline:
        if all(one.baseline or one.variant in choice.refused for one in found):
            return ('no other variant may be shipped.',)
        said = f'no variant that may be shipped is shown to be {objective.better}'
        return (f'{said}; not decided: {", ".join(choice.ties)}.' if choice.ties else f'{said}.',)
    if base is not None and base.variant in choice.refused:
        return () if not choice.ties else (f'it is not shown to differ from {", ".join(choice.ties)}.',)
    if base is None or math.isinf(objective.value(base)) or base.apart != row.apart:
        return ('it was not compared with the baseline.',)
    if objective.rounds is not None and min(len(objective.rounds(row)), len(objective.rounds(base))) < 2:
        return ('one round shows nothing: run more cycles.',)
    if not shown_worse(base, row, objective, CLAIM):
        return (f'it is not shown to be {objective.better} than {base.variant}.',)
    return ()


def _unknown(row: Row, accuracy: Accuracy, findings: Findings) -> tuple[str, ...]:
    """What of its accuracy must be known before it is shipped; empty when all is."""
    if accuracy.judgement in ('the source itself', 'the same answers', 'as good', 'better'):
        return ()
    if accuracy.score is None:
        return (f'its accuracy was not measured, and it computes in {row.precision or "another precision"}.',)
    score, loss, bounds = accuracy.score, accuracy.loss, _bounds(findings)
    if not bounds:
        if score.n is not None and score.n >= ENOUGH:
            return ()
        return (f'its {score.name} is of {score.n or "an unknown number of"} answers; take at least {ENOUGH}.',)
    if loss is None or loss.high is None:
        words = 'has no interval: its answers could not be drawn in pairs with those of the source'
        groups = 'where several samples make one judgement, an array `groups` in the data says which'
        return (f'its loss of {score.name} {words}; {groups}.',)
    allowed = change_text(min(bounds), score.percent)
    return (
        f'it may lose up to {change_text(max(loss.high, 0.0), score.percent)} of {score.name}, allowed {allowed}: '
        f'{score.n} answers do not show more.',
    )


def speed_words(row: Row, base: Row | None) -> str:
    """``3.3× faster than torch (2.9–3.7)``; slower as plainly."""
    if row.baseline:
        return 'the baseline'
    if row.ratio is None or base is None:
        return 'not compared'
    ratio = turned(row.ratio) if row.verdict == 'slower' else row.ratio
    times, _, bounds = ratio_text(ratio).partition(' ')
    if row.verdict in ('faster', 'slower'):
        return f'{times} {row.verdict} than {base.variant} {bounds}'.strip()
    if row.verdict.startswith('same'):
        return f'as fast as {base.variant} within 2 % {bounds}'.strip()
    return f'neither shown faster nor slower than {base.variant}, {times} {bounds}'.strip()


def _notes(row: Row, choice: Choice) -> tuple[str, ...]:
    same = f'{row.variant} and {", ".join(choice.same)} are the same bytes, run alike: one winner, measured apart.'
    ties = f'{", ".join(choice.ties)}: not shown to differ from {row.variant}, which has the simplest chain.'
    return (*((same,) if choice.same else ()), *((ties,) if choice.ties else ()))
