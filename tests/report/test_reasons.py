"""A refused or failed variant: its whole reason, readable in every page; a refusal the recipe expects is no alarm."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.report.example import findings, written

SAID = """torch.onnx cannot do this to this model (operator aten::fancy): SymbolicValueError
  Unsupported: ONNX export of operator aten::fancy
  at layer 3 of 7
what to try: write it with known operators, or use exporter: dynamo"""


def refused(status: str) -> dict[str, Any]:
    """The example, its tvm variant refused with a reason of several lines."""
    document = findings()
    said = {'step': 'onnx-1a2b3c4d', 'reason': SAID, 'lines': SAID.splitlines()}
    failure = document['variants'][-1]['failure'] | said
    document['variants'][-1] |= {'status': status, 'failure': failure}
    return document


@pytest.mark.parametrize('status', ['unsupported', 'failed'])
def test_the_whole_reason_stands_line_by_line(tmp_path: Path, status: str) -> None:
    written(refused(status), tmp_path)
    text = (tmp_path / 'report.md').read_text(encoding='utf-8')
    title = {'unsupported': '## Unsupported, as the recipe expects', 'failed': '## Failed'}[status]
    block = text.partition(title)[2].partition('\n## ')[0]
    assert '    Unsupported: ONNX export of operator aten::fancy\n    at layer 3 of 7\n' in block
    assert '- operator: aten::fancy' in block and '- what to try: write it with known operators' in block
    page = (tmp_path / 'report.html').read_text(encoding='utf-8')
    assert '<pre><code>Unsupported: ONNX export of operator aten::fancy\nat layer 3 of 7\n</code></pre>' in page


def test_an_expected_refusal_has_its_row_and_is_no_alarm(tmp_path: Path) -> None:
    choice = written(refused('unsupported'), tmp_path)
    page = (tmp_path / 'report.html').read_text(encoding='utf-8')
    assert '<tr class="refused"><th scope="row">tvm</th><td>unsupported</td>' in page
    text = (tmp_path / 'report.md').read_text(encoding='utf-8')
    assert 'tvm is unsupported, as its recipe expects' in text and '- tvm: ' not in text
    row = json.loads((tmp_path / 'report.json').read_text())['rows'][-1]
    assert (row['status'], row['verdict'], row['reason']['operator']) == ('unsupported', 'unsupported', 'aten::fancy')
    assert choice.name == 'ov-int8'


def test_a_failure_keeps_its_alarm(tmp_path: Path) -> None:
    written(refused('failed'), tmp_path)
    page = (tmp_path / 'report.html').read_text(encoding='utf-8')
    assert '<tr class="greyed"><th scope="row">tvm</th><td class="long">failed at onnx-1a2b3c4d</td>' in page
    assert '- tvm: failed at onnx-1a2b3c4d: ' in (tmp_path / 'report.md').read_text(encoding='utf-8')


def test_a_metric_of_the_recipes_own_is_no_share_of_percent(tmp_path: Path) -> None:
    document = findings()
    for variant in document['variants'][:-1]:
        low = variant['precision'] == 'int8'
        variant['check']['metric'] = {'name': 'spearman', 'value': 0.721 if low else 0.729, 'n': 353, 'low': None,
                                      'high': None}  # fmt: skip
    written(document, tmp_path)
    text = (tmp_path / 'report.md').read_text(encoding='utf-8')
    assert ' 0.729 |' in text and '72.9 %' not in text
    assert 'has a spearman 0.008 lower' in text and '−0.008' in text
    assert 'accuracy drop at most 0.01' in text


def test_agreement_as_the_metric_has_one_column(tmp_path: Path) -> None:
    document = findings(cycles=2)
    for variant in document['variants'][1:-1]:
        variant['check']['metric'] = {'name': 'agreement', **variant['check']['agreement']}
    document['variants'][0]['check']['metric'] = None
    written(document, tmp_path)
    lines = (tmp_path / 'report.md').read_text(encoding='utf-8').splitlines()
    head = next(line for line in lines if line.startswith('| variant'))
    assert head.count('agreement') == 1
