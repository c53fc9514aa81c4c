"""The four files: what they say, and that nothing in them can harm a reader."""

from __future__ import annotations

import copy
import csv
import json
import re
from base64 import b64encode
from hashlib import sha256
from html import unescape
from pathlib import Path
from typing import Any

import pytest

from stages.report.text import clean, in_csv
from tests.report.example import findings, written

EVIL = '<script>alert(1)</script> style="x: url(http://evil.example)"|`$x$`[a](http://evil.example/)\x1b[31m\u202egnp'


@pytest.fixture(scope='module')
def pages(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    folder = tmp_path_factory.mktemp('report')
    written(findings(), folder)
    assert sorted(path.name for path in folder.iterdir()) == [f'report.{end}' for end in ('csv', 'html', 'json', 'md')]
    return {path.suffix[1:]: path.read_text(encoding='utf-8') for path in folder.iterdir()}


def test_the_verdict_sentences_are_these(pages: dict[str, str]) -> None:
    assert pages['md'].split('\n\n')[2:5] == [
        '**Ship ov-int8: lowest latency (5.21 ± 0.04 ms) of 6 that keep the bounds (accuracy drop at most 1 point, '
        'peak memory at most 300 MiB).**',
        'ov-int8 is 4.39× faster than torch (4.31–4.48), uses 173 MiB less memory, is 3.8× smaller on disk, and '
        'has a top1 0.20 points lower.',
        'tflite is 1.39× slower than torch (1.36–1.42), uses 216 MiB less memory, and has the same top1.',
    ]


def test_a_failed_variant_stands_in_every_page_with_its_reason(pages: dict[str, str]) -> None:
    for page in pages.values():
        assert 'operator com.microsoft.Gelu is not known to TVM 0.18' in page
    assert '<tr class="greyed"><th scope="row">tvm</th><td>failed at tvm-tune</td>' in pages['html']
    assert 'doit rnet:tvm' in pages['html'] and 'doit rnet:tvm' in pages['md']


def test_slower_and_inconclusive_are_words_of_the_table(pages: dict[str, str]) -> None:
    words = {row['variant']: row['verdict'] for row in json.loads(pages['json'])['rows']}
    assert (words['tflite'], words['paddle'], words['torch']) == ('slower', 'inconclusive', 'baseline')
    assert re.search(r'\| tflite +\| slower +\|', pages['md'])


def test_the_page_is_self_contained_and_runs_one_script_that_its_policy_names(pages: dict[str, str]) -> None:
    page = pages['html']
    policy = unescape(re.findall(r'Content-Security-Policy" content="([^"]*)"', page)[0])
    for tag in ('script', 'style'):
        (held,) = re.findall(f'<{tag}>(.*?)</{tag}>', page, flags=re.S)
        assert f"{tag}-src 'sha256-{b64encode(sha256(held.encode()).digest()).decode()}'" in policy
    assert "default-src 'none'" in policy and 'unsafe' not in policy and ' style="' not in page
    assert not re.search(r'https?:|//\w+\.|@import|url\((?!#)|\bon\w+=', page)
    assert all(target.startswith('#') for target in re.findall(r'(?:href|src)="([^"]*)"', page))
    assert 'prefers-color-scheme: dark' in page and '@media print' in page


def test_a_hostile_name_stays_text_everywhere(tmp_path: Path) -> None:
    hostile = _everywhere(findings(cycles=2), EVIL)
    written(hostile, tmp_path)
    page = (tmp_path / 'report.html').read_text(encoding='utf-8')
    assert page.count('<script') == 1 and '&lt;script&gt;' in page and 'href="http' not in page
    assert page.count('<style') == 1 and 'evil' not in page.partition('<style>')[2].partition('</style>')[0]
    for path in tmp_path.iterdir():
        assert not re.search('[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e]', path.read_text(encoding='utf-8'))
    # A line indented by four is code, in which Markdown sees no tags.
    text = (tmp_path / 'report.md').read_text(encoding='utf-8').splitlines()
    assert not any('<script' in line for line in text if not line.startswith('    '))


def _everywhere(value: Any, text: str, key: str = '') -> Any:
    """Every free text replaced; words the report decides by are kept."""
    if isinstance(value, dict):
        return {k: _everywhere(v, text, k) for k, v in value.items()}
    if isinstance(value, list):
        return [_everywhere(item, text, key) for item in value]
    return text + value if isinstance(value, str) and key not in ('status', 'fastest') else value


def test_pictures_are_drawn_for_both_schemes_and_described(pages: dict[str, str]) -> None:
    drawings = re.findall(r'<svg.*?</svg>', pages['html'], flags=re.S)
    assert len(drawings) == 4 and re.search(r'\.d\d+ \{[^}]*var\(--ink\)', pages['html'])
    for svg in drawings:
        assert '<title id=' in svg and '<desc id=' in svg and 'class="d' in svg
        assert not re.search(r'#[0-9a-f]{6}\b', svg) and '<text' in svg


def test_equal_findings_give_equal_bytes(pages: dict[str, str], tmp_path: Path) -> None:
    written(findings(), tmp_path)
    assert {path.suffix[1:]: path.read_text(encoding='utf-8') for path in tmp_path.iterdir()} == pages


def test_csv_and_json_have_the_rows_unrounded(pages: dict[str, str]) -> None:
    lines = list(csv.DictReader(pages['csv'].splitlines()))
    rows = json.loads(pages['json'])['rows']
    assert [line['variant'] for line in lines] == [row['variant'] for row in rows]
    assert float(lines[0]['latency_ns_mean']) == rows[0]['latency_ns']['mean']
    assert [row['variant'] for row in rows if row['chosen']] == ['ov-int8']


def test_a_variant_measured_against_a_copy_of_itself_is_not_faster(tmp_path: Path) -> None:
    for seed in range(12):
        document = findings(seed=seed)
        copied = copy.deepcopy(document['variants'][0]) | {'name': 'copy'}
        copied['measured'][0]['baseline_cycles'] = findings(seed=seed + 100)['variants'][0]['measured'][0]['cycles']
        written(document | {'variants': [document['variants'][0], copied]}, tmp_path)
        words = [row['verdict'] for row in json.loads((tmp_path / 'report.json').read_text())['rows']]
        assert words[1] not in ('faster', 'slower')


def test_several_thread_counts_have_a_row_each(tmp_path: Path) -> None:
    written(findings(cycles=3, threads=(1, 2)), tmp_path)
    rows = json.loads((tmp_path / 'report.json').read_text())['rows']
    assert [row['threads'] for row in rows if row['variant'] == 'ov'] == [1, 2]
    assert '| threads |' in (tmp_path / 'report.md').read_text(encoding='utf-8')


def test_a_report_that_cannot_be_made_leaves_the_former_one(tmp_path: Path) -> None:
    (tmp_path / 'report.md').write_text('former')
    with pytest.raises(ValueError, match='unknown figure'):
        written(findings(cycles=2) | {'asked': {'fastest': 'beauty', 'within': {}}}, tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ['report.md'] and (
        tmp_path / 'report.md'
    ).read_text() == 'former'


@pytest.mark.parametrize('cycles', [0, 1])
def test_too_little_is_said_and_not_hidden(tmp_path: Path, cycles: int) -> None:
    choice = written(findings(cycles=cycles), tmp_path)
    text = (tmp_path / 'report.md').read_text(encoding='utf-8')
    assert (choice.name is None) == (cycles == 0)
    assert ('not measured' in text) if cycles == 0 else ('One cycle only' in text and '± ' not in text.split('##')[1])


def test_empty_findings_still_make_a_page(tmp_path: Path) -> None:
    bare = {'format': 1, 'model': 'm', 'baseline': 'a', 'variants': [{'name': 'a', 'stages': [], 'status': 'failed'}]}
    assert written(bare, tmp_path).name is None
    assert 'no reason was recorded' in (tmp_path / 'report.md').read_text(encoding='utf-8')


def test_control_characters_and_formulas_do_not_survive() -> None:
    assert clean('a\x1b[31mb\x1b]0;t\x07c\u202ed\r\ne\x00\udc80') == 'abcd e'
    assert in_csv('=1+1') == "'=1+1" and in_csv(-1.5) == -1.5


def test_what_was_fed_stands_beside_what_was_measured(tmp_path: Path) -> None:
    document = copy.deepcopy(findings())
    for variant in document['variants']:
        for taken in variant.get('measured') or ():
            for cycle in taken['cycles']:
                cycle['fed'] = {'audio': [1, 16000], 'gain': []}
    written(document, tmp_path)
    assert 'audio 1×16000, gain scalar' in (tmp_path / 'report.html').read_text(encoding='utf-8')


def test_the_page_and_the_numbers_say_how_the_winner_is_run(tmp_path: Path) -> None:
    document = findings()
    for one in document['variants']:
        ours = [f"with stages.load('artifacts/rnet/{one['name']}') as model:", '    model.run()']
        lines = {'modelkiln': ours, 'plain': ['import openvino as ov']}
        one['use'] = {'1': lines}

    best = written(document, tmp_path, draw=False).name

    told = json.loads((tmp_path / 'report.json').read_text())['use']
    assert told['modelkiln'] == [f"with stages.load('artifacts/rnet/{best}') as model:", '    model.run()']
    page = (tmp_path / 'report.md').read_text()
    assert all(f'\n    {line}\n' in page for line in (*told['modelkiln'], *told['plain']))
    assert page.count('stages.load') == 1
