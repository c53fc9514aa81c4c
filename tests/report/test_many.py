"""Forty variants on a page: what others beat in everything is folded, and nothing is lost by it."""

from __future__ import annotations

import json
import re
from pathlib import Path

from tests.report.example import findings, many, written


def test_a_long_table_folds_what_others_beat_in_everything_and_a_short_one_nothing(tmp_path: Path) -> None:
    choice = written(many(40), tmp_path, draw=True)
    page = (tmp_path / 'report.html').read_text(encoding='utf-8')
    table = page.partition('<tbody>')[2].partition('</tbody>')[0]
    names = dict(re.findall(r'<tr[^>]*?( data-folded)?><th scope="row">([^<]*)', table))
    lines = re.findall(r'<tr([^>]*)><th scope="row">([^<]*)', table)
    open_ = [name for mark, name in lines if 'data-folded' not in mark]
    assert len(lines) == 40 and names
    assert 3 <= len(open_) < 25 and {'torch', 'tvm', choice.name} <= set(open_)
    written(findings(), tmp_path)
    assert ' data-folded>' not in (tmp_path / 'report.html').read_text(encoding='utf-8')


def test_what_is_folded_is_slower_and_no_better_in_anything_than_one_that_is_not(tmp_path: Path) -> None:
    written(many(40), tmp_path)
    page = (tmp_path / 'report.html').read_text(encoding='utf-8')
    folded = set(re.findall(r'<tr[^>]* data-folded><th scope="row">([^<]*)', page))
    rows = {row['variant']: row for row in json.loads((tmp_path / 'report.json').read_text())['rows']}

    def costs(row: dict) -> tuple[float, float, float, float]:
        return (
            row['latency_ns']['mean'], row['peak_memory_bytes']['mean'], row['size_bytes'], -row['metric']['value']
        )  # fmt: skip

    able = {name: costs(row) for name, row in rows.items() if row['latency_ns']}
    for name in folded:
        beaten = [all(a <= b * (1.05 if b > 0 else 1) for a, b in zip(able[one], able[name], strict=True))
                  for one in able.keys() - folded]  # fmt: skip
        assert any(beaten), name


def test_equal_accuracy_is_no_picture_so_memory_takes_its_place(tmp_path: Path) -> None:
    document = findings(cycles=3)
    for one in document['variants']:
        if one['check']:
            one['check']['metric'] |= {'value': 0.9}
    written(document, tmp_path)
    page = (tmp_path / 'report.html').read_text(encoding='utf-8')
    assert 'Speed against memory' in page and 'Speed against accuracy' not in page


def test_each_line_of_a_matrix_is_one_picture_with_all_of_its_variants(tmp_path: Path) -> None:
    document = many(16)
    written(document, tmp_path)
    page = (tmp_path / 'report.html').read_text(encoding='utf-8')
    drawn = re.findall(r'<figure><h3>(o[^<]*…) by its matrix</h3>.*?<desc[^>]*>(.*?)</desc>', page, flags=re.S)
    assert [title for title, _ in drawn] == ['ort-…', 'ov-…']
    assert [len(said.split('; ')) for _, said in drawn] == [3, 3]
    assert all(said.startswith('latency per sample, ms') for _, said in drawn)
