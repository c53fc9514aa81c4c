"""A report as it is read again: the build that report.json tells of, for comparing, for the index and for history.

One reader for every version that was ever written: what a file lacks is not known, and what is no report is said.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from stages.engines import ENGINES
from stages.errors import PromiseError
from stages.measure.figures import Score
from stages.recipe.setting import Setting, setting_of
from stages.report.statistics import Ratio

NAME = 'report.json'
Facts = Mapping[str, Any]


@dataclass(frozen=True)
class Mean:
    """A mean with the half-width of its 95 % interval, over ``n`` processes."""

    mean: float
    half: float | None
    n: int


@dataclass(frozen=True)
class KeptRow:
    """What a report says of one variant in one setting; times in ns, memory and size in bytes."""

    variant: str
    setting: Setting | None
    """How it was measured; None: it was not."""

    status: str
    """``built``, ``failed`` or ``unsupported``."""

    failure: str
    """Why it does not count, in words; empty: it does."""

    latency: Mean | None
    speed: Ratio | None
    """Against the build's own baseline, in the same rounds."""

    memory: Mean | None
    size: int | None
    metric: Score | None


@dataclass(frozen=True)
class Kept:
    """One build of one recipe."""

    model: str
    created: str
    baseline: str
    source: str
    """The step that gives the source model: another one is another model."""

    machine: Facts = field(hash=False)
    """What makes two machines comparable."""

    runtime: Facts = field(hash=False)
    """The versions of what ran the baseline, by package."""

    level: int
    """Of the interval of ``speed``, in percent."""

    chosen: str
    """The variant to ship; empty: none."""

    setting: Setting | None
    """How that one was measured."""

    grade: str
    headline: str
    facts: tuple[tuple[str, str, str], ...]
    """The first screen: what is asked, the answer, and what else is to be known of it."""

    notes: tuple[str, ...]
    regression: Facts = field(hash=False)
    """What the recipe lets grow, and by how much."""

    rows: tuple[KeptRow, ...] = ()
    refused: Facts = field(default_factory=dict, hash=False)
    """Why variants may not be shipped, by their names."""

    @property
    def best(self) -> KeptRow | None:
        """The row that is shipped."""
        return self.row(self.chosen, self.setting)

    def row(self, variant: str, setting: Setting | None) -> KeptRow | None:
        """The row of a variant in a setting."""
        return next((row for row in self.rows if (row.variant, row.setting) == (variant, setting)), None)


def read_kept(path: Path) -> Kept:
    """Return the build that a report, or a folder with one, tells of; raises PromiseError for anything else."""
    file = path / NAME if path.is_dir() else path
    try:
        read = json.loads(file.read_text(encoding='utf-8'))
    except OSError as error:
        raise PromiseError(f'{file}: no report can be read there: {error.strerror or error}') from None
    except (ValueError, RecursionError) as error:
        raise PromiseError(f'{file}: not a report, since it is not JSON: {error}') from None
    try:
        return kept_of(read)
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise PromiseError(f'{file}: JSON, but not a report as Modelkiln writes it ({error!r})') from None


def kept_of(read: Facts) -> Kept:
    """Return a build from the JSON values of its report, of any version."""
    choice, verdict, asked = read.get('choice') or {}, read.get('verdict') or {}, read.get('regression') or {}
    screen = read.get('screen') or {}
    return Kept(
        model=str(read['model']),
        created=str(read.get('created') or ''),
        baseline=str(read.get('baseline') or ''),
        source=str((read.get('source') or {}).get('step') or ''),
        machine=_comparable(read.get('machine') or {}),
        runtime=_runtime(read),
        level=_level(read),
        chosen=str(choice.get('name') or ''),
        setting=_setting(choice),
        grade=str(verdict.get('grade') or ('ship' if choice.get('name') else 'nothing')),
        headline=str(screen.get('headline') or verdict.get('headline') or choice.get('name') or 'Nothing to ship'),
        facts=tuple((str(one[0]), str(one[1]), str(one[2])) for one in screen.get('facts') or ()),
        notes=tuple(str(note) for note in screen.get('notes') or (choice.get('reason') or '',)),
        regression=dict(asked),
        rows=tuple(_row(row) for row in read['rows']),
        refused=dict(choice.get('refused') or {}),
    )


def _row(read: Facts) -> KeptRow:
    speed = read.get('speed')
    count = _cycles(read)
    metric = read.get('metric') or {}
    return KeptRow(
        variant=str(read['variant']),
        setting=_setting(read),
        status=str(read.get('status') or 'built'),
        failure=str(read.get('failure') or ''),
        latency=_mean(read.get('latency_ns'), count),
        speed=Ratio(float(speed['value']), speed.get('low'), speed.get('high')) if speed else None,
        memory=_mean(read.get('peak_memory_bytes'), count),
        size=read.get('size_bytes'),
        metric=Score(**{name: metric[name] for name in _SCORE if name in metric}) if metric else None,
    )


_SCORE = ('name', 'value', 'n', 'low', 'high', 'better', 'percent')


def _mean(read: Facts | None, n: int) -> Mean | None:
    return Mean(float(read['mean']), read.get('half'), n) if read else None


def _setting(read: Facts) -> Setting | None:
    """How a row was measured; older reports have the threads and the batch alone."""
    if read.get('setting'):
        return setting_of(read['setting'])
    return setting_of(read) if read.get('threads') else None


def _level(read: Facts) -> int:
    """Of the written bounds of a speed: 95 % where the wider ones of a claim stand beside them."""
    apart = any('claim' in row['speed'] for row in read['rows'] if row.get('speed'))
    return 95 if apart else int(read.get('speed_level') or 95)


def _runtime(read: Facts) -> Facts:
    """The versions that can move the baseline: of its engine's packages; of all where the engine is not known."""
    versions = read.get('versions') or {}
    engine = next((row.get('engine') for row in read['rows'] if row['variant'] == read.get('baseline')), None)
    return {
        name: versions[name]
        for name in (ENGINES[str(engine)].TOOLS if engine in ENGINES else versions)
        if name in versions
    }


def _comparable(machine: Facts) -> Facts:
    """What two measurements must have in common to be told apart by anything but the machine."""
    if 'cpu' in machine and not isinstance(machine['cpu'], Mapping):
        return {'cpu': str(machine['cpu'])}
    cpu = machine.get('cpu') or {}
    names = ('model', 'architecture', 'cores', 'threads', 'quota')
    return {name: cpu[name] for name in names if cpu.get(name) is not None}


def small(read: Facts) -> dict[str, Any]:
    """Return of a report's JSON values those that ``kept_of`` reads, rounded: what history keeps of a build."""
    rows = [
        {**{name: row[name] for name in _ROW if row.get(name) is not None}, 'cycles': _cycles(row)}
        for row in read['rows']
    ]  # fmt: skip
    kept = {name: read[name] for name in _BUILD if read.get(name) is not None}
    choice, verdict = read.get('choice') or {}, read.get('verdict') or {}
    kept |= {'choice': {name: choice.get(name) for name in ('name', 'threads', 'setting', 'reason')}}
    kept |= {'verdict': {name: verdict.get(name) for name in ('grade', 'headline')}}
    kept |= {'machine': {'cpu': dict(_comparable(read.get('machine') or {}))}, 'rows': rows}
    rounded: dict[str, Any] = _rounded(kept)
    return rounded


_BUILD = ('model', 'created', 'baseline', 'source', 'versions', 'speed_level', 'screen', 'regression')
_ROW = ('variant', 'engine', 'threads', 'batch', 'setting', 'status', 'failure', 'latency_ns', 'speed',
        'peak_memory_bytes', 'size_bytes', 'metric')  # fmt: skip


def _rounded(value: Any) -> Any:
    if isinstance(value, float):
        return float(f'{value:.6g}')
    if isinstance(value, Mapping):
        return {name: _rounded(item) for name, item in value.items()}
    return [_rounded(item) for item in value] if isinstance(value, list) else value


def _cycles(row: Facts) -> int:
    return int(row.get('cycles') or len(row.get('cycle_means_ns') or ()))
