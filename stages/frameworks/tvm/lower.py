"""A model's Relax module in, machine code out: fused, scheduled, compiled. Tuning and building both start here."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final

from stages.errors import UnsupportedError
from stages.frameworks.tvm.emit.code import code, loadable, machine_code
from stages.frameworks.tvm.graph.levels import NAMES, OPTIONAL, Level, Optional, lowered
from stages.frameworks.tvm.said import said
from stages.frameworks.tvm.schedule import rule as schedule_rule
from stages.frameworks.tvm.schedule.rule import SCHEDULED
from stages.frameworks.tvm.target import Target, tvm_target

__all__ = ['NAMES', 'Level', 'Made', 'Scheduled', 'compiled', 'kernels', 'machine_code', 'made', 'scheduled']

ATTEMPTS: Final[tuple[tuple[Optional, ...], ...]] = ((), ('integers',), ('channels last', 'tiles'), OPTIONAL)
"""What a whole model is compiled without, one after the other, where a kernel of it fails in every form."""


@dataclass(frozen=True)
class Scheduled:
    """Kernels with schedules, and where those are from."""

    module: Any

    plain: Any
    """The same kernels before any schedule, except those written by hand."""

    unscheduled: Mapping[str, str] = field(default_factory=dict)
    """Kernels that have none, and why: where nobody gave a reason, none was wanted."""

    without: Mapping[Optional, str] = field(default_factory=dict)
    """What of the level was left out, and why."""

    searched: Any = None
    """The kernels after tuning, before the rule."""

    @property
    def origins(self) -> Mapping[str, int]:
        """How many are called in ``all``; of these ``written`` by hand, ``tuned``, by the ``rule``, ``unscheduled``."""
        stages = (self.plain, self.searched or self.plain, self.module)
        by_hand, found, after = (called(each, only_scheduled=True) for each in stages)
        every = called(self.module, only_scheduled=False)
        tuned_ones = (found & after) - by_hand
        rest = {'rule': len(after - by_hand - tuned_ones), 'unscheduled': len(every - after)}
        return {'all': len(every), 'written': len(by_hand), 'tuned': len(tuned_ones), **rest}


@dataclass(frozen=True)
class Made:
    """Machine code, and the kernels that it was made of."""

    executable: Any
    kernels: Scheduled


def kernels(module: Any, target: Target, level: Level = 3, tiles: bool = True) -> Any:
    """Return ``module`` as calls of fused TIR functions, none of them scheduled except those written by hand.

    Tuning works on these functions and finds them again by their structural hash: the same module, target and level
    give the same functions. Without ``tiles`` no convolution is one that only our rule has a schedule for.
    """
    return lowered(module, target, level, tiles).module


def scheduled(
    module: Any,
    target: Target,
    level: Level = 3,
    database: Path | None = None,
    rule: bool = True,
    without: Mapping[Optional, str] | None = None,
) -> Scheduled:
    """Return the kernels of ``module``: tuned where ``database`` has them, the others by our rule, if wanted."""
    found = lowered(module, target, level, tiles=rule, without=without)
    with tvm_target(target):
        searched = found.module if database is None else tuned(found.module, database)
        done, why = schedule_rule.scheduled(searched, target) if rule else (searched, {})
    return Scheduled(done, found.module, why, found.without, searched)


def made(module: Any, target: Target, level: Level = 3, database: Path | None = None, rule: bool = True) -> Made:
    """Return the machine code of ``module``, without what fails: a kernel's schedule, else a part of the level.

    Raises UnsupportedError, the first, where a kernel has no code in any form.
    """
    first: UnsupportedError | None = None
    for attempt in ATTEMPTS:
        without = {part: said(first) for part in attempt} if first else {}
        found = scheduled(module, target, level, database, rule, without)
        loadable(found.module)
        try:
            done = code(found.module, found.plain, target)
        except UnsupportedError as error:
            first = first or error
            continue
        return Made(
            done.executable, replace(found, module=done.module, unscheduled={**found.unscheduled, **done.unscheduled})
        )
    assert first is not None
    raise first


def called(module: Any, only_scheduled: bool) -> set[str]:
    """Return the names of the functions that ``main`` calls; or of those of them that have a schedule."""
    from tvm.ir import GlobalVar
    from tvm.relax.analysis import post_order_visit

    names: set[str] = set()

    def visit(part: Any) -> None:
        if isinstance(part, GlobalVar):
            attributes = module[part].attrs or {}
            if attributes.get(SCHEDULED) or not only_scheduled:
                names.add(part.name_hint)

    post_order_visit(module['main'], visit)
    return names


def compiled(module: Any, target: Target, level: Level = 3, database: Path | None = None) -> Any:
    """Return the Relax executable of ``module``: tuned kernels where ``database`` has them, our rule for the others."""
    return made(module, target, level, database).executable


def tuned(module: Any, database: Path) -> Any:
    """Return ``module`` with the kernels that ``database``, a folder of MetaSchedule's two files, has records of."""
    from tvm.relax import transform
    from tvm.s_tir import meta_schedule

    with meta_schedule.database.JSONDatabase(work_dir=str(database)):
        return transform.MetaScheduleApplyDatabase()(module)
