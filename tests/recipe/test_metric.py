"""``metric`` in a recipe: what it may say, and what each mistake is answered with."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from stages.errors import RecipeError
from stages.measure.metrics import metric_of
from stages.plan.make import as_json
from stages.recipe.model import Metric, Python, Recipe
from stages.recipe.read import read_recipe
from tests.recipe.conftest import RECIPE

Write = Callable[..., Path]


def reading(project: Path, write: Write, metric: str, asks: str = '') -> Recipe:
    return read_recipe(write(RECIPE + asks, ('metric: top1', f'metric: {metric}')), project)


@pytest.mark.parametrize(
    ('text', 'metric'),
    [
        ('top1', Metric('top1')),
        ('{of: top1, axis: 0}', Metric('top1', axis=0)),
        ('{of: agreement, threshold: 0}', Metric('agreement', threshold=0)),
        ('{of: "models/net.py:evaluate", better: lower, range: [0, 40]}',
         Metric('evaluate', better='lower', range=(0, 40), python=Python('models/net.py', 'evaluate'))),
    ],
)  # fmt: skip
def test_a_metric_is_a_word_or_says_what_it_depends_on(project: Path, write: Write, text: str, metric: Metric) -> None:
    assert reading(project, write, text).data['evaluate'].metric == metric


@pytest.mark.parametrize(
    ('text', 'words'),
    [
        ('{of: top2}', "`of` of `metric` of `evaluate` of `data` is 'top2'; expected one of `top1`, `agreement`"),
        ('{axis: 1}', '`of`'),
        ('{of: top1, axis: 0, threshold: 1}', 'both `axis` and `threshold`'),
        ('{of: top1, better: lower}', 'top1 is a share, more is better'),
        ('{of: "models/net.py:evaluate", axis: 0}', '`axis` of `metric` of `evaluate` of `data` goes with'),
        ('{of: "models/net.py:evaluate", range: [1, 0]}', 'expected the least and the largest value, like [0, 1]'),
        ('{of: "models/net.py:evaluate", better: less}', 'expected one of `higher`, `lower`'),
    ],
)
def test_what_means_nothing_is_said(project: Path, write: Write, text: str, words: str) -> None:
    with pytest.raises(RecipeError) as raised:
        reading(project, write, text)
    assert words in str(raised.value), str(raised.value)


def test_a_drop_is_in_the_units_of_the_metric(project: Path, write: Write) -> None:
    own = '{of: "models/net.py:evaluate", better: lower, range: [0, 40]}'
    asks = 'check: {max_drop: 2.5}\nchoose: {within: {accuracy_drop: 40}}\n'
    recipe = reading(project, write, own, asks)
    assert recipe.check.max_drop == 2.5 and recipe.choose.within == {'accuracy_drop': 40}
    with pytest.raises(RecipeError, match=r'`max_drop` is 2.5; expected 0 to 1'):
        reading(project, write, 'top1', asks)


@pytest.mark.parametrize(
    ('metric', 'words'),
    [
        ('{of: psnr, peek: 255}', "no parameter 'peek'; it has `peak`, `of`; did you mean `peak`"),
        ('{of: psnr, peak: 0}', '`peak` is 0; expected the span'),
        ('map', r'\(map\) needs `scores`'),
        ('wer', r'\(wer\) needs `space`'),
        ('top6', r"'top6'; expected one of .*did you mean `top"),
    ],
)
def test_what_a_judge_has_to_know_is_checked(
    project: Path, write: Callable[..., Path], metric: str, words: str
) -> None:
    with pytest.raises(RecipeError, match=words):
        reading(project, write, metric)


def test_a_judge_says_which_way_is_good_and_how_far_it_can_fall(project: Path, write: Write) -> None:
    recipe = reading(project, write, '{of: cer, blank: 0}')
    metric = recipe.data['evaluate'].metric

    assert metric is not None and (metric.better, metric.options.blank) == ('lower', 0)
    again = metric_of(json.loads(json.dumps(as_json(metric))))
    assert again.options == {'blank': 0, 'end': None, 'axis': None}
