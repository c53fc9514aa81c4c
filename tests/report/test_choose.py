"""Who is chosen, who never is, and what is said of it."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from tests.report.example import chosen, findings


@pytest.fixture(scope='module')
def example() -> dict[str, Any]:
    return findings()


def test_the_fastest_variant_within_the_bounds_is_chosen(example: dict[str, Any]) -> None:
    choice = chosen(example)
    assert (choice.name, choice.threads) == ('ov-int8', 1)
    assert choice.refused['ort-int8'] == 'top1 is 2.0 points lower, allowed 1'
    assert choice.refused['torch'] == 'peak memory 312 MiB, allowed 300 MiB'


def test_a_failed_variant_is_never_chosen_even_when_it_is_the_fastest(example: dict[str, Any]) -> None:
    changed = copy.deepcopy(example)
    best = next(v for v in changed['variants'] if v['name'] == 'ov-int8')
    best |= {'status': 'failed', 'failure': {'step': 'openvino', 'reason': 'killed: out of memory'}}
    choice = chosen(changed)
    assert choice.name == 'ov' and choice.refused['ov-int8'] == 'failed at openvino: killed: out of memory'


def test_a_variant_that_fails_its_accuracy_bound_is_never_chosen(example: dict[str, Any]) -> None:
    changed = copy.deepcopy(example)
    best = next(v for v in changed['variants'] if v['name'] == 'ov-int8')
    best['accuracy_failed'] = 'top1 fell by 4 points, allowed 1'
    assert chosen(changed).name == 'ov'
    words = 'leaves the tolerance: the cosine similarity is 0.5, less than 0.98'
    best |= {'accuracy_failed': None, 'too_far': {'step': 'openvino-1a2b', 'reason': words}}
    choice = chosen(changed)
    assert choice.name == 'ov' and choice.refused['ov-int8'].endswith(words)


def test_nothing_is_chosen_when_nothing_keeps_the_bounds(example: dict[str, Any]) -> None:
    choice = chosen(example | {'asked': {'fastest': 'latency', 'within': {'size': 1000}}})
    assert choice.name is None and choice.reason == (
        "9 variants were built and none may be shipped: 9 outside of the recipe's bounds"
    )
    assert set(choice.refused) == {v['name'] for v in example['variants']}


def test_equal_bytes_are_one_winner(example: dict[str, Any]) -> None:
    changed = copy.deepcopy(example)
    twin = copy.deepcopy(next(v for v in changed['variants'] if v['name'] == 'ov-int8')) | {'name': 'twin'}
    changed['variants'].append(twin)
    choice = chosen(changed)
    assert choice.name == 'ov-int8' and choice.same == ('twin',) and choice.ties == ()


@pytest.mark.parametrize(('figure', 'name'), [('peak_memory', 'tflite'), ('size', 'ov-int8')])
def test_the_figure_to_make_small_is_the_recipes(example: dict[str, Any], figure: str, name: str) -> None:
    assert chosen(example | {'asked': {'fastest': figure, 'within': {'accuracy_drop': 0.01}}}).name == name


def test_an_unmeasured_accuracy_does_not_keep_a_bound_on_it(example: dict[str, Any]) -> None:
    changed = copy.deepcopy(example)
    for variant in changed['variants'][1:]:
        variant['check'] = None
    choice = chosen(changed | {'asked': {'fastest': 'latency', 'within': {'accuracy_drop': 0.01}}})
    assert choice.name == 'torch'


def test_every_thread_count_competes() -> None:
    assert (chosen(findings(threads=(1, 2))).name, chosen(findings(threads=(1, 2))).threads) == ('ov-int8', 2)


def test_a_metric_that_falls_when_it_is_better_is_judged_the_other_way(example: dict[str, Any]) -> None:
    changed = copy.deepcopy(example)
    for variant in changed['variants'][:-1]:
        error = {'torch': 2.0, 'ov-int8': 2.7, 'ov': 1.2}.get(variant['name'], 2.0)
        variant['check']['metric'] = {'name': 'error', 'value': error, 'n': 512, 'better': 'lower', 'percent': False}
    choice = chosen(changed | {'metric': 'error', 'asked': {'within': {'accuracy_drop': 0.5}}})
    assert choice.name == 'ort-int8'
    assert choice.refused['ov-int8'] == 'error is 0.700 higher, allowed 0.5' and 'ov' not in choice.refused


def test_nothing_is_chosen_by_a_metric_that_could_not_be_computed(example: dict[str, Any]) -> None:
    changed = copy.deepcopy(example)
    for variant in changed['variants'][1:-1]:
        variant['check']['metric'] = None  # its agreement is there, and says nothing of top1
    choice = chosen(changed | {'asked': {'within': {'accuracy_drop': 0.01}}})
    assert choice.name == 'torch'
    assert choice.refused['ov'] == 'its top1 was not measured, and the recipe bounds the drop'


def test_what_was_built_and_could_not_be_measured_is_not_said_to_be_missing(example: dict[str, Any]) -> None:
    changed = copy.deepcopy(example)
    for variant in changed['variants']:
        variant |= {'measured': [], 'unmeasured': [{'threads': 1, 'reason': 'it ended with exit code 1'}]}
    assert chosen(changed).reason == (
        '9 variants were built and none may be shipped: 9 not measured, because measuring failed'
    )
    changed['variants'] = changed['variants'][-1:]
    assert chosen(changed).reason == 'no variant was built'


def test_a_choice_by_throughput_is_made_among_rows_of_that_scenario_alone() -> None:
    found = findings()
    found['asked'] = {'fastest': 'offline', 'within': {}}
    for variant in found['variants']:
        for one in list(variant['measured']):  # OpenVINO is held back: ONNX Runtime answers the most
            slower = 3 if variant['name'] == 'ov-int8' else 0.5
            cycles = [{**cycle, 'time_ns': [int(slower * sum(cycle['time_ns'])) or 1], 'inner': 100}
                      for cycle in one['cycles']]  # fmt: skip
            variant['measured'].append({**one, 'scenario': 'offline', 'cycles': cycles})

    choice = chosen(found)
    assert (choice.name, choice.setting and choice.setting.scenario) == ('ort-int8', 'offline')
    assert 'highest throughput (' in choice.reason and 'a second)' in choice.reason


@pytest.mark.parametrize('apart', [{'isa': 'avx2'}, {'sizes': [['length', 8]]}])
def test_what_was_measured_on_a_weaker_cpu_or_a_shorter_input_is_never_the_winner(apart: dict[str, Any]) -> None:
    found = findings()
    faster = next(variant for variant in found['variants'] if variant['name'] == 'tflite')
    cycles = [{**cycle, 'time_ns': [1000] * 100} for cycle in faster['measured'][0]['cycles']]
    faster['measured'].append({**faster['measured'][0], **apart, 'cycles': cycles})

    assert chosen(found).name == chosen(findings()).name
