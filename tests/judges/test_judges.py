"""Judges held against libraries that nobody of this project wrote."""

from __future__ import annotations

import contextlib
import io
from typing import Any

import numpy as np
import pytest

from stages.errors import StepError
from stages.judges import JUDGES

NOISE = np.random.default_rng(3)


def score(name: str, output: Any, data: dict[str, Any], more: dict[str, Any] | None = None, **params: Any) -> Any:
    judge = JUDGES[name]
    return judge.score(judge.Params(**params), {'answer': [*output], **(more or {})}, 'answer', data)


@pytest.fixture(scope='module')
def sklearn() -> Any:
    return pytest.importorskip('sklearn.metrics', reason="pip install 'modelkiln[test]'")


LABELS = NOISE.integers(0, 7, 300)
SCORES = NOISE.random((300, 7)) + np.eye(7)[LABELS] * 0.3


def test_top5_is_scikit_learns(sklearn) -> None:
    each = score('top5', SCORES, {'labels': LABELS})

    assert each.shape == (300,)
    assert each.mean() == pytest.approx(sklearn.top_k_accuracy_score(LABELS, SCORES, k=5))
    assert score('top5', SCORES, {'labels': LABELS}, k=2).mean() == pytest.approx(
        sklearn.top_k_accuracy_score(LABELS, SCORES, k=2)
    )


@pytest.mark.parametrize('average', ['macro', 'micro'])
def test_f1_is_scikit_learns(sklearn, average: str) -> None:
    made = score('f1', SCORES, {'labels': LABELS}, average=average)

    assert made == pytest.approx(sklearn.f1_score(LABELS, SCORES.argmax(1), average=average))


def test_f1_of_one_column_and_of_classes_that_are_missing(sklearn) -> None:
    column, labels = SCORES[:, :1], LABELS % 2
    few = LABELS % 3

    assert score('f1', column, {'labels': labels}, threshold=0.5) == pytest.approx(
        sklearn.f1_score(labels, column[:, 0] > 0.5)
    )
    assert score('f1', SCORES[:, :5], {'labels': few}) == pytest.approx(
        sklearn.f1_score(few, SCORES[:, :5].argmax(1), average='macro', zero_division=0)
    )


def test_auc_is_scikit_learns_with_ties(sklearn) -> None:
    labels, coarse = LABELS % 2, np.round(SCORES[:, :1], 1)
    shares = SCORES / SCORES.sum(1, keepdims=True)

    assert score('auc', coarse, {'labels': labels}) == pytest.approx(sklearn.roc_auc_score(labels, coarse))
    assert score('auc', shares, {'labels': LABELS}) == pytest.approx(
        sklearn.roc_auc_score(LABELS, shares, multi_class='ovr')
    )


def test_correlations_are_scipys_with_ties() -> None:
    stats = pytest.importorskip('scipy.stats')
    one, two = np.round(NOISE.random(80), 1), NOISE.random(80)

    assert score('pearson', one, {'truth': two}) == pytest.approx(stats.pearsonr(one, two).statistic)
    assert score('spearman', one, {'truth': two}) == pytest.approx(stats.spearmanr(one, two).statistic)


def test_mae_is_scikit_learns_and_one_for_each_sample(sklearn) -> None:
    one, two = NOISE.random((20, 3)), NOISE.random((20, 3))

    made = score('mae', one, {'truth': two})

    assert made.shape == (20,) and made.mean() == pytest.approx(sklearn.mean_absolute_error(two, one))


def test_pictures_are_judged_as_by_scikit_image() -> None:
    theirs = pytest.importorskip('skimage.metrics', reason="pip install 'modelkiln[test]'")
    truth = NOISE.random((3, 24, 20, 3))
    made = np.clip(truth + NOISE.normal(0, 0.1, truth.shape), 0, 1)

    assert np.allclose(
        score('psnr', made, {'truth': truth}),
        [theirs.peak_signal_noise_ratio(a, b, data_range=1) for a, b in zip(truth, made, strict=True)],
    )
    how = {'gaussian_weights': True, 'sigma': 1.5, 'use_sample_covariance': False, 'data_range': 1, 'channel_axis': 2}
    assert np.allclose(
        score('ssim', made, {'truth': truth}),
        [theirs.structural_similarity(a, b, **how) for a, b in zip(truth, made, strict=True)],
    )


def test_equal_pictures_have_a_finite_ratio() -> None:
    assert score('psnr', np.ones((1, 9, 9)), {'truth': np.ones((1, 9, 9))}, peak=255.0).tolist() == [100.0]


TEXTS = [
    ('the cat sat on the mat', 'the cat sat on mat'), ('hello world', 'hallo welt'), ('a', 'a b c'), ('x y z', ''),
]  # fmt: skip


def test_error_rates_are_jiwers() -> None:
    jiwer = pytest.importorskip('jiwer', reason="pip install 'modelkiln[test]'")
    wanted, said = ([pair[n] for pair in TEXTS] for n in (0, 1))
    labels = np.full((len(TEXTS), 30), -1)
    for n, text in enumerate(wanted):
        labels[n, : len(text)] = [ord(c) for c in text]
    answers = [np.asarray([ord(c) for c in text], np.int64) for text in said]

    assert score('cer', answers, {'labels': labels}) == pytest.approx(jiwer.cer(wanted, said))
    assert score('wer', answers, {'labels': labels}, space=32) == pytest.approx(jiwer.wer(wanted, said))


def test_ctc_is_read_without_repeats_and_blanks() -> None:
    steps = np.eye(4)[[1, 1, 0, 1, 2, 2, 0, 3]]  # 1 1 2 3, then the end

    assert score('cer', [steps], {'labels': np.asarray([[1, 1, 2, -1]])}, blank=0, end=3) == 0


def boxes(seed: int) -> tuple[np.ndarray, ...]:
    noise = np.random.default_rng(seed)
    corner = noise.uniform(0, 50, (12, 6, 2))
    truth = np.concatenate([corner, corner + noise.uniform(10, 40, (12, 6, 2))], axis=2)
    classes = noise.integers(0, 3, (12, 6))
    classes[noise.random((12, 6)) < 0.3] = -1
    found = np.concatenate([truth + noise.normal(0, 4, truth.shape), truth + noise.normal(0, 20, truth.shape)], axis=1)
    found[..., 2:] = np.maximum(found[..., 2:], found[..., :2] + 1)  # no box is turned inside out
    said = np.concatenate([np.where(classes < 0, 0, classes), noise.integers(0, 3, (12, 6))], axis=1)
    return truth, classes, found, said, np.round(noise.random((12, 12)), 2)


def cocos(truth, classes, found, said, sure, **how: Any) -> float:
    coco, evaluated = (pytest.importorskip(f'pycocotools.{name}') for name in ('coco', 'cocoeval'))

    def shape(box: np.ndarray) -> list[float]:
        return [float(x) for x in (box[0], box[1], box[2] - box[0], box[3] - box[1])]

    wanted = [
        {'id': n * 100 + m + 1, 'image_id': n, 'category_id': int(classes[n, m]), 'bbox': shape(truth[n, m]),
         'area': shape(truth[n, m])[2] * shape(truth[n, m])[3], 'iscrowd': 0}
        for n in range(12) for m in range(6) if classes[n, m] >= 0
    ]  # fmt: skip
    answers = [
        {'image_id': n, 'category_id': int(said[n, m]), 'bbox': shape(found[n, m]), 'score': float(sure[n, m])}
        for n in range(12) for m in range(12)
    ]  # fmt: skip
    with contextlib.redirect_stdout(io.StringIO()):
        whole = coco.COCO()
        whole.dataset = {
            'images': [{'id': n} for n in range(12)], 'annotations': wanted,
            'categories': [{'id': c} for c in sorted({one['category_id'] for one in wanted})], 'info': {},
        }  # fmt: skip
        whole.createIndex()
        run = evaluated.COCOeval(whole, whole.loadRes(answers), 'bbox')
        run.evaluate()
        run.accumulate()
        run.summarize()
    return float(run.stats[how.get('which', 0)])


@pytest.mark.parametrize('seed', range(5))
def test_boxes_are_judged_as_by_coco(seed: int) -> None:
    truth, classes, found, said, sure = boxes(seed)
    data, more = {'truth_boxes': truth, 'truth_classes': classes}, {'sure': [*sure], 'said': [*said]}

    whole = score('map', found, data, more, scores='sure', classes='said')
    half = score('map', found, data, more, scores='sure', classes='said', overlap=0.5)

    assert 0.05 < whole < 0.95
    assert whole == pytest.approx(cocos(truth, classes, found, said, sure), abs=1e-9)
    assert half == pytest.approx(cocos(truth, classes, found, said, sure, which=1), abs=1e-9)


@pytest.mark.parametrize(('form', 'order'), [('yxyx', [1, 0, 3, 2]), ('xyxy', [0, 1, 2, 3])])
def test_boxes_in_another_form_are_the_same_boxes(form: str, order: list[int]) -> None:
    truth, classes, found, said, sure = boxes(0)
    data, more = {'truth_boxes': truth, 'truth_classes': classes}, {'sure': [*sure], 'said': [*said]}
    center = np.concatenate([(found[:, :, :2] + found[:, :, 2:]) / 2, found[:, :, 2:] - found[:, :, :2]], axis=2)

    expected = score('map', found, data, more, scores='sure', classes='said')
    assert score('map', found[:, :, order], data, more, scores='sure', classes='said', form=form) == expected
    assert score('map', center, data, more, scores='sure', classes='said', form='cxcywh') == pytest.approx(expected)


@pytest.mark.parametrize(
    ('name', 'output', 'data', 'params', 'words'),
    [
        ('top5', np.ones((2, 7)), {}, {}, 'needs an array `labels`'),
        ('top5', np.ones((2, 7)), {'labels': np.asarray([1, 7])}, {}, 'holds 7, and the output has the classes 0 to 6'),
        ('top5', np.ones((2, 3)), {'labels': np.asarray([1, 2])}, {}, 'of 3 classes, the 5 likeliest say nothing'),
        ('f1', np.ones((2, 1)), {'labels': np.asarray([1, 0])}, {}, 'threshold: 0.5'),
        ('auc', np.ones((2, 1)), {'labels': np.asarray([1, 1])}, {}, 'every sample is of the same class'),
        ('auc', np.ones((2, 4, 4)), {'labels': np.asarray([1, 1])}, {}, 'a score for each class, along one axis'),
        ('mae', np.ones((2, 4)), {'truth': np.ones((2, 5))}, {}, r'output is \[4\], its truth \[5\]'),
        ('pearson', np.ones(5), {'truth': np.arange(5)}, {}, 'the answers are all the same'),
        ('ssim', np.ones((1, 3, 20, 3)), {'truth': np.ones((1, 3, 20, 3))}, {}, 'Write `axis: …`'),
        ('map', np.ones((1, 2, 4)), {}, {'scores': 'sure'}, "there is no output 'sure'"),
    ],
)
def test_what_a_judge_cannot_judge_it_says(name, output, data, params, words) -> None:
    with pytest.raises(StepError, match=words):
        score(name, output, data, **params)
