"""The time left of a long work: right at an even pace, silent when it gets slower, and never growing."""

from __future__ import annotations

import random
from itertools import pairwise

import pytest

from stages.measure.left import Left


def test_at_an_even_pace_it_is_right_and_counts_down_between_two_words() -> None:
    left = Left(100.0)
    assert left.told(0.0, 100.0) is None and left.told(0.25, 105.0) == 15.0
    assert left.told(0.25, 108.0) == 12.0 and left.told(0.75, 115.0) == 5.0


def test_a_step_that_stalls_says_nothing_more_instead_of_a_longer_time() -> None:
    left = Left(0.0)
    assert left.told(0.0, 0.0) is None and left.told(0.5, 10.0) == 10.0
    assert [left.told(0.5, now) for now in (15.0, 25.0, 90.0)] == [5.0, None, None]


def test_what_goes_on_where_it_stopped_does_not_count_what_was_done_before() -> None:
    left = Left(0.0)
    assert left.told(0.6, 30.0) is None
    assert left.told(0.8, 50.0) == pytest.approx(20.0)


def test_what_was_told_never_moves_the_end_away() -> None:
    rng = random.Random(1)
    for _ in range(200):
        left, now, done, ends = Left(0.0), 0.0, 0.0, []
        while done < 1:
            now, done = now + rng.expovariate(1), done + rng.uniform(0, 0.1)
            if (told := left.told(min(done, 1.0), now)) is not None:
                ends.append(now + told)
        assert all(later <= earlier + 1e-9 for earlier, later in pairwise(ends))
