"""Simulated measurements of known truth: the quick form of benchmarks/coverage.py."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest

from benchmarks.coverage import WORLDS, trial

TRIALS = 400
"""95 % of 400 is 380, give or take 4.4: four of these away from 95 % is a fault, and no chance."""


@pytest.mark.parametrize('world', ['plain', 'autocorrelation 0.9', 'late calls', 'one slow process in ten'])
def test_an_interval_of_ten_rounds_holds_the_truth_or_is_flagged(world: str) -> None:
    rng = np.random.default_rng(5)
    seen = [trial(rng, WORLDS[world], 10) for _ in range(TRIALS)]
    for place in (0, 1):  # of a mean, of a ratio
        assert sum(one[place] or one[2] for one in seen) / TRIALS >= 0.906
    flagged = sum(odd for _, _, odd, _ in seen) / TRIALS
    assert flagged > 0.8 if world == 'one slow process in ten' else flagged < 0.1


def test_true_ties_on_a_quiet_machine_come_out_as_such() -> None:
    rng = np.random.default_rng(5)
    words = Counter(trial(rng, WORLDS['quiet'], 10)[3] for _ in range(TRIALS))
    assert words['same within 2 %'] > 0.8 * TRIALS and words['faster'] == words['slower'] == 0
