"""A metric finds the classes, or says what to write."""

from __future__ import annotations

import numpy as np
import pytest

from stages.errors import StepError
from stages.measure.figures import Score
from stages.measure.metrics import agreement, draws, metric_of, off_by_one, own_score, own_scores, score
from stages.recipe.model import Metric, Python
from stages.report.accuracy import with_interval

TOP1 = Metric('top1')
RNG = np.random.default_rng(3)


def value(metric: Metric, outputs: list[np.ndarray], labels: np.ndarray, batch: int | None = None) -> float:
    found = score(metric, outputs, labels, None, batch)
    assert found is not None and found.percent
    return found.value


def test_the_only_axis_longer_than_one_holds_the_classes_wherever_it_is() -> None:
    for shape in ((5,), (1, 5), (5, 1, 1), (1, 5, 1)):
        outputs = [np.eye(5)[k].reshape(shape) for k in (0, 3, 4, 1)]
        assert value(TOP1, outputs, np.array([0, 3, 4, 2])) == 0.75


def test_one_column_is_refused_until_a_threshold_says_what_class_1_is() -> None:
    outputs, labels = [np.array([[p]], np.float32) for p in (0.9, 0.2, 0.6, 0.4)], np.array([1, 0, 1, 1])
    with pytest.raises(StepError, match=r'a single number: \[1, 1\].*metric: {of: top1, threshold: 0.5}'):
        score(TOP1, outputs, labels, None)
    assert value(Metric('top1', threshold=0.5), outputs, labels) == 0.75
    assert value(Metric('top1', threshold=0.5), outputs, labels[:, None]) == 0.75


def test_several_possible_axes_are_refused_and_the_axis_decides() -> None:
    outputs = [RNG.standard_normal((3, 7)) for _ in range(6)]
    with pytest.raises(StepError, match=r'\[3, 7\] and its labels are \[\]'):
        score(TOP1, outputs, np.zeros(6, int), None)
    square = [RNG.standard_normal((4, 4)) for _ in range(6)]
    labels = np.stack([x.argmax(0) for x in square])
    with pytest.raises(StepError, match=r'axis 0 or 1: write metric: {of: top1, axis: 0}'):
        score(TOP1, square, labels, None)
    assert value(Metric('top1', axis=0), square, labels) == 1


def test_a_label_for_each_position_shows_the_axis() -> None:
    classes_first = [RNG.standard_normal((3, 6, 5)) for _ in range(4)]  # as of a segmentation
    pixels = np.stack([x.argmax(0) for x in classes_first])
    assert value(TOP1, classes_first, pixels) == 1
    tokens = [RNG.standard_normal((1, 8, 11)) for _ in range(4)]
    labels = np.stack([x[0].argmax(-1) for x in tokens])
    labels[0, 0] = (labels[0, 0] + 1) % 11
    found = score(TOP1, tokens, labels, None)
    assert found and found.value == pytest.approx(31 / 32) and found.n == 32


def test_the_batch_axis_of_a_sample_is_not_counted() -> None:
    outputs = [RNG.standard_normal((1, 5, 3)) for _ in range(4)]
    labels = np.stack([x[0].argmax(0) for x in outputs])
    assert value(Metric('top1', axis=0), outputs, labels, batch=0) == 1
    with pytest.raises(StepError, match='no axis 2'):
        score(Metric('top1', axis=2), outputs, labels, None, batch=0)


def test_a_model_that_chooses_itself_is_compared_with_the_labels() -> None:
    chosen = [np.array([2]), np.array([0]), np.array([1])]
    assert value(TOP1, chosen, np.array([2, 0, 0])) == pytest.approx(2 / 3)
    words = [np.array(['cat']), np.array(['dog'])]
    assert value(TOP1, words, np.array(['cat', 'cow'])) == 0.5


def test_a_quantized_score_is_not_taken_for_a_class() -> None:
    with pytest.raises(StepError, match='single number'):
        score(TOP1, [np.array([200], np.uint8)] * 2, np.array([1, 0]), None)
    assert value(Metric('top1', threshold=128), [np.array([x], np.uint8) for x in (200, 3)], np.array([1, 0])) == 1


@pytest.mark.parametrize(
    ('labels', 'words'),
    [([0, 1, 3], 'holds 3, and the output has the classes 0 to 2'), ([0, -1, 1], 'holds -1'),
     ([0.5, 1, 2], 'no classes: 0.5'), ([0, 1], '2 samples where the model was asked 3'),
     (np.eye(3), r'labels are \[3\]')],
)  # fmt: skip
def test_labels_that_are_no_classes_of_the_output_are_refused(labels: object, words: str) -> None:
    with pytest.raises(StepError, match=words):
        score(TOP1, [np.arange(3.0)] * 3, np.asarray(labels), None)


def test_without_labels_the_sentence_says_what_is_missing() -> None:
    with pytest.raises(StepError, match='labels'):
        score(TOP1, [np.arange(3.0)], None, None)


def test_what_is_no_number_is_no_right_answer() -> None:
    assert value(TOP1, [np.array([np.nan, 1.0]), np.array([0.0, 1.0])], np.array([0, 1])) == 0.5


def test_the_interval_of_250_of_256_is_95_to_98_9_percent() -> None:
    outputs = [np.eye(2)[0]] * 250 + [np.eye(2)[1]] * 6
    found = score(TOP1, outputs, np.zeros(256, int), None)
    told = with_interval(found)
    assert told and (told.low, told.high) == (pytest.approx(0.950, abs=5e-4), pytest.approx(0.989, abs=5e-4))


def test_agreement_counts_equal_choices_and_the_source_has_none() -> None:
    source = [RNG.standard_normal(4) for _ in range(10)]
    other = [-x if i < 3 else x for i, x in enumerate(source)]
    found = score(Metric('agreement'), other, None, source)
    assert found and found.value == 0.7
    assert score(Metric('agreement'), source, None, None) is None


def test_no_agreement_is_told_of_what_are_no_classes() -> None:
    columns = [np.array([x]) for x in (0.1, 0.9)]
    flipped = [1 - x for x in columns]
    assert agreement(TOP1, flipped, columns) is None  # not 100 %
    assert agreement(Metric('score', python=Python('models/x.py', 'score')), flipped, columns) is None
    assert agreement(None, [np.arange(3.0)], [np.arange(3.0)]) is None
    found = agreement(Metric('top1', threshold=0.5), flipped, columns)
    assert found and found.value == 0
    with pytest.raises(StepError, match='threshold'):
        score(Metric('agreement'), flipped, None, columns)


def test_agreement_beside_top1_looks_where_top1_does() -> None:
    source = [RNG.standard_normal((3, 4, 5)) for _ in range(4)]
    labels = np.stack([x.argmax(0) for x in source])
    found = agreement(TOP1, source, source, labels)
    assert found and (found.value, found.n) == (1, 80)
    assert agreement(Metric('agreement'), source, source) is None


def judged_by(metric: Metric, returned: object) -> Score:
    data = {'x': np.zeros((5, 2)), 'truth_all': np.zeros(2)}
    return own_score(metric, own_scores(metric, lambda outputs, data: returned, {}, data), data)


def test_a_function_of_the_recipe_says_its_direction_and_keeps_its_range() -> None:
    own = Metric('error', better='lower', range=(0, 10), python=Python('models/x.py', 'error'))
    found = judged_by(own, [1.0, 3.0])
    assert (found.value, found.n, found.better, found.percent) == (2, 2, 'lower', False)
    assert judged_by(own, 4.0).n == 5 and judged_by(own, 4.0).low is None
    with pytest.raises(StepError, match=r'models/x.py:error returned 12, outside of the range'):
        judged_by(own, 12.0)
    with pytest.raises(StepError, match=r'models/x.py:error returned NaN'):
        judged_by(own, float('nan'))
    told = with_interval(judged_by(own, [True, False]))
    assert told and told.low == pytest.approx(0.0945, abs=1e-3)


def test_a_metric_survives_the_way_through_a_request() -> None:
    from stages.plan.make import as_json

    for metric in (
        Metric('top1', axis=1),
        Metric('f', better='lower', range=(0, 5), python=Python('models/x.py', 'f')),
    ):
        assert metric_of(as_json(metric)) == metric
    assert metric_of('top1') == TOP1


def test_labels_of_a_list_that_begins_at_another_number_are_told():
    answers = [*np.eye(6, dtype=np.float32)[[0, 1, 2, 3, 4]]]

    said = off_by_one(Metric('top1'), answers, np.arange(5) + 1)

    assert said == (
        '`labels` look off by one: 0% of the answers are right as they stand, 100% were every label one lower'
    )
    assert off_by_one(Metric('top1'), answers, np.arange(5)) == ''
    assert off_by_one(Metric('top1'), answers, np.asarray([5, 3, 0, 1, 2])) == ''


def pearson_of_pairs(outputs: dict[str, np.ndarray], data: dict[str, np.ndarray]) -> float:
    return float(np.corrcoef(outputs['y'][0::2, 0] * outputs['y'][1::2, 0], data['truth'])[0, 1])


def test_samples_that_make_one_judgement_are_drawn_together() -> None:
    own = Metric('pearson', python=Python('models/x.py', 'pearson_of_pairs'))
    answers, groups = {'y': RNG.standard_normal((60, 1))}, np.arange(60) // 2
    truth = answers['y'][0::2, 0] * answers['y'][1::2, 0]  # every pair judged without a mistake, so is every draw
    found = draws(own, pearson_of_pairs, answers, {'truth': truth, 'groups': groups})
    assert found is not None and np.allclose(found, 1)
    assert draws(own, pearson_of_pairs, answers, {'truth': truth}) is None  # nothing says what the 30 count
    assert draws(own, pearson_of_pairs, answers, {'truth': truth, 'groups': groups * 2}) is None  # empty groups
