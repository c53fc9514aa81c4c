"""What a check leaves can be read again, also what older versions left."""

from __future__ import annotations

import json

import pytest

from stages.measure.figures import Check, Difference, Score, check_json, read_check
from stages.measure.tolerance import loss, too_much, untestable


def top1(value: float, better: str = 'higher') -> Score:
    return Score('top1', value, 200, value - 0.05, value + 0.05, better, percent=True)


def test_a_check_is_read_as_it_was_written() -> None:
    check = Check(
        Difference(0.5, 0.1, None, where='output ÿ, sample 3'), top1(0.9), None, 16, '', 'int8', {'inputs': []}
    )
    assert read_check(check_json(check)) == check
    assert read_check(check_json(Check(foreign='aarch64 Linux'))) == Check(foreign='aarch64 Linux')


def test_what_an_older_version_left_can_be_read() -> None:
    old = {
        'difference': {'max_abs': 1.0, 'relative': 0.1, 'cosine': 0.9, 'finite': True, 'failure': None},
        'metric': {'name': 'top1', 'value': 0.5, 'n': 4, 'low': 0.2, 'high': 0.8},
        'agreement': None, 'samples': 16, 'foreign': 'aarch64 Linux',
        'outputs': [{'name': 'y', 'shape': [1, 3], 'dtype': 'float32'}],
    }  # fmt: skip
    check = read_check(json.dumps(old))
    assert check.difference == Difference(1.0, 0.1, 0.9) and check.foreign == 'aarch64 Linux'
    assert check.metric and check.metric.percent and check.contract == {'outputs': old['outputs']}


def test_no_json_reader_meets_a_nan() -> None:
    text = check_json(Check(Difference(float('inf'), float('nan'), None)))
    assert json.loads(text)['difference']['relative'] is None


@pytest.mark.parametrize(
    ('better', 'before', 'after', 'lost'),
    [('higher', 0.9, 0.8, 0.1), ('lower', 0.1, 0.3, 0.2), ('lower', 0.3, 0.1, -0.2), ('higher', 0.8, 0.9, -0.1)],
)
def test_a_loss_goes_the_way_that_is_bad(better: str, before: float, after: float, lost: float) -> None:
    assert loss(top1(before, better), top1(after, better)) == pytest.approx(lost)


def test_a_loss_of_exactly_the_bound_is_allowed() -> None:
    assert not too_much(loss(top1(0.9), top1(0.89)), 0.01)
    assert too_much(loss(top1(0.9), top1(0.885)), 0.01)
    assert loss(None, top1(0.97)) == pytest.approx(0.03)


def test_a_bound_finer_than_one_answer_is_said_to_be_untestable() -> None:
    said = untestable(top1(0.9), 0.001)
    assert said and '200 answers' in said and 'at least 1000 answers' in said
    assert untestable(top1(0.9), 0.005) is None and untestable(top1(0.9), 0.0) is None
    assert untestable(Score('words', 3.0, 200), 0.001) is None
