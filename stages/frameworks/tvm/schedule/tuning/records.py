"""MetaSchedule's objects to JSON and back."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any, Final

from stages.frameworks.tvm.target import Target, tvm_target

FILES: Final = ('database_workload.json', 'database_tuning_record.json')
"""MetaSchedule's names for the functions and for the best trace of each."""

PLAIN: Final = (str, int, float, bool)


def workload_text(module: Any) -> list[str]:
    """Return the structural hash of ``module`` and all of it."""
    from tvm.s_tir.meta_schedule.database import Workload

    return [str(part) for part in Workload(module).as_json()]


def workload_of(text: list[str]) -> Any:
    """Return MetaSchedule's workload."""
    from tvm.s_tir.meta_schedule.database import Workload

    return Workload.from_json(text)


def shape(function: Any) -> Any:
    """Return ``function`` as ``main`` of a module, as tuning and building take it; nothing for nothing."""
    import tvm

    return None if function is None else tvm.IRModule({'main': function.with_attr('global_symbol', 'main')})


def record_text(candidate: Any) -> list[Any]:
    """Return the trace of a candidate and the shapes of its arguments, as JSON."""
    return [_plain(candidate.sch.trace.as_json()), [_plain(info.as_json()) for info in candidate.args_info]]


def record_of(text: list[Any], workload: Any, target: Target, latency: float | None) -> Any:
    """Return MetaSchedule's record of a trial; one that failed took longer than any other."""
    from tvm.s_tir.meta_schedule.database import TuningRecord

    trace, shapes = text
    seconds = 1e10 if latency is None else latency
    where = tvm_target(target).export()
    return TuningRecord.from_json([trace, [seconds], dict(where.items()), shapes], workload)


def write(folder: Path, records: Iterable[Any]) -> None:
    """Write the two files that a build applies, in the order of ``records``; empty ones for none."""
    from tvm.s_tir import meta_schedule

    for name in FILES:
        (folder / name).touch()
    files = meta_schedule.database.JSONDatabase(work_dir=str(folder))
    for record in records:
        files.commit_workload(record.workload.mod)
        files.commit_tuning_record(record)


def _plain(value: Any) -> Any:
    import tvm

    if value is None or isinstance(value, PLAIN):
        return value
    if isinstance(value, tvm.tirx.IntImm | tvm.tirx.FloatImm):
        return value.value
    if hasattr(value, 'items'):
        return {str(k): _plain(v) for k, v in value.items()}
    if hasattr(value, '__iter__'):
        return [_plain(v) for v in value]
    return tvm.ir.save_json(value)  # an index map: MetaSchedule reads it from its text
