"""What answers show of how good a model is, against figures made by other means."""

from __future__ import annotations

import random

import pytest

from stages.measure.figures import Paired, Score
from stages.report.accuracy import judgement, loss_of, with_interval


def score(value: float, n: int, **more: object) -> Score:
    return Score('top1', value, n, percent=True, **more)  # type: ignore[arg-type]


def test_mcnemars_test_is_that_of_the_binomial_table() -> None:
    found = loss_of(score(0.86, 100, paired=Paired(100, lost=8, won=4)), score(0.9, 100))
    assert found and found.p == pytest.approx(0.3877, abs=1e-4)  # 2 · P(X ≤ 4), X of 12 at one half
    assert found.low is not None and found.high is not None and found.low < 0 < found.value < found.high


def test_no_answer_that_differs_is_no_proof_of_equality() -> None:
    few, many = (loss_of(score(0.9, n, paired=Paired(n, lost=0, won=0)), score(0.9, n)) for n in (20, 2000))
    assert judgement(few, 0.01) == 'not shown to be as good' and judgement(many, 0.01) == 'as good'


def test_the_interval_of_a_paired_loss_holds_the_truth() -> None:
    rng, held = random.Random(4), 0
    for _ in range(1000):
        draws = [rng.random() for _ in range(300)]
        lost, won = sum(d < 0.05 for d in draws), sum(0.05 <= d < 0.08 for d in draws)
        found = loss_of(score(0.8, 300, paired=Paired(300, lost=lost, won=won)), score(0.82, 300))
        assert found and found.low is not None and found.high is not None
        held += found.low <= 0.02 <= found.high
    assert 0.93 <= held / 1000 <= 0.98


def test_a_metric_that_is_better_when_low_is_lost_by_rising() -> None:
    told = Score('error', 0.5, 50, better='lower', paired=Paired(50, mean=0.1, spread=0.05))
    found = loss_of(told, Score('error', 0.4, 50, better='lower'))
    assert found and found.low and found.value == pytest.approx(0.1) and judgement(found, 0.01) == 'worse'


def test_a_mean_of_scores_has_students_interval_and_one_of_the_whole_set_its_draws() -> None:
    told = with_interval(Score('psnr', 30.0, 10, samples=10, spread=1.0))
    assert told and told.low == pytest.approx(30 - 2.262 / 10**0.5, abs=1e-3)
    drawn = Score('map', 0.5, 40, low=0.4, high=0.6, paired=Paired(40, mean=-0.01, low=-0.03, high=0.02))
    found = loss_of(drawn, Score('map', 0.51, 40))
    assert found and (found.low, found.high) == (-0.02, 0.03)
