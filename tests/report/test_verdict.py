"""How far a choice is trusted: the grade, its reasons, the four facts, the budget."""

from __future__ import annotations

import copy
import json
from typing import Any

import numpy as np
import pytest
from scipy.stats import ttest_1samp

from stages.report import read_findings, write_report
from tests.report.example import chosen, findings, judged


@pytest.fixture
def example() -> dict[str, Any]:
    return copy.deepcopy(findings())


def named(document: dict[str, Any], name: str) -> dict[str, Any]:
    return next(variant for variant in document['variants'] if variant['name'] == name)


def scaled(document: dict[str, Any], name: str, factor: float, places: tuple[int, ...] = ()) -> None:
    """Make a variant's processes slower: all of them, or those at ``places``."""
    for taken in named(document, name)['measured']:
        for place, cycle in enumerate(taken['cycles']):
            if not places or place in places:
                cycle['time_ns'] = [round(value * factor) for value in cycle['time_ns']]


def test_what_is_shown_faster_keeps_its_bounds_and_had_the_cpu_is_shipped(example: dict[str, Any]) -> None:
    found = judged(example)
    assert (found.grade, found.headline, found.reasons) == ('ship', 'Ship ov-int8', ())
    assert found.speed and found.speed.low and found.speed.low > 4
    assert found.speed_words.startswith('4.39× faster than torch (')
    assert found.accuracy.words == 'top1 77 % (74–81), n = 512, source 78 %'
    assert (
        found.trust.doubts == ()
        and found.trust.words == '6 processes of each, in turn; they had the CPU 99 % of the time'
    )


def test_a_process_without_the_cpu_makes_it_repeat(example: dict[str, Any]) -> None:
    for cycle in named(example, 'ov-int8')['measured'][0]['cycles']:
        cycle['wall_ns'] = 2 * cycle['cpu_ns']
    found = judged(example)
    assert (found.grade, found.headline) == ('repeat', 'Repeat before you ship ov-int8')
    assert found.reasons == ('ov-int8: its processes had the CPU only 50% of the time; stop other work.',)


def test_of_twenty_answers_nobody_can_say_that_a_point_is_kept(example: dict[str, Any]) -> None:
    for variant in example['variants'][:-1]:
        pair = None if variant['name'] == 'torch' else {'samples': 20, 'lost': 0, 'won': 0}
        variant['check']['metric'] = {'name': 'top1', 'value': 0.9, 'n': 20, 'hits': 18, 'paired': pair}
    found = judged(example)
    assert found.grade == 'repeat' and found.accuracy.judgement == 'not shown to be as good'
    assert 'allowed 1.0 points: 20 answers do not show more' in found.reasons[0]
    assert found.accuracy.words == 'top1 90 % (70–97), n = 20, source 90 %'


def test_a_float_form_with_the_same_answers_needs_no_metric(example: dict[str, Any]) -> None:
    for variant in example['variants'][:-1]:
        variant['check'] |= {'metric': None, 'agreement': None}
    example |= {'metric': '', 'asked': {'fastest': 'latency', 'within': {}, 'max_drop': None}}
    found = judged(example)
    assert found.grade == 'repeat' and found.reasons == ('its accuracy was not measured, and it computes in int8.',)
    example['variants'] = [one for one in example['variants'] if one['precision'] == 'f32']
    assert judged(example).grade == 'ship' and judged(example).accuracy.judgement == 'the same answers'


def test_where_nothing_is_shown_faster_the_source_stays(example: dict[str, Any]) -> None:
    example['variants'] = [named(example, 'torch'), named(example, 'paddle')]
    example['asked'] = {'fastest': 'latency', 'within': {}}
    found = judged(example)
    assert (found.grade, found.headline) == ('stay', 'No clear winner: stay with torch')
    assert found.reasons == ('no variant that may be shipped is shown to be faster; not decided: paddle.',)
    assert found.notes == ('paddle: not shown to differ from torch, which has the simplest chain.',)


def test_where_all_are_shown_slower_the_source_is_no_unclear_winner(example: dict[str, Any]) -> None:
    example['variants'] = [named(example, 'torch'), named(example, 'tflite')]
    example['asked'] = {'fastest': 'latency', 'within': {}}
    found = judged(example)
    assert (found.grade, found.headline) == ('stay', 'Stay with torch')
    assert found.reasons == ('no variant that may be shipped is shown to be faster.',)


def test_a_variant_on_threads_of_its_own_is_held_against_the_baseline_all_the_same(example: dict[str, Any]) -> None:
    for taken in named(example, 'ov-int8')['measured']:
        taken['threads'] = 2
    found = judged(example)
    assert (found.grade, found.variant, found.threads) == ('ship', 'ov-int8', 2)
    assert found.accuracy.judgement == 'as good'


def test_inside_the_noise_the_simpler_chain_wins_and_it_is_said(example: dict[str, Any]) -> None:
    longer = copy.deepcopy(named(example, 'ov')) | {'name': 'ov-tuned', 'sha256': 'c' * 64}
    longer['stages'] = [*longer['stages'], longer['stages'][-1] | {'kind': 'tune', 'key': 'd' * 64}]
    example['variants'] = [named(example, 'torch'), longer, named(example, 'ov')]
    example['asked'] = {'fastest': 'latency', 'within': {}}
    scaled(example, 'ov-tuned', 0.995)
    choice = chosen(example)
    assert choice.name == 'ov' and choice.ties == ('ov-tuned',)
    assert 'the simplest chain' in choice.reason and choice.rule[1].startswith('Of these the lowest latency: ov-tuned')


def test_the_faster_one_is_not_passed_over_for_the_slower_because_it_is_better_by_much(example: dict[str, Any]) -> None:
    """2.00 times against 2.50 times is no tie."""
    example['variants'] = [named(example, 'torch'), named(example, 'ort'), named(example, 'ov')]
    example['asked'] = {'fastest': 'latency', 'within': {}}
    assert (chosen(example).name, chosen(example).ties) == ('ov', ())


def test_rows_of_another_session_are_shown_and_never_chosen(example: dict[str, Any]) -> None:
    for variant in example['variants']:
        for taken in variant['measured']:
            taken['session'] = 'old' if variant['name'] == 'ov-int8' else 'new'
    choice = chosen(example)
    assert choice.name == 'ov' and 'another session' in choice.refused['ov-int8']


def test_the_front_leaves_out_what_is_beaten_in_everything(example: dict[str, Any]) -> None:
    front = chosen(example).front
    assert 'ov-int8' in front and 'tflite' in front and 'torchscript' not in front


def test_a_budget_that_is_broken_fails_and_one_within_the_noise_is_told(example: dict[str, Any], tmp_path: Any) -> None:
    example['asked']['budget'] = {'latency': 0.005, 'size': 50e6}
    found = judged(example)
    assert found.over == ('ov-int8: latency 5.21 ms, its budget is 5.00 ms',)
    _, written = write_report(read_findings(example), tmp_path, draw=False)
    assert written.over == found.over and 'Over budget, the build fails' in (tmp_path / 'report.md').read_text()
    example['asked']['budget'] = {'latency': 0.0052}
    found = judged(example)
    assert found.over == () and found.notes[-1].endswith('within the noise.')


def test_without_a_winner_every_budget_is_broken(example: dict[str, Any]) -> None:
    example['asked'] = {'fastest': 'latency', 'within': {'size': 1000}, 'budget': {'latency': 1.0}}
    assert judged(example).grade == 'nothing'
    assert judged(example).over == ('the budget of latency is not kept: no variant may be shipped',)


def test_the_rule_can_be_followed_by_hand_from_the_figures_of_the_report(
    example: dict[str, Any], tmp_path: Any
) -> None:
    scaled(example, 'tflite', 0.17)  # about as fast as ov-int8, and a chain as long
    choice, _ = write_report(read_findings(example), tmp_path, draw=False)
    told = json.loads((tmp_path / 'report.json').read_text())
    rows = {row['variant']: row for row in told['rows'] if row['variant'] not in choice.refused}
    logs = {name: np.log(row['cycle_means_ns']) for name, row in rows.items()}
    best = min(logs, key=lambda name: np.exp(logs[name]).mean())
    tied = [best]
    for name in logs.keys() - {best}:
        gap = ttest_1samp(logs[name] - logs[best], 0).confidence_interval(told['speed_level'] / 100)
        tied += [name] * bool(gap.low <= np.log(1.02))
    assert len(tied) > 1
    order = list(rows)
    simplest = min(tied, key=lambda n: (len(rows[n]['steps']), rows[n]['precision'] != 'f32', order.index(n)))
    assert (choice.name, set(choice.ties)) == (simplest, {*tied} - {simplest})
