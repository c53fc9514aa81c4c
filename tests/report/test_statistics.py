"""The statistics against simulated samples whose truth is known."""

from __future__ import annotations

import math
import random
import sys

import pytest

from stages.errors import ToolError
from stages.intervals import drift, interval, t_quantile, wilson
from stages.report.statistics import (
    Ratio,
    level_for,
    outliers,
    paired_ratio,
    percentile,
    percentiles,
    verdict,
)  # fmt: skip


@pytest.mark.parametrize('cycles', [3, 6, 10])
def test_a_95_percent_interval_holds_the_truth_in_93_to_97_percent_of_2000_trials(cycles: int) -> None:
    rng = random.Random(cycles)
    held = 0
    for _ in range(2000):
        # Processes differ by 2 %, the mean of 100 calls of 5 % adds 0.5 %.
        found = interval([10 + rng.gauss(0, 0.2) + rng.gauss(0, 0.05) for _ in range(cycles)])
        held += found.half is not None and abs(found.mean - 10) <= found.half
    assert 0.93 <= held / 2000 <= 0.97


def test_the_interval_of_a_ratio_holds_the_truth_when_rounds_differ_a_lot() -> None:
    rng, held = random.Random(1), 0
    for _ in range(2000):
        rounds = [math.exp(rng.gauss(0, 0.3)) for _ in range(6)]
        base = [20 * slow * math.exp(rng.gauss(0, 0.02)) for slow in rounds]
        fast = [10 * slow * math.exp(rng.gauss(0, 0.02)) for slow in rounds]
        found = paired_ratio(base, fast)
        held += found.low is not None and found.high is not None and found.low <= 2 <= found.high
    assert 0.93 <= held / 2000 <= 0.97


def test_a_variant_compared_with_itself_is_never_faster_nor_slower() -> None:
    rng = random.Random(2)
    for _ in range(2000):
        one, two = ([math.exp(rng.gauss(0, 0.01)) for _ in range(6)] for _ in 'ab')
        word = verdict(paired_ratio(one, two, 99))
        assert word in ('same within 2 %', 'inconclusive')


def test_verdicts_need_the_whole_interval() -> None:
    assert verdict(Ratio(1.5, 1.4, 1.6)) == 'faster'
    assert verdict(Ratio(0.5, 0.4, 0.6)) == 'slower'
    assert verdict(Ratio(1.0, 0.99, 1.01)) == 'same within 2 %'
    assert verdict(Ratio(1.01, 1.005, 1.015)) == 'same within 2 %'
    assert verdict(Ratio(1.5, 0.9, 2.5)) == verdict(Ratio(1.5, None, None)) == 'inconclusive'


def test_claims_are_made_at_99_percent_and_many_of_them_at_more() -> None:
    assert (level_for(5), level_for(6)) == (99, 99.8)
    # the printed tables of Student's t
    assert t_quantile(5) == pytest.approx(2.571, abs=5e-4) and t_quantile(5, 99) == pytest.approx(4.032, abs=5e-4)


def test_percentile_ranks_are_those_of_the_method() -> None:
    ranks = list(range(1, 101))
    assert (percentile(ranks, 0.9).low, percentile(ranks, 0.9).high) == (84, 96)
    assert (percentile(ranks, 0.95).low, percentile(ranks, 0.95).high) == (90, 100)
    assert percentile(ranks, 0.99).high is None
    assert (percentile(range(1, 1001), 0.99).low, percentile(range(1, 1001), 0.99).high) == (983, 997)


def test_slow_percentiles_wait_for_enough_samples() -> None:
    assert list(percentiles(range(299))) == ['p50', 'p90']
    assert list(percentiles(range(300))) == ['p50', 'p90', 'p95']
    assert list(percentiles(range(500))) == ['p50', 'p90', 'p95', 'p99']


def test_drift_inside_cycles_is_noticed_and_steadiness_is_not_blamed() -> None:
    rng = random.Random(3)
    steady = [[rng.gauss(10, 0.3) for _ in range(100)] for _ in range(10)]
    rising = [[value * (1 + 0.1 * at / 100) for at, value in enumerate(cycle)] for cycle in steady]
    found, calm = drift(rising), drift(steady)
    assert found and found.real and 1.03 < found.ratio < 1.07
    assert calm and not calm.real


def test_outliers_are_counted_by_tukeys_fences() -> None:
    assert outliers([*range(100), 190, 1000]) == (1, 1)


def test_without_scipy_it_is_said_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, 'scipy', None)
    with pytest.raises(ToolError, match=r'pip install "modelkiln\[report\]"'):
        wilson(1, 2)


def test_one_cycle_has_no_interval() -> None:
    assert interval([3.0]).half is None
