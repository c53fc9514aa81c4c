"""What stands in ``report.json``: its fields and their types, from which its schema is made."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from stages.document.manifest import Use
from stages.document.typed import LATER
from stages.intervals import Interval
from stages.measure.figures import Score
from stages.recipe.setting import Setting
from stages.report.choose import Choice
from stages.report.compressed import Compressed
from stages.report.findings import Facts, Protocol
from stages.report.reasons import Reason
from stages.report.statistics import Percentile, Ratio
from stages.report.verdict import Verdict
from stages.report.whole import Whole

FORMAT = 1


@dataclass(frozen=True)
class Step:
    """One stage of a variant."""

    kind: str
    step: str
    makes: str
    """The precision that it gives a float model."""


@dataclass(frozen=True)
class Apart:
    """How far answers are from the source's."""

    max_abs: float | None
    relative: float | None
    cosine: float | None
    where: str = field(metadata=LATER)
    """The place of ``max_abs``."""


@dataclass(frozen=True)
class Record:
    """A variant in one setting, unrounded."""

    variant: str
    stages: str
    """In one line, as the table has them."""

    steps: tuple[Step, ...] = field(metadata=LATER)
    engine: str
    format: str
    precision: str
    options: Mapping[str, Any] = field(metadata=LATER)
    """Of its engine."""

    untimed: str = field(metadata=LATER)
    """Why it has no times in this setting though nothing failed; empty: it has."""

    batch: int
    session: str = field(metadata=LATER)
    """The session it was measured in; empty: not known, or the only one."""

    apart: bool = field(metadata=LATER)
    """It was measured in another session than the table's, and is never chosen."""

    threads: int | None
    setting: Setting | None = field(metadata=LATER)
    """How it was measured; null: it was not."""

    verdict: str
    failure: str | None
    """Why it does not count; null: it does."""

    status: Literal['built', 'unsupported', 'failed'] = field(metadata=LATER)
    """``failed`` is also what is too far from its source: it is measured, and never shipped."""

    reason: Reason | None = field(metadata=LATER)
    chosen: bool
    latency_ns: Interval | None
    throughput: Interval | None = field(metadata=LATER)
    """Samples a second, where the scenario measures them."""

    cycle_means_ns: tuple[float, ...]
    speed: Ratio | None
    percentiles_ns: Mapping[str, Percentile]
    whole_ns: Whole | None = field(metadata=LATER)
    """Of whole requests: before the model, in it, after it, and all; null: not measured."""

    peak_memory_bytes: Interval | None
    added_memory_bytes: float | None
    """Over the memory after import."""

    size_bytes: int | None
    metric: Score | None
    agreement: Score | None
    compressed: Compressed | None = field(metadata=LATER)
    """Of a compressed form: how it compares with its float form."""

    difference: Apart


@dataclass(frozen=True)
class Choose:
    """The recipe's rule."""

    fastest: str
    within: Mapping[str, Any]
    budget: Mapping[str, Any] = field(metadata=LATER)


@dataclass(frozen=True)
class Screen:
    """The first screen of the page, in words."""

    headline: str
    facts: tuple[tuple[str, str, str], ...]
    """Each with its title, its value and a note."""

    measured: tuple[tuple[str, str, str], ...]
    notes: tuple[str, ...]


@dataclass(frozen=True)
class Checked:
    """The recipe's bound."""

    max_drop: float | None


@dataclass(frozen=True)
class Report:
    """What was decided, from which numbers, on what machine; samples stay in samples.json."""

    model: str
    recipe: str
    created: str
    command: str
    baseline: str
    machine: Facts
    versions: Facts
    runs_python: tuple[str, ...]
    flags: tuple[str, ...]
    regression: Facts = field(metadata=LATER)
    metric: str
    source: Facts = field(metadata=LATER)
    inputs: tuple[Facts, ...]
    outputs: tuple[str, ...]
    preprocessing: str
    protocol: Protocol
    choose: Choose
    check: Checked
    choice: Choice
    verdict: Verdict = field(metadata=LATER)
    screen: Screen = field(metadata=LATER)
    use: Use | None = field(metadata=LATER)
    """Lines that run the winner; null: nothing may be shipped."""

    speed_level: float
    """Percent: the level of the intervals by which claims are made."""

    rows: tuple[Record, ...]
    format: int = field(default=FORMAT, kw_only=True)
