"""Rows of several recipes' reports side by side: what a comparison of frameworks is drawn from."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from stages.document.typed import LATER
from stages.intervals import Interval
from stages.kinds import KINDS
from stages.recipe.setting import SINGLE, Setting, setting_of, sizes_of
from stages.report.statistics import Ratio

FACTS: Final = ('CPU', 'measured', 'rounds')
"""What a comparison says of each report, of what that says of itself."""


@dataclass(frozen=True)
class Measured:
    """One row of one recipe's report; times in ns, memory in bytes."""

    model: str
    label: str
    """The variant without what its setting adds to its name: alike in all recipes for what is alike."""

    engine: str
    precision: str
    options: Mapping[str, Any] = field(hash=False)
    setting: Setting
    own: bool
    """Measured as the recipe itself asks: at its sizes, on its threads, with all instructions of the CPU."""

    stages: int
    handmade: bool = field(metadata=LATER)
    """A step of it is a kind of the project's own, which somebody had to write."""

    baseline: bool
    latency: Interval | None
    """Of ``offline`` and ``server``: the time between two answers."""

    speed: Ratio | None
    memory: Interval | None
    added: float | None = field(metadata=LATER)
    """What the model adds to a process that has imported its framework."""

    failure: str
    untimed: str
    against: Ratio | None
    """Of what is quantized: its speed against its own float form."""

    lighter: Ratio | None
    """Its memory against that of its float form: above 1 it takes less."""

    form: str

    @property
    def column(self) -> str:
        """The model, and the sizes that it was measured at."""
        sizes = ', '.join(f'{name} {size}' for name, size in self.setting.sizes)
        return f'{self.model}, {sizes}' if sizes else self.model

    @property
    def plain(self) -> bool:
        """Whether it stands among the engines: one call after the other, on one thread, with all instructions."""
        setting = self.setting
        return setting.scenario == SINGLE and setting.threads == 1 and setting.batch == 1 and not setting.isa

    @property
    def counts(self) -> bool:
        """Whether it was measured, and is right."""
        return self.latency is not None and not self.failure


@dataclass(frozen=True)
class Told:
    """What one recipe's report says of how it was measured."""

    model: str
    facts: tuple[tuple[str, str], ...]
    """The CPU, the hour: what is asked, and the answer."""

    doubts: tuple[str, ...]
    """What speaks against its figures."""


def read_told(report: Mapping[str, Any], prefix: str = '') -> Told:
    """Return what a ``report.json`` says of its machine, its hour and its trust."""
    model, screen = str(report['model']).removeprefix(prefix), report.get('screen') or {}
    facts = [(str(title), str(value)) for title, value, *_ in screen.get('measured') or ()]
    kept = [(title if title == 'CPU' else f'{model}: {title}', value) for title, value in facts if title in FACTS]
    return Told(model, tuple(kept), tuple(str(flag) for flag in report.get('flags') or ()))


def read_measured(report: Mapping[str, Any], prefix: str = '') -> tuple[Measured, ...]:
    """Return the rows of a ``report.json``. ``prefix``: of the model's name, left out."""
    protocol = report.get('protocol') or {}
    threads, own = (protocol.get('threads') or [1])[0], sizes_of(protocol.get('sizes') or {})
    model, found = str(report['model']).removeprefix(prefix), []
    for row in report['rows']:
        if not row.get('setting'):
            continue
        setting, compressed = setting_of(row['setting']), row.get('compressed') or {}
        fits = setting.scenario == SINGLE and setting.threads == threads and not setting.isa and setting.batch == 1
        found.append(
            Measured(
                model=model,
                label=label_of(row['variant'], setting),
                engine=str(row.get('engine') or ''),
                precision=str(row.get('precision') or ''),
                options=row.get('options') or {},
                setting=setting,
                own=fits and setting.sizes == own,
                stages=len(row.get('steps') or ()),
                handmade=any(step.get('kind') not in KINDS.ours for step in row.get('steps') or ()),
                baseline=row['variant'] == report.get('baseline'),
                latency=_interval(row.get('latency_ns')),
                speed=_ratio(row.get('speed')),
                memory=_interval(row.get('peak_memory_bytes')),
                added=row.get('added_memory_bytes'),
                failure=str(row.get('failure') or ''),
                untimed=str(row.get('untimed') or ''),
                against=_ratio(compressed.get('speed')),
                lighter=_ratio(compressed.get('memory')),
                form=str(compressed.get('form') or ''),
            )
        )
    return tuple(found)


def columns_of(rows: Iterable[Measured]) -> list[str]:
    """Return the models as they come, each with its sizes in order."""
    first: dict[str, int] = {}
    sizes: dict[str, tuple[int, tuple[tuple[str, int], ...]]] = {}
    for row in rows:
        sizes[row.column] = first.setdefault(row.model, len(first)), row.setting.sizes
    return sorted(sizes, key=lambda column: sizes[column])


def label_of(variant: str, setting: Setting) -> str:
    """Return a variant's name without its sizes and its instruction set, which a matrix put behind it."""
    for ending in (setting.isa, *(str(size) for _, size in setting.sizes)):
        variant = variant.removesuffix(f'-{ending}') if ending else variant
    return variant


def ratio_of(one: Measured, other: Measured) -> Ratio | None:
    """How many times quicker ``one`` is than ``other``, by their ratios to the baseline both were measured with."""
    if one.baseline or other.baseline:
        base, rest = (one, other) if one.baseline else (other, one)
        if rest.speed is None or base.baseline == rest.baseline:
            return None
        return rest.speed if rest is one else _turned(rest.speed)
    if one.speed is None or other.speed is None:
        return None
    return quotient(one.speed, other.speed)


def lighter(one: Measured, other: Measured) -> Ratio | None:
    """How many times less memory ``one`` takes than ``other``; the intervals of the two add in squares."""
    if one.memory is None or other.memory is None:
        return None
    value = other.memory.mean / one.memory.mean
    if one.memory.half is None or other.memory.half is None:
        return Ratio(value, None, None)
    half = math.hypot(one.memory.half / one.memory.mean, other.memory.half / other.memory.mean)
    return Ratio(value, value * math.exp(-half), value * math.exp(half))


def quotient(one: Ratio, other: Ratio) -> Ratio:
    """Return how many times the one is the other, of ratios that were measured apart."""
    value, halves = one.value / other.value, (_half(one), _half(other))
    if halves[0] is None or halves[1] is None:
        return Ratio(value, None, None)
    half = math.hypot(*halves)  # type: ignore[arg-type]
    return Ratio(value, value * math.exp(-half), value * math.exp(half))


def mean_of(ratios: Sequence[Ratio]) -> Ratio:
    """Return the geometric mean of ratios that were measured apart; their intervals add in squares."""
    logs = [math.log(ratio.value) for ratio in ratios]
    halves = [_half(ratio) for ratio in ratios]
    middle = sum(logs) / len(logs)
    if any(half is None for half in halves):
        return Ratio(math.exp(middle), None, None)
    half = math.sqrt(sum(h * h for h in halves if h is not None)) / len(logs)
    return Ratio(math.exp(middle), math.exp(middle - half), math.exp(middle + half))


def ranks(values: Mapping[str, Ratio]) -> dict[str, tuple[int, int]]:
    """Return the best and the worst place that each may have, given how well its value is known."""

    def low(name: str) -> float:
        return values[name].low or values[name].value

    def high(name: str) -> float:
        return values[name].high or values[name].value

    return {
        name: (1 + sum(low(other) > high(name) for other in values), sum(high(other) >= low(name) for other in values))
        for name in values
    }


def only(rows: Iterable[Measured]) -> dict[tuple[str, str], Measured]:
    """Return rows by label and column; of several, the first that counts."""
    found: dict[tuple[str, str], Measured] = {}
    for row in rows:
        key = (row.label, row.column)
        if key not in found or (row.counts and not found[key].counts):
            found[key] = row
    return found


def _half(ratio: Ratio) -> float | None:
    return None if ratio.low is None or ratio.high is None else math.log(ratio.high / ratio.low) / 2


def _turned(ratio: Ratio) -> Ratio:
    low = None if ratio.high is None else 1 / ratio.high
    return Ratio(1 / ratio.value, low, None if ratio.low is None else 1 / ratio.low)


def _interval(read: Mapping[str, Any] | None) -> Interval | None:
    return Interval(float(read['mean']), read.get('half')) if read else None


def _ratio(read: Mapping[str, Any] | None) -> Ratio | None:
    return Ratio(float(read['value']), read.get('low'), read.get('high')) if read else None
