"""Whole requests: the Python before the model, the model, and the Python after it, each timed apart."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from stages.contract.job import Job
from stages.errors import RecipeError, StepError
from stages.measure.cycle import cycle
from stages.measure.samples import cycle_of
from stages.recipe.read import read_recipe
from stages.report.whole import whole_of, why_not
from stages.sources import around
from tests.measure.fakes import Fake, X, request
from tests.small import RECIPE, small_project

PYTHON = """
import time

import numpy as np


def requests(folder):
    return (folder / 'texts.txt').read_text().split()


def before(text):
    time.sleep(0.006)
    return {'x': np.full((1, 3), len(text), np.float32)}


def after(outputs):
    time.sleep(0.003)
    return outputs['y'].sum()
"""


def kept(tmp_path: Path, python: str = PYTHON) -> Path:
    """Return what the step leaves of ``python`` and a file of three requests."""
    (tmp_path / 'python/models').mkdir(parents=True)
    (tmp_path / 'python/models/x.py').write_text(python)
    (tmp_path / 'file').mkdir()
    (tmp_path / 'file/texts.txt').write_text('a bb ccc')
    (tmp_path / 'out').mkdir()
    roles = {'python': tmp_path / 'python', 'file': tmp_path / 'file', 'model': tmp_path}
    job = Job(roles, tmp_path / 'out', X, lambda fraction, words: None)
    around.run(around.Params('models/x.py', 'requests', 'before', 'after'), job)
    return tmp_path / 'out'


def test_each_lap_takes_what_it_takes_and_sees_what_the_one_before_made(tmp_path: Path) -> None:
    seen: list[float] = []

    def model(x: Any) -> tuple[Any]:
        time.sleep(0.002)
        seen.append(float(x[0, 0]))
        return (x,)

    asked = request(tmp_path / 'model', around=str(kept(tmp_path)))
    taken = cycle(asked, {'fake': Fake(model)})

    assert seen[-8:] == [1, 2, 3, 1, 2, 3, 1, 2]  # three go first, untimed
    assert [len(taken[lap]) for lap in ('before_ns', 'model_ns', 'after_ns')] == [5, 5, 5]
    for lap, least in (('before_ns', 5.9e6), ('model_ns', 1.9e6), ('after_ns', 2.9e6)):
        assert min(taken[lap]) >= least and np.median(taken[lap]) < 3 * least
    assert min(taken['time_ns']) >= 1.9e6 and np.median(taken['time_ns']) < 5.7e6  # the model alone, as ever


def test_what_is_not_told_about_is_not_measured(tmp_path: Path) -> None:
    assert 'model_ns' not in cycle(request(tmp_path), {'fake': Fake(lambda x: (x,))})


def test_python_that_fails_costs_its_laps_and_nothing_else(tmp_path: Path) -> None:
    folder = kept(tmp_path)
    own = folder / 'python/models/x.py'
    own.write_text(own.read_text().replace("return outputs['y']", "return outputs['z']"))
    taken = cycle(request(tmp_path / 'model', around=str(folder)), {'fake': Fake(lambda x: (x,))})

    assert len(taken['time_ns']) == 5 and 'model_ns' not in taken
    assert why_not([cycle_of(taken)]).startswith("models/x.py:after failed: models/x.py:18: KeyError: 'z'")


@pytest.mark.parametrize(
    ('old', 'new', 'words'),
    [
        ('(1, 3)', '(2, 3)', r'before of request 0: x is float32 \[2, 3\]; the model takes x float32 \[batch, 3\]'),
        ('np.float32', 'np.float64', 'x is float64'),
        ("{'x':", "{'pixels':", 'gave pixels; the model takes x'),
        ("(folder / 'texts.txt').read_text().split()", '[]', 'must give a list of requests, not list'),
        ('time.sleep(0.006)', 'text.decode()', "AttributeError: 'str' object has no attribute 'decode'"),
        ('def before', 'def earlier', "has no function 'before'; it has: requests, earlier, after"),
    ],
)
def test_what_the_model_does_not_take_is_refused_before_anything_is_measured(
    tmp_path: Path, old: str, new: str, words: str
) -> None:
    with pytest.raises(StepError, match=words):
        kept(tmp_path, PYTHON.replace(old, new))


def test_what_is_left_of_a_speed_end_to_end_is_the_ratio_of_the_sums(tmp_path: Path) -> None:
    def taken(model: int) -> Any:
        return cycle_of({'time_ns': [model], 'before_ns': [3000], 'model_ns': [model], 'after_ns': [1000]})

    whole = whole_of([taken(1000), taken(1010)], [taken(4000), taken(4040)], 99, is_baseline=False)

    assert whole is not None and whole.speed is not None
    assert whole.whole.mean == pytest.approx(5005) and whole.around == pytest.approx(1 - 1005 / 5005)
    assert whole.speed.value == pytest.approx(((8000 / 5000) * (8040 / 5010)) ** 0.5)  # four times as fast a model


def test_functions_of_two_files_are_refused_with_both_named(tmp_path: Path) -> None:
    names = 'around: {requests: models/a.py:requests, before: models/tiny.py:before}\nbenchmark:'
    project = small_project(tmp_path, RECIPE.replace('benchmark:', names))
    (tmp_path / 'recipes/models/a.py').write_text('')

    with pytest.raises(RecipeError, match=r'functions of `models/a\.py`, `models/tiny\.py`; expected one file'):
        read_recipe(project.recipe, project.root)


AROUND = """
import numpy as np


def requests():
    return ['1 2', '3 4']


def before(text):
    return {'row': np.full((1, 16), sum(map(int, text.split())), np.float32)}
"""


@pytest.mark.torch
@pytest.mark.onnx
@pytest.mark.slow
def test_a_recipe_that_names_its_python_gets_whole_requests_in_report_and_samples(tmp_path: Path) -> None:
    import json

    recipe = RECIPE.replace(
        'benchmark:', 'around: {requests: models/a.py:requests, before: models/a.py:before}\nbenchmark:'
    )
    project = small_project(tmp_path, recipe)
    (tmp_path / 'recipes/models/a.py').write_text(AROUND)

    ran = project.doit()

    assert ran.code == 0, ran.text
    samples = json.loads((tmp_path / 'artifacts/tiny/samples.json').read_text())['variants']
    assert all(len(c['before_ns']) == len(c['model_ns']) == 3 for [row] in samples.values() for c in row['cycles'])
    assert 'A whole request takes' in (tmp_path / 'artifacts/tiny/report.md').read_text()
    rows = json.loads((tmp_path / 'artifacts/tiny/report.json').read_text())['rows']
    assert all(row['whole_ns']['whole']['mean'] > row['whole_ns']['model']['mean'] for row in rows)
    assert project.doit().built == []

    (tmp_path / 'recipes/models/a.py').write_text(AROUND.replace('(1, 16)', '(1, 15)'))
    ran = project.doit()

    assert ran.code == 4 and 'whole requests are not measured' in ran.text
    assert 'models/a.py:before of request 0: row is float32 [1, 15]' in ran.text
