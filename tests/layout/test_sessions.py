"""One table is of one session: what is new is measured beside all that it is chosen among."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from stages.layout import sessions
from stages.layout.benchmark import Wanted, recorded, to_measure
from stages.recipe.setting import Setting


@pytest.fixture
def project(tmp_path: Path) -> Any:
    return SimpleNamespace(store=SimpleNamespace(folder=tmp_path))


def row(key: str, *, competes: bool = True, **setting: Any) -> Wanted:
    outcome: Any = SimpleNamespace(deliverable=competes, accuracy_failed=None)
    return Wanted(outcome, Setting(**setting), key)


def taken(project: Any, *keys: str, at: str = '2026-01-01', against: str = 'base') -> str:
    """Keep a session of these rows; return its name."""
    cycle = {'time_ns': [1_000_000], 'peak_rss_bytes': [1 << 20]}
    return sessions.keep(project, at, {}, {key: {'cycles': [cycle], 'against': against} for key in keys}).name


def asked(project: Any, *rows: Wanted) -> list[list[str]]:
    return [[row.key for row in group] for group in to_measure(project, list(rows))]


def test_a_new_row_is_measured_together_with_all_that_it_competes_with(project: Any) -> None:
    taken(project, 'base', 'old', 'far')
    rows = row('base'), row('old'), row('far', competes=False)
    assert asked(project, *rows) == []
    assert asked(project, *rows, row('new')) == [['base', 'old', 'new']]


def test_a_row_that_is_gone_or_came_back_measures_nothing(project: Any) -> None:
    first = taken(project, 'base', 'a', 'b')
    second = taken(project, 'base', 'a', 'c', at='2026-01-02')
    assert asked(project, row('base'), row('a')) == []
    assert asked(project, row('base'), row('a'), row('b')) == []
    assert asked(project, row('base'), row('b'), row('c')) == [['base', 'b', 'c']]
    assert {found['session'] for found in recorded(project, [row('base'), row('b')]).values()} == {first}
    assert {found['session'] for found in recorded(project, [row('base'), row('c')]).values()} == {second}


def test_what_was_measured_without_its_baseline_is_measured_again_and_shown_meanwhile(project: Any) -> None:
    taken(project, 'a', against='base')
    assert asked(project, row('a')) == [['a']]
    assert recorded(project, [row('a')])['a']['baseline_cycles'] == []


def test_what_may_not_be_chosen_keeps_its_own_session_and_says_which(project: Any) -> None:
    old = taken(project, 'base', 'far')
    new = taken(project, 'base', 'a', at='2026-01-02')
    rows = [row('base'), row('a'), row('far', competes=False)]
    assert to_measure(project, rows) == []
    assert {key: found['session'] for key, found in recorded(project, rows).items()} == {
        'base': new, 'a': new, 'far': old,
    }  # fmt: skip


def test_threads_and_batches_share_a_session_and_scenarios_do_not(project: Any) -> None:
    rows = row('base'), row('two', threads=2), row('eight', batch=8), row('offline', scenario='offline')
    assert asked(project, *rows) == [['base', 'two', 'eight'], ['offline']]


def test_a_damaged_session_is_as_if_it_were_not_there(project: Any, tmp_path: Path) -> None:
    name = taken(project, 'base')
    file = tmp_path / 'samples' / 'sessions' / f'{name}.json'
    read = json.loads(file.read_text())
    read['rows']['base']['cycles'][0]['time_ns'] = ['soon']
    file.write_text(json.dumps(read))
    assert asked(project, row('base')) == [['base']] and not sessions.is_readable(file)


@pytest.mark.slow
@pytest.mark.torch
@pytest.mark.onnx
def test_a_variant_of_equal_bytes_has_samples_of_its_own_and_a_row_added_later_shares_the_session(small: Any) -> None:
    small.edit('benchmark:', '  again: [onnx: {exporter: legacy, opset: 17}]\nbenchmark:')
    ran = small.doit('tiny')
    assert ran.code == 0 and '5 variants' in ran.text, ran.text
    kept = json.loads((small.root / 'artifacts/tiny/samples.json').read_text())['variants']
    assert len({one['session'] for series in kept.values() for one in series}) == 1
    assert kept['onnx'][0]['cycles'] != kept['again'][0]['cycles']
    told = json.loads((small.root / 'artifacts/tiny/report.json').read_text())
    assert {row['verdict'] for row in told['rows']} <= {
        'baseline',
        'inconclusive',
        'faster',
        'slower',
        'same within 2 %',
    }
