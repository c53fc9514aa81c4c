"""The report in a terminal: the verdict and one table, however long the whole is."""

from __future__ import annotations

import re
from pathlib import Path

from stages.report.brief import brief
from stages.report.kept import read_kept
from stages.report.plain import plain
from tests.report.example import findings, many, written


def test_the_terminal_gets_the_four_facts_and_the_winner_in_less_than_thirty_lines(tmp_path: Path) -> None:
    written(findings(), tmp_path, draw=False)
    text = plain(brief(read_kept(tmp_path)))
    assert len(text.splitlines()) < 30 < len((tmp_path / 'report.md').read_text().splitlines())
    assert all(f'\n  {fact}' in text for fact in ('variant', 'speed', 'accuracy', 'trust'))
    assert re.search(r'top1 77 % .7\d–81., n = 512, source 78 %', text)
    line = next(line for line in text.splitlines() if line.startswith('  ov-int8  '))
    assert line.rstrip().endswith('to ship') and '4.39×' in line
    assert 'failed at tvm-tune' in text and 'peak memory 312 MiB, allowed 300 MiB' in text


def test_forty_variants_are_as_short_and_say_what_is_left_out(tmp_path: Path) -> None:
    choice = written(many(40), tmp_path, draw=False)
    text = plain(brief(read_kept(tmp_path)))
    assert len(text.splitlines()) < 34 and '28 more in the report' in text
    assert f'\n  {choice.name} ' in text and '\n  torch ' in text


def test_columns_stand_under_their_heads(tmp_path: Path) -> None:
    written(findings(), tmp_path, draw=False)
    lines = plain(brief(read_kept(tmp_path))).splitlines()
    at = next(place for place, line in enumerate(lines) if line.startswith('  variant ') and 'latency, ms' in line)
    end = lines[at].index('latency, ms') + len('latency, ms')
    assert all(line[end - 1] in '0123456789—' and line[end : end + 1] in (' ', '') for line in lines[at + 1 : at + 6])
