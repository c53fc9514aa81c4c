from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from stages.contract.job import Job
from stages.contract.port import Contract, Port, contract_of
from stages.errors import StepError
from stages.feed.npz import write_npz
from stages.feed.samples import made_up
from stages.measure.check import Params, check
from stages.measure.figures import Check, read_check
from tests.measure.fakes import Fake, X, model


class Bench:
    """Checks models of one contract against the first of them."""

    def __init__(self, folder: Path, contract: Contract = X, **data: np.ndarray) -> None:
        self.folder, self.contract, self.inputs = folder, contract, {}
        given = {port.name: data[port.name] for port in contract.inputs if port.name in data}
        for role, arrays in (('probe', given or made_up(contract, contract.sizes)), ('evaluate', data)):
            if arrays:
                (folder / role).mkdir()
                write_npz(folder / role / 'data.npz', arrays)
                self.inputs[role] = folder / role

    def check(self, name: str, fake: Fake, contract: Contract | None = None, **params: object) -> Check:
        said = contract or self.contract
        inputs = {**self.inputs, 'model': model(self.folder / f'{name}-model', said)}
        job = Job(inputs, self.folder / name, said, lambda *_: None)
        found = check(Params('fake', **params), job, {'fake': fake})
        self.inputs.setdefault('reference', self.folder / name)
        return found


ROWS = np.random.default_rng(0).standard_normal((40, 3)).astype(np.float32)


def test_a_model_of_fixed_rows_agrees_with_one_that_takes_any_number(tmp_path: Path) -> None:
    bench = Bench(tmp_path, x=ROWS, labels=ROWS.argmax(-1))
    bench.check('source', Fake(lambda x: (x * 2,)), metric={'of': 'top1'})
    for rows in (1, 7):
        static = replace(X.fixed(rows), outputs=X.outputs)
        found = bench.check(f'of-{rows}', Fake(lambda x: (x * 2,), rows), static, metric={'of': 'top1'})
        assert found.difference.max_abs == 0
        assert found.metric.value == found.agreement.value == 1
        assert found.metric.n == 40 and found.samples == 16
        assert found == read_check((tmp_path / f'of-{rows}/check.json').read_text())
        assert contract_of(found.contract).outputs[0].shape == (rows, 3)


def test_outputs_of_any_axes_are_compared_and_told_as_they_are(tmp_path: Path) -> None:
    table = np.arange(14.0).reshape(7, 2)
    contract = replace(X, outputs=(Port('y', (), ''), Port('state', (), ''), Port('table', (), '')))
    found = Bench(tmp_path, contract).check('source', Fake(lambda x: (x, x[None], table)))
    told = contract_of(found.contract).outputs
    assert [port.shape for port in told] == [('batch', 3), (1, 'batch', 3), (7, 2)]
    assert [port.batch for port in told] == [0, 1, None]


def test_outputs_whose_size_hangs_on_the_sample_are_compared_one_by_one(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    bench.check('source', Fake(lambda x: (x[x > 0],)))
    assert bench.check('same', Fake(lambda x: (x[x > 0],))).difference.max_abs == 0
    fewer = bench.check('fewer', Fake(lambda x: (x[x > 0.5],))).difference
    assert fewer.failure is None and 0 < fewer.cosine < 1


def test_rows_that_are_mixed_with_each_other_are_asked_one_at_a_time(tmp_path: Path) -> None:
    bench = Bench(tmp_path, x=ROWS, labels=ROWS.argmax(-1))
    turned = Fake(lambda x: (x[::-1],))  # alone each row is itself; among others it is another's
    found = bench.check('source', turned, metric={'of': 'top1'})
    assert found.metric.value == 1
    assert contract_of(found.contract).inputs[0].shape == ('batch', 3)  # it takes any number all the same


def test_many_samples_are_asked_in_even_feeds_of_which_the_model_computes_none_for_nothing(tmp_path: Path) -> None:
    fed: list[int] = []
    doubled = Fake(lambda x: (fed.append(len(x)), (x * 2,))[1])
    for count, feeds in ((8, [8]), (40, [14, 14, 14])):
        (folder := tmp_path / str(count)).mkdir()
        found = Bench(folder, x=ROWS[:count], labels=ROWS[:count].argmax(-1)).check(
            'source', doubled, metric={'of': 'top1'}
        )
        assert (found.metric.value, found.metric.n) == (1, count)
        assert fed[-len(feeds) :] == feeds and sum(fed) <= count + 3 + sum(feeds)
        fed.clear()


def test_a_model_made_for_one_length_is_held_against_what_the_source_says_to_texts_of_that_length(
    tmp_path: Path,
) -> None:
    texts = Contract((Port('x', ('batch', 'length'), 'float32'),), (Port('y', (), ''),), sizes={'length': 3})
    summed = Fake(lambda x: (x / np.abs(x).sum(1, keepdims=True),))
    bench = Bench(tmp_path, texts, x=np.random.default_rng(0).standard_normal((5, 9)).astype(np.float32))
    agreed = {'metric': {'of': 'agreement'}, 'sizes': {'length': 2}}
    bench.check('source', summed, **agreed)
    found = bench.check('of-2', summed, replace(texts, sizes={'length': 2}).fixed(), **agreed)
    assert found.difference.failure is None and found.difference.max_abs == 0
    assert (found.agreement.value, found.agreement.n) == (1, 5)


def test_a_source_of_fixed_rows_shows_where_its_outputs_count_them(tmp_path: Path) -> None:
    contract = replace(X.fixed(4), outputs=(Port('y', (), ''), Port('state', (), ''), Port('table', (), '')))
    fake = Fake(lambda x: (x * 1e-3 + 1, x[None], np.ones((4, 2))), 4)  # answers that differ by little
    bench = Bench(tmp_path, contract, x=ROWS, labels=ROWS.argmax(-1))
    found = bench.check('source', fake, metric={'of': 'top1'})
    assert [port.batch for port in contract_of(found.contract).outputs] == [0, 1, None]
    assert (found.metric.value, found.metric.n) == (1, 40)


def test_few_samples_do_not_make_a_model_one_that_takes_a_single_row(tmp_path: Path) -> None:
    found = Bench(tmp_path, x=ROWS[:2]).check('source', Fake(lambda x: (x,)))
    assert contract_of(found.contract).inputs[0].shape == ('batch', 3)


def test_a_batch_that_the_format_hides_is_found_by_running(tmp_path: Path) -> None:
    found = Bench(tmp_path).check('source', Fake(lambda x: (x,), 1))
    assert contract_of(found.contract).inputs[0].shape == (1, 3)


def test_inputs_without_a_batch_are_fed_as_they_are(tmp_path: Path) -> None:
    sound = Contract((Port('sound', ('samples',), 'float32'),), (Port('y', (), ''),), sizes={'samples': 400})
    seen = []
    Bench(tmp_path, sound).check('source', Fake(lambda x: (seen.append(x.shape), x.sum())[1:]))
    assert set(seen) == {(400,)}


def test_a_wrong_output_is_a_figure_and_no_exception(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    bench.check('source', Fake(lambda x: (x,)))
    assert 'nan' in bench.check('wrong', Fake(lambda x: (x * np.nan,))).difference.failure


def test_a_model_for_another_machine_is_run_on_a_few_samples_under_an_emulator(tmp_path: Path) -> None:
    bench = Bench(tmp_path, x=ROWS, labels=ROWS.argmax(-1))
    bench.check('source', Fake(lambda x: (x * 2,)), metric={'of': 'top1'})
    found = bench.check('arm', Fake(lambda x: (x * 2 + 1,), home='aarch64 Linux'), metric={'of': 'top1'})
    assert found.foreign == 'aarch64 Linux' and found.samples == 2 and found.metric is None
    assert found.difference.max_abs == pytest.approx(1, abs=1e-6)


def test_without_an_emulator_it_is_left_unchecked_and_says_for_which_machine_it_is(tmp_path: Path) -> None:
    found = Bench(tmp_path).check('arm', Fake(lambda x: (x,), home='aarch64 Linux', absent='no emulator'))
    assert found.difference is None and found.foreign == 'aarch64 Linux'


def test_a_metric_without_labels_says_what_is_missing(tmp_path: Path) -> None:
    with pytest.raises(StepError, match='labels'):
        Bench(tmp_path, x=ROWS).check('source', Fake(lambda x: (x,)), metric={'of': 'top1'})


def judged(bench: Bench, fake: Fake, text: str) -> Check:
    (bench.folder / 'models').mkdir()
    (bench.folder / 'models/judge.py').write_text(text)
    bench.inputs['python'] = bench.folder
    return bench.check(
        'source', fake, metric={'of': 'score', 'python': {'file': 'models/judge.py', 'function': 'score'}}
    )


def test_a_recipe_may_judge_with_a_function_of_its_own(tmp_path: Path) -> None:
    text = 'def score(outputs, data):\n    return outputs["y"].argmax(-1) == data["labels"]\n'
    found = judged(Bench(tmp_path, x=ROWS, labels=ROWS.argmax(-1)), Fake(lambda x: (x * 2,)), text)
    assert (found.metric.name, found.metric.value, found.metric.n) == ('score', 1.0, 40)


def test_a_judge_that_gives_no_number_is_named(tmp_path: Path) -> None:
    with pytest.raises(StepError, match=r'score returned'):
        judged(Bench(tmp_path, x=ROWS), Fake(lambda x: (x,)), 'def score(o, data):\n    return float("nan")\n')


def test_state_is_carried_from_sample_to_sample_and_starts_at_zero(tmp_path: Path) -> None:
    state = Port('state', ('batch', 3), 'float32', carries='next')
    contract = Contract((*X.inputs, state), (Port('sum', (), ''), Port('next', (), '')))
    bench = Bench(tmp_path, contract, x=np.ones((4, 3), np.float32), truth_last=np.full(3, 4.0))
    text = 'def score(outputs, data):\n    return (outputs["sum"][-1] == data["truth_last"]).mean()\n'
    assert judged(bench, Fake(lambda x, s: (x + s, x + s)), text).metric.value == 1.0
