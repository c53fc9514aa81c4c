from __future__ import annotations

import numpy as np
import pytest

from stages.measure.compare import difference, judge
from stages.recipe.model import Tolerance

ONE = np.array([[1.0, 2.0, 3.0]], dtype=np.float32)


def test_equal_outputs_are_within_every_tolerance() -> None:
    found = difference([ONE], [ONE])
    assert (found['max_abs'], found['relative'], found['cosine']) == (0, 0, pytest.approx(1))
    assert [judge(found, p) for p in ('f32', 'f16', 'int8')] == [None, None, None]


@pytest.mark.parametrize('bad', [np.nan, np.inf])
def test_a_nan_or_an_infinity_is_a_failure(bad: float) -> None:
    found = difference([ONE * bad], [ONE])
    assert found['finite'] is False
    assert judge(found, 'int8') == 'output 0 has 3 of 3 values that are NaN or infinite'


def test_a_wrong_shape_is_a_failure_and_never_broadcasts() -> None:
    assert judge(difference([ONE[:, :1]], [ONE]), 'int8') == (
        'output 0 has the shape (1, 1) where the reference has (1, 3)'
    )


def test_a_missing_output_is_a_failure() -> None:
    assert judge(difference([], [ONE]), 'f32') == '0 outputs where the reference has 1'


def test_integers_are_compared_as_numbers() -> None:
    found = difference([np.array([1, 2], dtype=np.uint8)], [np.array([2, 2], dtype=np.uint8)])
    assert found['max_abs'] == 1


def test_the_worst_output_decides() -> None:
    found = difference([ONE, ONE * 2], [ONE, ONE])
    assert found['relative'] == pytest.approx(1)


def test_zeros_where_there_should_be_something_fail_by_cosine() -> None:
    assert judge(difference([ONE * 0], [ONE]), 'int8') == 'the cosine similarity is 0.0000, less than 0.98 (int8)'


def test_an_override_replaces_the_default() -> None:
    found = difference([ONE * 1.01], [ONE])
    assert 'more than 0.0001 (f32)' in (judge(found, 'f32') or '')
    assert judge(found, 'f32', {'f32': Tolerance(relative=0.02, cosine=None)}) is None
