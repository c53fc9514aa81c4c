"""Steps that run at once share the machine's memory."""

from __future__ import annotations

import threading

from stages.execute.memory import Shared, of_this_machine


def test_who_would_not_fit_beside_the_others_waits_until_there_is_room():
    shared, began = Shared(100), threading.Event()

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
    shared = Shared(100)

    with shared.holding(0), shared.holding(0), shared.holding(50):
        assert shared.taken == 100


def test_a_step_that_asks_for_more_than_there_is_runs_alone():
    shared = Shared(100)

    with shared.holding(1000):
        assert shared.taken == 100


def test_a_machine_without_an_answer_stops_nobody():
    with Shared(0).holding(5), Shared(of_this_machine()).holding(5):
        pass
