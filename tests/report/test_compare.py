"""Two builds of a recipe: a loss is said when it is there, and not when only the noise differs."""

from __future__ import annotations

import json
import math
import random
import statistics
import xml.etree.ElementTree as ElementTree
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from stages.errors import PromiseError
from stages.measure.figures import Score
from stages.report.compare import Comparison, compare, lost
from stages.report.compare_page import compare_page
from stages.report.junit import junit
from stages.report.kept import Kept, kept_of, read_kept, small
from stages.report.markdown import markdown
from stages.report.plain import plain
from stages.report.regression import judged, regressed
from tests.report.example import findings, written


def built(folder: Path, document: dict[str, Any], **asked: float) -> Kept:
    """Write a report and read it again, as the next build finds it."""
    folder.mkdir()
    written(document | {'regression': asked}, folder, draw=False)
    return read_kept(folder)


def slowed(document: dict[str, Any], name: str, factor: float) -> dict[str, Any]:
    for variant in document['variants']:
        for taken in variant['measured'] if variant['name'] == name else ():
            for cycle in taken['cycles']:
                cycle['time_ns'] = [int(time * factor) for time in cycle['time_ns']]
    return document


def words(found: Comparison, figure: str = 'latency') -> dict[str, str]:
    return {one.variant: one.word for one in found.changes if one.figure == figure}


def test_a_variant_that_became_a_quarter_slower_has_regressed_and_no_other_has(tmp_path: Path) -> None:
    old = built(tmp_path / 'old', findings(seed=1), latency=0.05)
    new = built(tmp_path / 'new', slowed(findings(seed=2), 'ort', 1.25), latency=0.05)
    found = compare(old, new)
    assert words(found)['ort'] == 'slower' and 'slower' not in {**words(found), 'ort': ''}.values()
    (said,) = regressed(found, new.regression)
    assert said.startswith('ort: latency 14') and 'allowed +5 %' in said


def test_a_slow_hour_slows_the_baseline_too_and_is_no_regression(tmp_path: Path) -> None:
    document = findings(seed=2)
    for variant in document['variants']:
        for taken in variant['measured']:
            for cycle in (*taken['cycles'], *taken['baseline_cycles']):
                cycle['time_ns'] = [int(time * 1.4) for time in cycle['time_ns']]
    found = compare(built(tmp_path / 'a', findings(seed=1)), built(tmp_path / 'b', document, latency=0.01))
    assert regressed(found, found.new.regression) == []


def test_the_same_build_measured_again_regresses_in_none_of_ten_pairs(tmp_path: Path) -> None:
    builds = [built(tmp_path / str(seed), findings(seed=seed), latency=0.0, peak_memory=0.0) for seed in range(11)]
    said = [regressed(compare(one, two), two.regression) for one, two in pairwise(builds)]
    assert sum(map(len, said)) <= 2  # of some 90 comparisons at the 99 % level, and as many of memory at 95 %


def test_the_interval_of_a_change_holds_the_truth_ninety_nine_times_of_a_hundred() -> None:
    rng, hits, rounds = random.Random(4), 0, 5

    def build(true: float) -> Kept:
        logs = [rng.gauss(math.log(true), 0.04) for _ in range(rounds)]
        half = 2.776 * statistics.stdev(logs) / math.sqrt(rounds)
        middle = statistics.fmean(logs)
        speed = {'value': math.exp(middle), 'low': math.exp(middle - half), 'high': math.exp(middle + half)}
        row = {'variant': 'v', 'latency_ns': {'mean': 1.0, 'half': None}, 'cycles': rounds, 'threads': 1}
        row |= {'speed': speed}
        return kept_of({'model': 'm', 'baseline': 'b', 'rows': [row]})

    for _ in range(1000):
        (change,) = compare(build(2.0), build(1.6)).changes
        assert change.ratio and change.ratio.low and change.ratio.high
        hits += change.ratio.low <= 1.25 <= change.ratio.high
    assert hits >= 978  # 990, give or take 3.1; Welch's degrees of freedom are cut to whole ones, which widens


def test_accuracy_of_twenty_answers_cannot_show_a_loss_of_five_points_and_two_thousand_can() -> None:
    few = lost(Score('top1', 0.90, 20, 0.70, 0.97), Score('top1', 0.85, 20, 0.64, 0.95))
    many = lost(Score('top1', 0.90, 2000, 0.886, 0.912), Score('top1', 0.85, 2000, 0.834, 0.865))
    assert few.low is not None and few.low < 0 < few.value
    assert many.low is not None and many.low == pytest.approx(0.05 - math.hypot(0.014, 0.015))
    error = lost(Score('wer', 0.10, None, 0.08, 0.12, 'lower'), Score('wer', 0.15, None, 0.13, 0.17, 'lower'))
    assert error.value == pytest.approx(0.05) and error.low is not None and error.low > 0


def test_what_was_shipped_and_fails_now_is_a_regression_and_what_is_gone_is_none(tmp_path: Path) -> None:
    document = findings(seed=2)
    document['variants'] = [one for one in document['variants'] if one['name'] != 'tflite']
    broken = next(one for one in document['variants'] if one['name'] == 'ov-int8')
    broken |= {'status': 'failed', 'failure': {'step': 'x', 'reason': 'no'}, 'measured': [], 'check': None}
    found = compare(built(tmp_path / 'a', findings(seed=1)), built(tmp_path / 'b', document, size=0.01))
    said = regressed(found, found.new.regression)
    assert any(one.startswith('ov-int8: worked') for one in said) and not any('tflite' in one for one in said)
    assert words(found, 'state')['tflite'] == 'gone'
    assert words(found)['shipped: ov-int8 → ov'] == 'slower'


def test_another_machine_judges_no_speed_and_no_memory_but_size(tmp_path: Path) -> None:
    document = slowed(findings(seed=2), 'ort', 3.0)
    document['machine'] = {**document['machine'], 'cpu': {'model': 'another', 'cores': 8}}
    document['variants'][3]['size_bytes'] *= 2
    asked = {'latency': 0.0, 'size': 0.1, 'peak_memory': 0.0}
    found = compare(built(tmp_path / 'a', findings(seed=1)), built(tmp_path / 'b', document, **asked))
    assert {one.figure for one in judged(found, found.new.regression)} == {'size'}
    (said,) = regressed(found, found.new.regression)
    assert said.startswith('ort: size 44.8 MB → 89.6 MB (+100 %')
    assert 'measured on other machines, AMD EPYC 9B14 with 4 cores and another with 8 cores' in found.notes[0]


def test_where_the_baselines_runtime_moved_a_speed_needs_the_latency_to_agree(tmp_path: Path) -> None:
    document = findings(seed=2)
    for variant in document['variants']:
        for taken in variant['measured']:  # the baseline alone got faster: everything else seems slower
            for cycle in [*taken['baseline_cycles'], *(taken['cycles'] if variant['name'] == 'torch' else ())]:
                cycle['time_ns'] = [int(time * 0.7) for time in cycle['time_ns']]
    document['versions'] = {**document['versions'], 'torch': '2.7.0'}
    found = compare(built(tmp_path / 'a', findings(seed=1)), built(tmp_path / 'b', document, latency=0.05))
    assert regressed(found, found.new.regression) == [] and words(found)['ov'] == 'inconclusive'
    assert 'torch 2.6.0 → 2.7.0' in found.notes[0]


def test_every_form_tells_the_same_regression(tmp_path: Path) -> None:
    old = built(tmp_path / 'old', findings(seed=1))
    new = built(tmp_path / 'new', slowed(findings(seed=2), 'ort', 1.25), latency=0.05, accuracy_drop=0.01)
    found = compare(old, new)
    for text in (markdown(compare_page(found)), plain(compare_page(found))):
        assert '1 regression beyond what the recipe allows' in text and 'ort: latency' in text
    suite = ElementTree.fromstring(junit([found]))[0]
    assert suite.get('failures') == '1' and suite.get('tests') == str(len(suite))
    (failure,) = suite.findall('testcase/failure')
    assert failure.get('message', '').startswith('latency 14')
    assert suite.findall('testcase/skipped'), 'what noise hides is skipped, not passed'


def test_a_small_history_entry_says_what_the_whole_report_says(tmp_path: Path) -> None:
    whole = built(tmp_path / 'a', findings(seed=1), latency=0.05)
    read = json.loads((tmp_path / 'a/report.json').read_text())
    again = kept_of(json.loads(json.dumps(small(read))))
    assert len(json.dumps(small(read))) < 12_000
    assert (again.best and again.best.variant, again.facts, again.machine) == (whole.chosen, whole.facts, whole.machine)
    assert {one.word for one in compare(whole, again).changes} <= {
        'same',
        'same within 2 %',
        'inconclusive',
        'not compared',
    }


@pytest.mark.parametrize('text', ['', '[]', '{}', '{"model": "m", "rows": [1]}', '{"model": "m", "rows": 3}'])
def test_what_is_no_report_is_said_with_its_file(tmp_path: Path, text: str) -> None:
    (tmp_path / 'report.json').write_text(text)
    with pytest.raises(PromiseError, match=r'report\.json: '):
        read_kept(tmp_path)
