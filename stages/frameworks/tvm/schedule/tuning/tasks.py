"""What there is to tune in a model: its kernels, each once, with the schedule that our rule gives it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from stages.frameworks.tvm.schedule.tuning import database
from stages.frameworks.tvm.schedule.tuning.records import shape, workload_of, workload_text
from stages.frameworks.tvm.target import Target, tvm_target


@dataclass
class Task:
    """One kernel of a model."""

    name: str
    """TVM's word for it: ``fused_conv2d_add_relu``."""

    count: int
    """How often the model calls it."""

    workload: Any
    """MetaSchedule's object: the function before any schedule."""

    rule: Any
    """The same function with our rule's schedule, or as it is where the rule has none: what there is to beat."""

    rule_name: str
    """The digest of ``rule``."""

    history: database.History
    """All that is known of it; grows."""

    @property
    def module(self) -> Any:
        """The function before any schedule, as ``main`` of a module."""
        return self.workload.mod

    @property
    def rule_latency(self) -> float | None:
        """Seconds of one call with the rule's schedule; None as long as it was not measured."""
        return self.history.rule(self.rule_name)

    @property
    def best(self) -> float | None:
        """Seconds of one call with the best schedule so far."""
        fastest = self.history.fastest
        found = [latency for latency in (self.rule_latency, fastest[0].latency if fastest else None) if latency]
        return min(found, default=None)

    @property
    def promise(self) -> float:
        """Seconds of the model's time that it takes, by the trials it has had: where the next is spent best.

        What searching gains shrinks as trials add up, so in the end every kernel has trials by the time it takes.
        """
        return self.count * (self.best or 0.0) / (len(self.history.trials) + 1)


def tasks_of(kernels: Any, target: Target, folder: Path) -> list[Task]:
    """Return the kernels that have no schedule yet, by what ``folder`` knows of them, in the order of their names."""
    from tvm.s_tir import meta_schedule

    found = meta_schedule.relax_integration.extract_tasks(kernels, tvm_target(target))
    tasks = [_task(each, target, folder) for each in _unscheduled(found)]
    return sorted(tasks, key=lambda task: (task.name, task.history.path.name))


def _unscheduled(found: Iterable[Any]) -> list[Any]:
    """Return those without a schedule; one of sizes that show only in a run has nothing to be measured on."""
    functions = [(task, task.dispatched[0]['main']) for task in found]
    return [
        task
        for task, function in functions
        if not (function.attrs or {}).get('tirx.is_scheduled', False) and _sized(function)
    ]


def _sized(function: Any) -> bool:
    """Say whether every size of what a kernel takes and gives is a number."""
    from tvm.tirx import IntImm

    shapes = [getattr(parameter, 'shape', None) for parameter in function.params]  # a size itself has none
    return all(shape is not None and all(isinstance(n, IntImm) for n in shape) for shape in shapes)


def _task(extracted: Any, target: Target, folder: Path) -> Task:
    from stages.frameworks.tvm.schedule.rule import kernel

    text = workload_text(extracted.dispatched[0])
    history = database.history(folder, f'{int(text[0]) % 2**64:016x}')
    if history.workload is None:
        history = history.with_workload(text)
    assert history.workload is not None
    workload = workload_of(history.workload)  # an equal function of another model may call its blocks otherwise
    try:
        rule = shape(kernel(workload.mod['main'], target)) or workload.mod
    except Exception:  # as when building: what the rule fails on has no schedule of it
        rule = workload.mod
    return Task(extracted.task_name, int(extracted.weight), workload, rule, workload_text(rule)[0], history)
