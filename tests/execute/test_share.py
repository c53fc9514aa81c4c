"""Steps that run at once share the machine's memory and its cores."""

from __future__ import annotations

import threading
import time
from pathlib import Path

import pytest

from stages.command.plan import line
from stages.execute.predict import Prediction
from stages.execute.project import Project
from stages.execute.share import Shared, of_this_machine
from stages.execute.start import cores
from stages.plan.step import Plan, Step


def test_who_would_not_fit_beside_the_others_waits_until_there_is_room():
    shared, began = Shared(100, 4), threading.Event()

    def second() -> None:
        with shared.holding(50):
            began.set()

    with shared.holding(60):
        waiting = threading.Thread(target=second)
        waiting.start()
        assert not began.wait(0.2)
    assert began.wait(10)
    waiting.join()
    assert shared.taken == 0


def test_steps_that_fit_run_at_once_and_unknown_ones_are_taken_to_need_a_quarter():
    shared = Shared(100, 4)

    with shared.holding(0), shared.holding(0), shared.holding(50):
        assert shared.taken == 100


def test_a_step_that_asks_for_more_than_there_is_runs_alone():
    shared = Shared(100, 4)

    with shared.holding(1000):
        assert shared.taken == 100


def test_a_machine_without_an_answer_stops_nobody():
    with Shared(0, 4).holding(5), Shared(of_this_machine(), 4).holding(5):
        pass


def test_a_step_that_takes_all_cores_begins_when_the_others_have_ended_and_before_those_that_came_later():
    shared, order = Shared(0, 2), []

    def work(name: str, cores: int) -> None:
        with shared.holding(0, cores):
            order.append(name)

    with shared.holding(0, 1):
        threads = []
        for name, cores in (('large', 2), ('small', 1), ('fetch', 0)):
            threads.append(threading.Thread(target=work, args=(name, cores)))
            threads[-1].start()
            while len(shared.asked) < len(threads):
                time.sleep(0.01)
        assert order == []
    for thread in threads:
        thread.join(10)
    assert order[0] == 'large' and sorted(order) == ['fetch', 'large', 'small']
    assert (shared.busy, shared.asked) == (0, [])


def test_what_waits_for_the_network_keeps_no_core_from_anybody():
    shared = Shared(0, 1)

    with shared.holding(0, 0), shared.holding(0, 0), shared.holding(0, 1):
        assert shared.busy == 1


def test_more_cores_than_there_are_is_all_of_them():
    with Shared(0, 2).holding(0, 64):
        pass


@pytest.mark.parametrize(
    ('kind', 'taken', 'memory', 'told'),
    [
        ('stages.kinds.tvm_tune', 4, 0, 'takes all 4 cores'),
        ('stages.kinds.onnx_optimize', 1, 0, ''),
        ('stages.kinds.onnx_optimize', 1, 600, 'takes at most 600 B'),
        ('stages.sources.fetch', 0, 100, ''),
    ],
)
def test_what_a_step_takes_is_declared_by_its_kind_and_told_by_plan(kind, taken, memory, told, tmp_path: Path):
    name = kind.rpartition('.')[2]
    step = Step('a' * 16, name, kind, {}, {}, '', '', None, (), (), (), False, 60.0, memory)
    project = Project(tmp_path, Plan({step.id: step}, {}, {}, {}))
    project.shared = Shared(1000, 4)

    assert cores(project, step) == taken
    assert line(project, Prediction(step, 'run', ('never built',))).endswith('; '.join(filter(None, ('built', told))))
