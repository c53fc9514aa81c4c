"""MetaSchedule's evolutionary search over the schedules of one kernel. It proposes; measuring is ours."""

from __future__ import annotations

import os
import sys
import types
from collections.abc import Sequence
from typing import Any, Final

from stages.digest import digest_of
from stages.frameworks.tvm.schedule.tuning.database import Trial
from stages.frameworks.tvm.schedule.tuning.records import record_of, record_text
from stages.frameworks.tvm.schedule.tuning.tasks import Task
from stages.frameworks.tvm.target import Target, tvm_target

ROUND: Final = 16
"""Candidates proposed at a time; the model of their cost learns between rounds."""

POPULATION: Final = 128
GENERATIONS: Final = 2
"""MetaSchedule's own (512 and 4) think for 20 seconds about what takes 4 to measure."""

ENDLESS: Final = 1 << 30
"""We count trials ourselves."""

OTHER_MACHINES: Final = ('cuda', 'rocm', 'hexagon', 'arm_cpu', 'riscv_cpu', 'metal')


class Search:
    """The search for one task. What was measured before, by this run or any other, it knows from the start."""

    def __init__(self, task: Task, target: Target, model: Any, seed: int) -> None:
        from tvm.s_tir import meta_schedule

        intrinsics()
        self.task, self.target, self.model = task, target, model
        self.known = {trial.name for trial in task.history.trials}
        self.context = meta_schedule.TuneContext(
            task.module,
            target=tvm_target(target),
            space_generator='post-order-apply',
            task_name=task.name,
            search_strategy=meta_schedule.search_strategy.EvolutionarySearch(
                population_size=POPULATION,
                genetic_num_iters=GENERATIONS,
                init_min_unmeasured=ROUND,
            ),
            rand_state=1 + int(digest_of([seed, task.history.path.name, len(self.known)])[:7], 16),
            num_threads=threads(),
        )
        self.measured = meta_schedule.database.MemoryDatabase()
        self.workload = self.measured.commit_workload(task.module)
        spaces = self.context.generate_design_space()
        self.context.pre_tuning(ENDLESS, ROUND, spaces, self.measured, model)
        self.learn([(self._candidate(trial), trial) for trial in task.history.trials])

    def candidates(self) -> list[Any]:
        """Return a round of schedules that nobody has measured; none when the search finds no more, or breaks off."""
        try:
            found = self.context.generate_measure_candidates() or []
        except RuntimeError:  # a kernel that its rules stumble over (a scatter): it keeps the schedule that it has
            return []
        fresh = {digest_of(record_text(candidate))[:16]: candidate for candidate in found}
        return [candidate for name, candidate in fresh.items() if name not in self.known]

    def learn(self, results: Sequence[tuple[Any, Trial]]) -> None:
        """Take in what was measured."""
        from tvm.s_tir.meta_schedule.runner import RunnerResult

        if not results:
            return
        told = []
        for _, trial in results:
            self.known.add(trial.name)
            self.measured.commit_tuning_record(record_of(trial.record, self.workload, self.target, trial.latency))
            told.append(RunnerResult(None, 'failed') if trial.latency is None else RunnerResult([trial.latency], None))
        candidates = [candidate for candidate, _ in results]
        self.context.notify_runner_results(candidates, told)
        self.model.update(self.context, candidates, told)

    def _candidate(self, trial: Trial) -> Any:
        return record_of(trial.record, self.workload, self.target, trial.latency).as_measure_candidate()


def cost_model(seed: int) -> Any:
    """Return the model that predicts which candidates are fast; all kernels of a model share it."""
    from tvm.s_tir.meta_schedule.cost_model import xgb_model

    config = xgb_model.XGBConfig(nthread=threads(), seed=seed)
    return xgb_model.XGBModel(config=config, num_warmup_samples=2 * ROUND)


def threads() -> int:
    """Return how many threads search at once; none measures meanwhile."""
    return len(os.sched_getaffinity(0)) if sys.platform == 'linux' else os.cpu_count() or 1


def intrinsics() -> None:
    """Register the instructions of x86; those of other machines would take 16 seconds and are never proposed here."""
    if 'tvm.s_tir.tensor_intrin' in sys.modules:
        return
    for name in OTHER_MACHINES:
        sys.modules.setdefault(f'tvm.s_tir.tensor_intrin.{name}', types.ModuleType(name))
    import tvm.s_tir.tensor_intrin  # noqa: F401
