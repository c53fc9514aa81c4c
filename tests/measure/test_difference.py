"""How far answers are apart, compared with what NumPy says of the same numbers in one piece."""

from __future__ import annotations

import numpy as np
import pytest

from stages.measure.difference import difference
from stages.measure.tolerance import judge
from stages.recipe.model import Tolerance

ROW = np.array([[1.0, 2.0, 3.0]], dtype=np.float32)


def noise(*shape: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal(shape).astype(np.float32)


def test_equal_answers_are_within_every_tolerance() -> None:
    found = difference({'y': [ROW, ROW]}, {'y': [ROW, ROW]})
    assert (found.max_abs, found.relative, found.cosine, found.where) == (0, 0, pytest.approx(1), '')
    assert [judge(found, p) for p in ('f32', 'f16', 'int8')] == [None, None, None]


def test_figures_are_those_of_all_samples_in_one_piece() -> None:
    expected = noise(5, 7)
    got = expected + 0.1 * noise(5, 7, seed=1)
    found = difference({'y': list(got)}, {'y': list(expected)})
    a, b = got.astype(np.float64).ravel(), expected.astype(np.float64).ravel()
    assert found.relative == pytest.approx(np.linalg.norm(a - b) / np.linalg.norm(b))
    assert found.cosine == pytest.approx(a @ b / np.linalg.norm(a) / np.linalg.norm(b))
    sample, column = np.unravel_index(np.abs(got.astype(float) - expected).argmax(), got.shape)
    assert found.where.startswith(f'output y, sample {sample}, at [{column}]: ')


def test_samples_may_have_any_size_such_as_detections_and_none_of_them() -> None:
    boxes = [noise(3, 4), noise(0, 4), noise(9, 4)]
    assert difference({'boxes': boxes}, {'boxes': boxes}).relative == 0
    fewer = difference({'boxes': [boxes[0], boxes[1], boxes[2][:8]]}, {'boxes': boxes})
    # how many there are is the model's own affair: one less is a matter of degree
    assert fewer.failure is None and 0.05 < fewer.relative < 0.5 and 'sample 2, at [8' in fewer.where
    other = difference({'boxes': [boxes[0][:, :3], *boxes[1:]]}, {'boxes': boxes})
    assert other.failure == 'output boxes, sample 0: the shape is [3, 3] where the source has [3, 4]'
    assert judge(fewer, 'pruned') == fewer.failure


def test_no_detection_anywhere_is_no_difference() -> None:
    found = difference({'boxes': [noise(0, 4)]}, {'boxes': [noise(0, 4)]})
    assert (found.max_abs, found.relative) == (0, 0) and judge(found, 'int8') is None


def test_a_shape_that_would_broadcast_is_another_shape() -> None:
    assert 'the shape is [1, 1]' in str(difference({'y': [ROW[:, :1]]}, {'y': [ROW]}).failure)


def test_missing_outputs_and_samples_are_named() -> None:
    both = {'scores': [ROW], 'boxes': [ROW]}
    assert difference({'scores': [ROW]}, both).failure == 'output boxes is missing; there is scores'
    assert difference({**both, 'extra': [ROW]}, both).failure == (
        'output extra is none of the source, which has scores, boxes'
    )
    assert difference({'y': [ROW]}, {'y': [ROW, ROW]}).failure == 'output y has 1 sample where the source has 2'


def test_names_count_and_places_do_not() -> None:
    there = {'scores': [ROW], 'boxes': [ROW * 5]}
    assert difference(dict(reversed(there.items())), there).relative == 0


def test_the_worst_output_decides() -> None:
    found = difference({'a': [ROW], 'b': [ROW * 2]}, {'a': [ROW], 'b': [ROW]})
    assert found.relative == pytest.approx(1)


def test_the_same_infinity_and_nan_in_the_same_places_agree_and_are_left_out() -> None:
    expected = np.array([-np.inf, 1, np.inf, 2, np.nan], np.float32)
    got = np.array([-np.inf, 1, np.inf, 2.5, np.nan], np.float32)
    found = difference({'y': [got]}, {'y': [expected]})
    assert found.failure is None and found.max_abs == 0.5
    assert found.relative == pytest.approx(0.5 / np.sqrt(5))
    assert found.where == 'output y, sample 0, at [3]: 2.5 where the source has 2'


@pytest.mark.parametrize(
    ('got', 'expected', 'words'),
    [(np.nan, 2, 'nan where the source has 2'), (np.inf, -np.inf, 'inf where the source has -inf'),
     (1, np.nan, '1 where the source has nan')],
)  # fmt: skip
def test_a_number_that_is_none_on_one_side_alone_is_named(got: float, expected: float, words: str) -> None:
    pair = [np.array([[0, x]], np.float32) for x in (got, expected)]
    found = difference({'y': [ROW, pair[0]]}, {'y': [ROW, pair[1]]})
    assert found.failure == f'output y, sample 1, at [0, 1] is {words}'


def test_an_overflow_of_float16_is_called_that() -> None:
    expected = np.array([1e5, 1], np.float32)
    with np.errstate(over='ignore'):
        found = difference({'y': [expected.astype(np.float16)]}, {'y': [expected]})
    assert 'inf where the source has 100000 (float16 ends at 65504)' in str(found.failure)


def test_large_float16_values_do_not_overflow_while_they_are_compared() -> None:
    large = np.full(1000, 60000, np.float16)
    found = difference({'y': [large]}, {'y': [-large]})
    assert (found.max_abs, found.relative, found.cosine) == (120000, pytest.approx(2), pytest.approx(-1))


@pytest.mark.parametrize('size', [1e-200, 1e300])
def test_neither_tiny_nor_huge_numbers_lose_their_figures(size: float) -> None:
    found = difference({'y': [np.array([1.0, 2.1]) * size]}, {'y': [np.array([1.0, 2.0]) * size]})
    assert found.relative == pytest.approx(0.1 / np.sqrt(5))


def test_neighbours_among_large_whole_numbers_differ_by_one() -> None:
    expected = np.array([2**53, 2**62, -5])
    found = difference({'ids': [expected + 1]}, {'ids': [expected]})
    assert found.max_abs == 1


def test_bools_and_whole_numbers_of_any_width_are_numbers() -> None:
    got, expected = np.array([True, False, True]), np.array([1, 0, 0], np.int64)
    assert difference({'y': [got]}, {'y': [expected]}).max_abs == 1
    assert difference({'y': [np.array([255], np.uint8)]}, {'y': [np.array([0], np.uint8)]}).max_abs == 255


def test_texts_are_equal_or_named() -> None:
    one, bytes_ = np.array(['cat', 'dog']), np.array([b'cat', b'dog'], object)
    assert judge(difference({'label': [one]}, {'label': [bytes_]}), 'int8') is None
    found = difference({'label': [one]}, {'label': [np.array(['cat', 'cow'])]})
    assert found.failure == "output label, sample 0, at [1] is 'dog' where the source has 'cow'"


def test_a_reference_of_zeros_takes_zeros_and_rounding_and_nothing_else() -> None:
    zeros = np.zeros(100, np.float32)
    for precision in ('f32', 'int8'):
        assert judge(difference({'y': [zeros]}, {'y': [zeros]}), precision) is None
        assert judge(difference({'y': [zeros + 1e-8]}, {'y': [zeros]}), precision) is None
        assert judge(difference({'y': [zeros + 0.5]}, {'y': [zeros]}), precision) is not None


def test_zeros_where_there_should_be_something_fail_and_name_the_key_and_the_place() -> None:
    said = judge(difference({'y': [ROW * 0]}, {'y': [ROW]}), 'int8')
    assert said == (
        "the cosine similarity is 0.0000, less than 0.98 (the recipe's key: check: {tolerance: {int8: {cosine: …}}}); "
        'furthest apart: output y, sample 0, at [0, 2]: 0 where the source has 3'
    )


def test_what_a_recipe_states_replaces_the_default_as_a_whole() -> None:
    found = difference({'y': [ROW * 1.01]}, {'y': [ROW]})
    assert 'is 0.01, more than 0.0001' in (judge(found, 'f32') or '')
    assert judge(found, 'f32', {'f32': Tolerance(relative=None, cosine=0.9)}) is None
