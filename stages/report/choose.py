"""The best variant under the recipe's `choose`: who may be shipped, who is best, and by which rule."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

from stages.recipe.setting import Setting
from stages.report.bounds import in_words, refusal
from stages.report.candidates import candidates
from stages.report.findings import Findings
from stages.report.front import front
from stages.report.objective import OBJECTIVES, Objective, shown_worse
from stages.report.rows import Row
from stages.report.statistics import NOISE, level_for


@dataclass(frozen=True)
class Choice:
    """The variant to take (None: none may be) and the reason in words; ``refused`` says why the others may not."""

    name: str | None
    threads: int | None
    reason: str
    refused: dict[str, str] = field(default_factory=dict)
    ties: tuple[str, ...] = ()
    """Variants that may be shipped as well, and that are not shown to be worse or better."""

    same: tuple[str, ...] = ()
    """Variants of the same bytes, run alike: the same winner by another name."""

    front: tuple[str, ...] = ()
    """Variants that no other one beats in everything: time, memory, size and the metric."""

    rule: tuple[str, ...] = ()
    """How the choice was made, step by step: whoever has the samples comes to the same."""

    setting: Setting | None = None
    """How it was measured."""

    def of(self, row: Row) -> bool:
        """Whether this is the row that was chosen."""
        return row.variant == self.name and row.setting == self.setting


def choose(findings: Findings, found: list[Row]) -> Choice:
    """Return the variant of the recipe's rule.

    Of the rows of one session that keep every bound, the best in the recipe's figure; of it and of all that it is not
    shown to be better than, the one with the simplest chain. Inside the noise a number is no reason for a longer one.
    """
    if findings.asked.fastest not in OBJECTIVES:
        raise ValueError(f'choose: unknown figure {findings.asked.fastest!r}; expected one of {", ".join(OBJECTIVES)}')
    objective, all_rows = OBJECTIVES[findings.asked.fastest], found
    found = candidates(findings, found, findings.asked.fastest)
    baseline = next((row for row in found if row.baseline), None)
    why = [(row, refusal(row, objective, findings, baseline)) for row in found]
    allowed = [row for row, reason in why if reason is None]
    may = {row.variant for row in allowed}
    refused: dict[str, str] = {}
    for row, reason in why:
        if reason is not None and row.variant not in may:
            refused.setdefault(row.variant, reason)
    if not allowed:
        return Choice(None, None, _none(found, objective), refused)
    level = level_for(len(allowed) - 1)
    # min() keeps the recipe's order among equals, so the answer never depends on chance.
    best = min(allowed, key=lambda row: (objective.value(row), row.latency.mean if row.latency else math.inf))
    level_rows = [row for row in allowed if row is best or not shown_worse(row, best, objective, level)]
    taken = min(level_rows, key=simplicity)
    same = tuple(row.variant for row in allowed if row.variant != taken.variant and is_same(row, taken))
    others = dict.fromkeys(row.variant for row in level_rows if row.variant not in (taken.variant, *same))
    return Choice(
        taken.variant,
        taken.threads,
        _reason(taken, best, objective, findings, len(allowed), tuple(others)),
        refused,
        tuple(others),
        same,
        front(all_rows),
        _rule(taken, best, objective, findings, level_rows, len(allowed), len(found), level),
        taken.setting,
    )


def is_same(row: Row, other: Row) -> bool:
    """Whether two variants are one to deploy: equal bytes, run alike."""
    run = [(one.sha256, one.engine, one.options, one.setting) for one in (row, other)]
    return bool(row.sha256) and run[0] == run[1]


def simplicity(row: Row) -> tuple[int, bool, int, int]:
    """Order by how little there is to a variant: its stages, whether it stays float, its threads, its batch."""
    return len(row.stages), row.precision not in ('', 'f32'), row.threads or 0, row.batch


def _none(found: list[Row], objective: Objective) -> str:
    """Why nothing may be shipped: what was built is not said to be missing."""
    built = [row for row in {row.variant: row for row in reversed(found)}.values() if row.built]
    if not built:
        return 'no variant was built'
    counts = {
        'too far from the source': sum(row.reason is not None for row in built),
        'below the accuracy bound': sum(bool(row.failure) and not row.reason and not row.unmeasured for row in built),
        'not measured, because measuring failed': sum(bool(row.unmeasured) for row in built),
        'for another machine': sum(not row.failure and bool(row.foreign) for row in built),
        'not measured': sum(
            not row.failure and not row.foreign and math.isinf(objective.value(row)) for row in built
        ),
    }  # fmt: skip
    counts["outside of the recipe's bounds"] = len(built) - sum(counts.values())
    said = ', '.join(f'{count} {what}' for what, count in counts.items() if count)
    were = f'{len(built)} variants were' if len(built) > 1 else 'one variant was'
    return f'{were} built and none may be shipped: {said}'


def _reason(
    taken: Row, best: Row, objective: Objective, findings: Findings, allowed: int, ties: tuple[str, ...]
) -> str:
    within, percent = findings.asked.within, not taken.metric or taken.metric.percent
    field_of = f'of {allowed} that keep' if allowed > 1 else 'and the only one that keeps'
    bounds = f'{field_of} the bounds ({in_words(within, percent)})' if within else f'of {allowed} that may be shipped'
    if not ties:
        return f'{objective.words} ({objective.written(taken)}) {bounds}'
    lower = f', whose figure is the lowest ({objective.written(best)})' if best.variant != taken.variant else ''
    return (
        f'the simplest chain ({objective.written(taken)}) of the {objective.words} {bounds}; '
        f'not shown to differ from {", ".join(ties)}{lower}'
    )


def _rule(
    taken: Row,
    best: Row,
    objective: Objective,
    findings: Findings,
    level_rows: list[Row],
    allowed: int,
    all_rows: int,
    level: float,
) -> tuple[str, ...]:
    percent = not taken.metric or taken.metric.percent
    bounds = {**findings.asked.within}
    if findings.asked.max_drop is not None:
        drop = bounds.get('accuracy_drop')
        bounds['accuracy_drop'] = findings.asked.max_drop if drop is None else min(drop, findings.asked.max_drop)
    kept = f'{in_words(bounds, percent)}: ' if bounds else 'the recipe states none: '
    several = len({row.setting for row in level_rows}) > 1

    def called(row: Row) -> str:
        return f'{row.variant} ({row.setting.words()})' if several and row.setting else row.variant

    if objective.rounds is None:
        test = 'figures are exact, so only equal ones tie'
    else:
        test = f'it is not shown to be {objective.better}, by the paired rounds of one session at {level} %, beyond '
        test += f'{NOISE:.0%}'
    return (
        f'Rows that were built, measured in this session, and keep every bound ({kept}{allowed} of {all_rows}).',
        f'Of these the {objective.words}: {called(best)}, {objective.written(best)}.',
        f'With it all that it does not beat ({test}): {", ".join(called(row) for row in level_rows)}.',
        'Of these the simplest chain: fewest stages, then float before compressed, then fewest threads, then the '
        f"recipe's order: {called(taken)}.",
    )
