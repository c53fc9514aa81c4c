"""Every trial ever made for one target on one machine: a file per workload, lines of JSON, shared by all models.

A line is on disk as soon as its trial is measured, so a killed tuning loses the trial under way and nothing else.
A line that was torn by a kill is passed over, and so is one that a later version may add.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from stages import cpu
from stages.digest import canonical, digest_of
from stages.frameworks.tvm.target import Target


@dataclass(frozen=True)
class Trial:
    """One candidate that was measured."""

    record: list[Any]
    """MetaSchedule's trace and the shapes of its arguments, as JSON."""

    latency: float | None
    """Seconds of CPU time of one call; None where it did not compile or did not end."""

    cost: float
    """Seconds that finding and measuring it took."""

    @property
    def name(self) -> str:
        """What tells it from the other trials of its workload."""
        return digest_of(self.record)[:16]


@dataclass(frozen=True)
class Final:
    """The last word on a workload: the fastest trials against the rule's schedule, measured in turns."""

    rule: str
    """The digest of the rule's schedule, which a new version of the rule changes."""

    latencies: dict[str, float]
    """Seconds by the name of the trial; ``rule`` is the rule's own."""

    cost: float


@dataclass(frozen=True)
class History:
    """What is known of one workload."""

    path: Path
    workload: list[str] | None = None
    """The function as MetaSchedule writes it; its traces name blocks of exactly this one."""

    rules: tuple[tuple[str, float, float], ...] = ()
    """Digest, latency and cost of the schedules that versions of the rule gave it."""

    trials: tuple[Trial, ...] = ()
    finals: tuple[Final, ...] = ()
    exhausted: bool = False
    """Whether the search found nothing more to try."""

    @property
    def cost(self) -> float:
        """Seconds spent on it so far, by whichever model."""
        return sum(t.cost for t in self.trials) + sum(r[2] for r in self.rules) + sum(f.cost for f in self.finals)

    @property
    def fastest(self) -> tuple[Trial, ...]:
        """The trials that ran, fastest first."""
        return tuple(sorted((t for t in self.trials if t.latency is not None), key=lambda t: t.latency or 0.0))

    def rule(self, digest: str) -> float | None:
        """Return the latency of the rule's schedule ``digest``, if it was measured."""
        return next((latency for known, latency, _ in self.rules if known == digest), None)

    def with_workload(self, workload: list[str]) -> History:
        """Return it with the function written down."""
        return self._with({'workload': workload})

    def with_rule(self, digest: str, latency: float, cost: float) -> History:
        """Return it with the rule's schedule measured."""
        return self._with({'rule': [digest, latency, cost]})

    def with_trial(self, trial: Trial) -> History:
        """Return it with one trial more."""
        return self._with({'trial': asdict(trial)})

    def with_final(self, final: Final) -> History:
        """Return it with the last word said."""
        return self._with({'final': asdict(final)})

    def with_exhausted(self) -> History:
        """Return it with nothing more to try."""
        return self._with({'exhausted': True})

    def _with(self, line: dict[str, Any]) -> History:
        append(self.path, line)
        return added(self, line)


def folder_for(keep: Path, target: Target) -> Path:
    """Return the folder of the trials that were measured for ``target`` on a CPU like this one, with this TVM."""
    import tvm

    code = asdict(replace(target, system='linux'))  # the kernels of both systems are the same
    return keep / digest_of([code, sorted(cpu.flags()), tvm.__version__])[:16]


def history(folder: Path, key: str) -> History:
    """Return what ``folder`` holds on the workload ``key``; nothing when it is new."""
    found = History(folder / f'{key}.jsonl')
    for line in lines(found.path):
        found = added(found, line)
    return found


def added(known: History, line: dict[str, Any]) -> History:
    """Return ``known`` with what one line says."""
    match line:
        case {'workload': [*text]}:
            return known if known.workload else replace(known, workload=text)
        case {'rule': [str(digest), latency, cost]}:
            return replace(known, rules=(*known.rules, (digest, latency, cost)))
        case {'trial': {'record': record, 'latency': latency, 'cost': cost}}:
            return replace(known, trials=(*known.trials, Trial(record, latency, cost)))
        case {'final': {'rule': rule, 'latencies': latencies, 'cost': cost}}:
            return replace(known, finals=(*known.finals, Final(rule, latencies, cost)))
        case {'exhausted': True}:
            return replace(known, exhausted=True)
    return known


def lines(path: Path) -> Iterator[dict[str, Any]]:
    """Yield the whole lines of a file; none where there is no file."""
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        return
    for text in content.splitlines():
        try:
            line = json.loads(text)
        except ValueError:  # torn by a kill
            continue
        if isinstance(line, dict):
            yield line


def append(path: Path, line: dict[str, Any]) -> None:
    """Write one line, whole or not at all to any reader, whoever else writes."""
    import portalocker

    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open('a+b') as stream:
        portalocker.lock(stream, portalocker.LOCK_EX)
        size = stream.seek(0, 2)
        torn = size > 0 and (stream.seek(size - 1), stream.read(1))[1] != b'\n'
        stream.write((b'\n' if torn else b'') + canonical(line) + b'\n')
        stream.flush()
