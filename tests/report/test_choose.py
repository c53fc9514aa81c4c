"""Who is chosen, who never is, and what is said of it."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from stages.report import choose
from tests.report.example import findings


@pytest.fixture(scope='module')
def example() -> dict[str, Any]:
    return findings()


def test_the_fastest_variant_within_the_bounds_is_chosen(example: dict[str, Any]) -> None:
    choice = choose(example)
    assert (choice.name, choice.threads) == ('ov-int8', 1)
    assert choice.refused['ort-int8'] == 'top1 is 2.0 points lower, allowed 1'
    assert choice.refused['torch'] == 'peak memory 312 MiB, allowed 300 MiB'


def test_a_failed_variant_is_never_chosen_even_when_it_is_the_fastest(example: dict[str, Any]) -> None:
    changed = copy.deepcopy(example)
    best = next(v for v in changed['variants'] if v['name'] == 'ov-int8')
    best |= {'status': 'failed', 'failure': {'step': 'openvino', 'reason': 'killed: out of memory'}}
    choice = choose(changed)
    assert choice.name == 'ov' and choice.refused['ov-int8'] == 'failed at openvino: killed: out of memory'


def test_a_variant_that_fails_its_accuracy_bound_is_never_chosen(example: dict[str, Any]) -> None:
    changed = copy.deepcopy(example)
    best = next(v for v in changed['variants'] if v['name'] == 'ov-int8')
    best['accuracy_failed'] = 'top1 fell by 4 points, allowed 1'
    assert choose(changed).name == 'ov'
    best['accuracy_failed'], best['check']['difference']['cosine'] = None, 0.5
    assert 'cosine similarity 0.5' in choose(changed).refused['ov-int8']


def test_nothing_is_chosen_when_nothing_keeps_the_bounds(example: dict[str, Any]) -> None:
    choice = choose(example | {'choose': {'fastest': 'latency', 'within': {'size': 1000}}})
    assert choice.name is None and choice.reason == 'no variant was built and keeps every bound'
    assert set(choice.refused) == {v['name'] for v in example['variants']}


def test_a_tie_within_the_interval_is_said(example: dict[str, Any]) -> None:
    changed = copy.deepcopy(example)
    twin = copy.deepcopy(next(v for v in changed['variants'] if v['name'] == 'ov-int8')) | {'name': 'twin'}
    changed['variants'].append(twin)
    choice = choose(changed)
    assert choice.name == 'ov-int8' and 'a tie within the interval with twin' in choice.reason


@pytest.mark.parametrize(('figure', 'name'), [('peak_memory', 'tflite'), ('size', 'ov-int8')])
def test_the_figure_to_make_small_is_the_recipes(example: dict[str, Any], figure: str, name: str) -> None:
    assert choose(example | {'choose': {'fastest': figure, 'within': {'accuracy_drop': 0.01}}}).name == name


def test_an_unmeasured_accuracy_does_not_keep_a_bound_on_it(example: dict[str, Any]) -> None:
    changed = copy.deepcopy(example)
    for variant in changed['variants'][1:]:
        variant['check'] = None
    choice = choose(changed | {'choose': {'fastest': 'latency', 'within': {'accuracy_drop': 0.01}}})
    assert choice.name == 'torch'


def test_every_thread_count_competes() -> None:
    assert (choose(findings(threads=(1, 2))).name, choose(findings(threads=(1, 2))).threads) == ('ov-int8', 2)
