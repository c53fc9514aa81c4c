"""No cell says more than its interval supports."""

from __future__ import annotations

import math

from hypothesis import given
from hypothesis import strategies as st

from stages.intervals import Interval
from stages.report.digits import Unit, percentile_text, place, plus_minus, ratio_text, score_text, share_text, time_unit
from stages.report.statistics import Percentile, Ratio

POSITIVE = st.floats(1e-6, 1e9)


def decimals(text: str) -> int:
    return len(text.partition('.')[2])


@given(POSITIVE, POSITIVE)
def test_no_cell_shows_more_digits_than_its_interval_supports(value: float, half: float) -> None:
    text = plus_minus(Interval(value, half), Unit('', 1))
    shown, _, around = text.partition(' ± ')
    allowed = max(0, -place(half, value), -math.floor(math.log10(value)))  # one digit of it is left in any case
    assert decimals(around) <= decimals(shown) <= allowed
    assert float(shown) > 0
    # Nothing below the last place that counts, also left of the point.
    assert abs(float(shown) - value) <= 10.0 ** place(half, value) * 0.5001
    assert len(around.replace('.', '').strip('0')) <= 4 and float(around) > 0


@given(st.floats(0.01, 100), st.floats(0.0001, 0.9))
def test_no_ratio_shows_more_digits_than_its_interval_supports(value: float, share: float) -> None:
    low, high = value * (1 - share), value * (1 + share)
    cells = (
        ratio_text(Ratio(value, low, high)).replace('×', '').replace('–', ' ').replace('(', '').replace(')', '').split()
    )
    power = place((high - low) / 2, value)
    for cell, exact in zip(cells, (value, low, high), strict=True):
        assert float(cell) > 0 and decimals(cell) <= max(0, -power, -math.floor(math.log10(exact)))


def test_a_wide_interval_leaves_a_digit_of_everything() -> None:
    assert ratio_text(Ratio(14.8, 2.2, 100.0)) == '15× (2–100)'
    assert plus_minus(Interval(1.32, 48.0), Unit('ms', 1)) == '1 ± 50'
    assert percentile_text(Percentile(1.32, 1.2, 1.5), Interval(14.0, 40.0), Unit('ms', 1)) == '1'
    assert score_text(0.004, 0.0004, 0.3) == '0.004 (0.0004–0.30)'


def test_half_widths_have_two_digits_and_one_from_three_on() -> None:
    ms = Unit('ms', 1)
    assert plus_minus(Interval(12.4321, 0.3123), ms) == '12.4 ± 0.3'
    assert plus_minus(Interval(12.4321, 0.1234), ms) == '12.43 ± 0.12'
    assert plus_minus(Interval(12.4321, 0.298), ms) == '12.4 ± 0.3'
    assert plus_minus(Interval(1234.5, 56.0), ms) == '1230 ± 60'
    assert plus_minus(Interval(12.4321, None), ms) == '12'


def test_shares_are_as_fine_as_their_samples() -> None:
    assert share_text(250 / 256, 0.950, 0.989) == '97.7 % (95.0–98.9)'
    assert share_text(0.775, 0.737, 0.809) == '78 % (74–81)'
    assert share_text(1.0, 0.9926, 1.0) == '100 % (99.3–100)'


def test_the_unit_lets_the_smallest_value_read_well() -> None:
    assert [time_unit([least, 5e10]).name for least in (5e3, 5e5, 5e9)] == ['µs', 'ms', 's']
