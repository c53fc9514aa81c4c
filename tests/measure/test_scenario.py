"""What offline and server measure, of lines whose truth is known."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from stages.contract.port import Contract, Port
from stages.errors import StepError
from stages.measure import scenario
from stages.measure.cycle import cycle
from tests.measure.fakes import Fake, model, request

FEEDS: list[dict[str, Any]] = [{'x': np.full((1, 3), i, np.float32)} for i in range(8)]


class Sleeping:
    """A line of workers that take 4 ms for a request each, whatever the machine is busy with."""

    def __init__(self, requests: int, loses: bool = False) -> None:
        self.requests, self.loses = requests, loses
        self.pool = ThreadPoolExecutor(requests)
        self.free = threading.Semaphore(requests)
        self.started: list[Future[None]] = []

    def submit(self, feed: Any, done: Callable[[dict[str, Any]], None]) -> None:
        def work() -> None:
            time.sleep(0.004)
            self.free.release()
            if not self.loses:
                done(feed)

        self.free.acquire()
        self.started.append(self.pool.submit(work))

    def drain(self) -> None:
        for one in self.started:
            one.result()


def test_a_line_of_two_answers_twice_as_many_requests_as_a_line_of_one() -> None:
    one, two = (scenario.offline(Sleeping(n), FEEDS, 60) for n in (1, 2))

    each = [timed.time_ns[0] / timed.inner / 1e6 for timed in (one, two)]
    assert each[0] >= 4 and each[1] >= 2 and each[1] < 0.75 * each[0]
    assert two.more['in_flight'] == 2


def test_the_rate_of_a_server_is_below_what_the_line_can_do_and_every_trial_is_told() -> None:
    found = scenario.server(Sleeping(1), FEEDS, 40, bound_ns=16_000_000, seed=1)

    rate = 1e9 / found.time_ns[0]
    assert 0 < rate < 250  # 250 requests a second would find the worker always busy, and wait without end
    kept = [trial for trial in found.more['trials'] if trial['p90_ns'] and trial['p90_ns'] <= 16_000_000]
    assert max(trial['rate'] for trial in kept) == pytest.approx(rate, rel=1e-6)


def test_a_bound_below_one_call_is_no_rate_but_a_reason() -> None:
    with pytest.raises(StepError, match=r'no rate keeps the latency bound of 2 ms'):
        scenario.server(Sleeping(1), FEEDS, 20, bound_ns=2_000_000, seed=1)


def test_requests_that_get_lost_void_the_cycle() -> None:
    with pytest.raises(StepError, match='of 32 requests 0 were answered'):
        scenario.offline(Sleeping(2, loses=True), FEEDS, 10)


def test_offline_counts_every_sample_of_a_cycle(tmp_path: Path) -> None:
    calls: list[int] = []

    def slow(x: Any) -> tuple[Any]:
        calls.append(len(x))
        time.sleep(0.005)
        return (x * 2,)

    found = cycle(request(tmp_path, scenario='offline', repetitions=20), {'fake': Fake(slow)})
    assert found['inner'] == 20 and len(found['time_ns']) == 1
    assert 5 <= found['time_ns'][0] / 20 / 1e6 < 50  # a busy machine makes it slower, and nothing makes it faster
    assert len(found['peak_rss_bytes']) == 5
    once = cycle(
        request(tmp_path, scenario='offline', inner=0, repetitions=20), {'fake': Fake(lambda x: slow(slow(x)[0]))}
    )
    assert once['inner'] == 20  # what was to calibrate a long call is a pass like others


def test_a_session_that_answers_otherwise_through_its_line_voids_the_cycle(tmp_path: Path) -> None:
    class Wrong(Fake):
        def line(self, session: Fake) -> Any:
            return type('Off', (), {'requests': 1, 'drain': lambda _: None,
                                    'submit': lambda _, feed, done: done({'y': feed['x'] + 1})})()  # fmt: skip

    with pytest.raises(StepError, match='another output'):
        cycle(request(tmp_path, scenario='offline'), {'fake': Wrong(lambda x: (x,))})


def test_an_artifact_is_not_measured_at_a_size_it_was_not_made_for(tmp_path: Path) -> None:
    made = Contract((Port('x', ('batch', 3), 'float32', dims=('', 'length')),), (Port('y', (), ''),))
    asked = {**request(tmp_path), 'folder': str(model(tmp_path / 'model', made)), 'sizes': {'length': 4}}

    with pytest.raises(StepError, match='x is made for length 3, and is to be measured at 4'):
        cycle(asked, {'fake': Fake(lambda x: (x,))})
    assert cycle({**asked, 'sizes': {'length': 3}}, {'fake': Fake(lambda x: (x,))})['time_ns']
