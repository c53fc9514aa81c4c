"""What failed, told once and truly: a shared step, what is too far from its source, a measurement."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from stages.report import read_findings, rows_of
from tests.report.example import findings, written


def variant(document: dict[str, Any], name: str) -> dict[str, Any]:
    return next(one for one in document['variants'] if one['name'] == name)


def section(folder: Path, title: str) -> str:
    text = (folder / 'report.md').read_text(encoding='utf-8')
    return text.partition(f'## {title}\n')[2].partition('\n## ')[0]


def test_a_shared_step_that_fails_is_told_once_with_all_that_it_takes_along(tmp_path: Path) -> None:
    document = findings(cycles=2)
    failure = {'step': 'onnx-1a2b3c4d', 'reason': 'the exporter was killed', 'repeat': 'modelkiln repeat onnx-1a2b3c4d'}
    for name in ('ort', 'ort-int8', 'ov'):
        variant(document, name).update(status='failed', failure=failure, measured=[])
    written(document, tmp_path)
    told = section(tmp_path, 'Failed')
    assert told.count('the exporter was killed') == 1
    assert 'onnx-1a2b3c4d failed, and with it ort, ort-int8, ov: the exporter was killed.' in told
    assert section(tmp_path, 'How to repeat').count('modelkiln repeat onnx-1a2b3c4d') == 1
    assert section(tmp_path, 'Variants').count('the exporter was killed') == 1


def test_what_is_too_far_from_its_source_shows_its_speed_and_is_never_chosen(tmp_path: Path) -> None:
    document = findings(cycles=2)
    words = 'leaves the tolerance: the cosine similarity is 0.5000, less than 0.98'
    variant(document, 'ov-int8')['too_far'] = {'step': 'openvino-quantize-1a2b', 'reason': words}
    assert written(document, tmp_path).name == 'ov'
    row = next(r for r in json.loads((tmp_path / 'report.json').read_text())['rows'] if r['variant'] == 'ov-int8')
    assert row['latency_ns']['mean'] > 0 and row['speed']['value'] > 3
    assert (row['status'], row['verdict']) == ('failed', 'too far from the source')
    assert f'ov-int8 is too far from the source: {words}.' in section(tmp_path, 'Failed')


def test_a_failed_measurement_is_a_line_below_failed_also_of_the_baseline(tmp_path: Path) -> None:
    document = findings(threads=(1, 2))
    for name in ('torch', 'tflite'):
        one = variant(document, name)
        one |= {'measured': one['measured'][:1], 'unmeasured': [{'threads': 2, 'reason': 'the output is wrong'}]}
    written(document, tmp_path)
    assert '- torch (2 threads), tflite (2 threads): measuring failed: the output is wrong.' in section(
        tmp_path, 'Failed'
    )
    rows = [row for row in rows_of(read_findings(document)) if row.variant == 'tflite']
    assert [(row.threads, row.verdict, row.word) for row in rows] == [
        (1, 'slower', ''), (2, 'not measured', 'measuring failed'),
    ]  # fmt: skip


def test_a_bound_that_the_data_cannot_test_is_said_beside_the_flags(tmp_path: Path) -> None:
    written(findings(cycles=2) | {'asked': {'fastest': 'latency', 'within': {'accuracy_drop': 0.001}}}, tmp_path)
    assert 'a drop of 0.001 in top1 cannot be tested on 512 answers' in section(
        tmp_path, 'Can these numbers be trusted?'
    )
