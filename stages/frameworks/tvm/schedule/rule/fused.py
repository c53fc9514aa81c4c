"""Steps without sums in one loop with those that read them: computed where they are read, never stored."""

from __future__ import annotations

from typing import Any

from stages.frameworks.tvm.graph.winograd import STEPS
from stages.frameworks.tvm.schedule.rule.block import children, nest


def fused(schedule: Any) -> Any:
    """Return the schedule with blocks without sums fused into readers without sums, if nothing is computed twice.

    A step that several later ones read is written out in each; the compiler computes equal terms of one element once.
    What a product reads stays: it would be computed again for every tile.
    """
    found = {name: nest(schedule, name) for name in children(schedule)}
    for name, loops in found.items():
        users = [found[schedule.get(user).name_hint] for user in schedule.get_consumers(schedule.get_sblock(name))]
        if loops is None or any(loops.sums) or not users or name in STEPS:
            continue
        if any(user is None or any(user.sums) or user.volume > loops.volume for user in users):
            continue
        attempt = schedule.copy()
        try:
            attempt.compute_inline(attempt.get_sblock(name))
        except RuntimeError:  # what the function returns is stored, and indices may not allow it
            continue
        schedule = attempt
    return schedule
