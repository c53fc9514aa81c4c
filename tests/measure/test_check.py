from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from stages.errors import StepError
from stages.measure.check import check
from tests.measure.fakes import IMAGE, Fake


def checked(tmp_path: Path, fake: Fake, name: str = 'variant', **more):
    asked = {'engine': 'fake', 'folder': '', 'signature': [IMAGE], 'output': str(tmp_path / name)}
    return check({**asked, **more}, {'fake': fake})


def data(tmp_path: Path, n: int = 40) -> str:
    x = np.random.default_rng(0).standard_normal((n, 3)).astype(np.float32)
    np.savez(tmp_path / 'data.npz', x=x, labels=x.argmax(-1))
    return str(tmp_path / 'data.npz')


def test_a_static_model_is_run_row_by_row_and_agrees_with_the_dynamic_one(tmp_path: Path) -> None:
    evaluate = data(tmp_path)
    checked(tmp_path, Fake(lambda x: (x * 2,)), 'source', evaluate=evaluate, metric='top1')
    reference = str(tmp_path / 'source/outputs.npz')
    for batch in (1, 7):
        one = Fake(lambda x: (x * 2,), batch)
        found = checked(tmp_path, one, evaluate=evaluate, metric='top1', reference=reference)
        assert found['difference']['max_abs'] == 0
        assert found['metric']['value'] == found['agreement']['value'] == 1
        assert found['metric']['n'] == 40 and found['samples'] == 16
    assert found == json.loads((tmp_path / 'variant/check.json').read_text())


def test_a_batch_that_the_format_hides_is_found_by_running(tmp_path: Path) -> None:
    silent = Fake(lambda x: (x,), 1)
    silent.inputs = ()
    assert checked(tmp_path, silent)['outputs'] == [{'name': 'y', 'shape': [16, 3], 'dtype': 'float32'}]


def test_a_wrong_output_is_a_figure_and_no_exception(tmp_path: Path) -> None:
    checked(tmp_path, Fake(lambda x: (x,)), 'source')
    found = checked(tmp_path, Fake(lambda x: (x * np.nan,)), reference=str(tmp_path / 'source/outputs.npz'))
    assert found['difference']['finite'] is False


def test_a_model_for_another_machine_is_run_on_a_few_samples_under_an_emulator(tmp_path: Path) -> None:
    evaluate = data(tmp_path)
    checked(tmp_path, Fake(lambda x: (x * 2,)), 'source', evaluate=evaluate, metric='top1')
    foreign = Fake(lambda x: (x * 2 + 1,), home='aarch64 Linux')
    found = checked(tmp_path, foreign, evaluate=evaluate, metric='top1', reference=str(tmp_path / 'source/outputs.npz'))
    assert found['foreign'] == 'aarch64 Linux' and found['samples'] == 2 and found['metric'] is None
    assert found['difference']['max_abs'] == pytest.approx(1, abs=1e-6)


def test_without_an_emulator_it_is_left_unchecked_and_says_for_which_machine_it_is(tmp_path: Path) -> None:
    found = checked(tmp_path, Fake(lambda x: (x,), home='aarch64 Linux', absent='no emulator'))
    assert found['difference'] is None and found['foreign'] == 'aarch64 Linux'
    assert found == json.loads((tmp_path / 'variant/check.json').read_text())


def test_a_metric_without_labels_says_what_is_missing(tmp_path: Path) -> None:
    np.savez(tmp_path / 'data.npz', x=np.zeros((2, 3), np.float32))
    with pytest.raises(StepError, match='labels'):
        checked(tmp_path, Fake(lambda x: (x,)), evaluate=str(tmp_path / 'data.npz'), metric='top1')


def judge(folder: Path, text: str) -> dict[str, object]:
    (folder / 'models').mkdir()
    (folder / 'models/judge.py').write_text(text)
    where = {'file': 'models/judge.py', 'function': 'score'}
    return {'python': str(folder), 'metric': {'of': 'score', 'python': where}}


def test_a_recipe_may_judge_with_a_function_of_its_own(tmp_path: Path) -> None:
    asked = judge(tmp_path, 'def score(outputs, data):\n    return outputs["twice"].argmax(-1) == data["labels"]\n')
    found = checked(tmp_path, Fake(lambda x: (x * 2,)), evaluate=data(tmp_path), outputs=['twice'], **asked)
    assert (found['metric']['name'], found['metric']['value'], found['metric']['n']) == ('score', 1.0, 40)


def test_a_judge_that_gives_no_number_is_named(tmp_path: Path) -> None:
    asked = judge(tmp_path, 'def score(outputs, data):\n    return float("nan")\n')
    with pytest.raises(StepError, match=r'models/judge.py:score returned'):
        checked(tmp_path, Fake(lambda x: (x,)), evaluate=data(tmp_path), **asked)


class Counter(Fake):
    """Adds each sample to its state."""

    def run(self, feed):
        total = feed['state'] + feed['x']
        return total, total


def test_state_is_carried_from_sample_to_sample_and_starts_at_zero(tmp_path: Path) -> None:
    x = np.ones((4, 3), np.float32)
    np.savez(tmp_path / 'data.npz', x=x, truth_last=np.full(3, 4.0))
    asked = judge(tmp_path, 'def score(outputs, data):\n    return (outputs["sum"][-1] == data["truth_last"]).mean()\n')
    state = {'name': 'state', 'shape': ['batch', 3], 'dtype': 'float32'}
    found = checked(
        tmp_path, Counter(lambda x: (x,)), evaluate=str(tmp_path / 'data.npz'), outputs=['sum', 'next'],
        signature=[IMAGE, state], carries={'state': 'next'}, **asked,
    )  # fmt: skip
    assert found['metric']['value'] == 1.0
