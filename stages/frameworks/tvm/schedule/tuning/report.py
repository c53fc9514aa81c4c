"""What a tuning leaves: the records that a build applies, and a page of figures."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from stages.frameworks.tvm.schedule import tuning
from stages.frameworks.tvm.schedule.tuning.records import record_of, write
from stages.frameworks.tvm.schedule.tuning.tasks import Task
from stages.frameworks.tvm.target import Target


def leave(tasks: Sequence[Task], target: Target, asked: int, folder: Path) -> None:
    """Write the two database files, with nothing but what is taken in them, and ``tuning.json``."""
    import tvm

    chosen = [(task, tuning.taken(task)) for task in sorted(tasks, key=lambda task: task.history.path.name)]
    write(folder, [record_of(t.record, task.workload, target, latency(task, t)) for task, t in chosen if t])
    told = {
        'target': target.name,
        'features': list(target.needs),
        'tvm': tvm.__version__,
        'trials': {'asked': asked, 'done': tuning.done(tasks)},
        'seconds': round(tuning.spent(tasks), 1),
        'tasks': [described(task) for task in tasks],
    }
    (folder / 'tuning.json').write_text(json.dumps(told, indent=2) + '\n')


def described(task: Task) -> dict[str, Any]:
    """Return the figures of one kernel, latencies in seconds of CPU time."""
    chosen = tuning.taken(task)
    return {
        'name': task.name,
        'workload': task.history.path.stem,
        'calls': task.count,
        'trials': len(task.history.trials),
        'failed': sum(trial.latency is None for trial in task.history.trials),
        'rule': latency(task, None),
        'best': latency(task, chosen) if chosen else task.history.fastest[0].latency if task.history.fastest else None,
        'taken': chosen.name if chosen else None,
    }


def latency(task: Task, trial: Any) -> float | None:
    """Return how long a trial (or the rule's schedule: None) took, by the last word where there is one."""
    final = tuning.last(task)
    if final is not None:
        return final.latencies['rule' if trial is None else trial.name]
    return task.rule_latency if trial is None else trial.latency
