"""Chains without sums as one loop: each step is computed where it is read, and never stored."""

from __future__ import annotations

from typing import Any

from stages.tvm.rule.block import children, nest


def joined(schedule: Any) -> Any:
    """Return the schedule with the blocks of a function without sums joined, where that computes nothing twice.

    A step that several later ones read is written out in each; the compiler computes equal terms of one element once.
    """
    found = {name: nest(schedule, name) for name in children(schedule)}
    if any(loops is None or any(loops.sums) for loops in found.values()):
        return schedule
    for name, loops in found.items():
        users = schedule.get_consumers(schedule.get_sblock(name))
        after = [found[schedule.get(user).name_hint] for user in users]
        if not users or any(user is None or loops is None or user.volume > loops.volume for user in after):
            continue
        attempt = schedule.copy()
        try:
            attempt.compute_inline(attempt.get_sblock(name))
        except RuntimeError:  # what the function returns is stored, and indices may not allow it
            continue
        schedule = attempt
    return schedule
