"""History outlives ``doit clean``, a loss stays one until it is mended or taken, and the index shows what moved."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from stages.command.main import main
from stages.errors import PromiseError
from stages.execute.project import Project
from stages.layout.history import MOST, accept, before, note
from stages.layout.index import mend_index, write_index
from tests.faults.conftest import chain_at
from tests.report.example import findings, written
from tests.report.test_compare import slowed


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return chain_at(tmp_path).project()


def reported(project: Project, key: str, document: dict[str, Any], recipe: str = 'rnet', **asked: float) -> list[str]:
    folder = project.root / 'artifacts' / recipe
    folder.mkdir(parents=True, exist_ok=True)
    written(document | {'model': recipe, 'created': f'2026-01-31T12:00:{len(key):02}Z', 'regression': asked}, folder)
    said = note(project, recipe, key)
    write_index(project)
    return said


def index(project: Project) -> str:
    return (project.root / 'artifacts/index.html').read_text(encoding='utf-8')


def test_a_loss_is_told_by_every_run_until_it_is_mended_or_accepted(project: Project) -> None:
    worse = slowed(findings(seed=2), 'ort', 1.25)
    assert reported(project, 'a', findings(seed=1), latency=0.05) == []
    assert reported(project, 'bb', worse, latency=0.05)[0].startswith('ort: latency')
    assert reported(project, 'bb', worse, latency=0.05), 'the same build again'
    assert reported(project, 'ccc', slowed(findings(seed=3), 'ort', 1.25), latency=0.05), 'another one, as slow'
    assert reported(project, 'dddd', findings(seed=4), latency=0.05) == [], 'mended'
    assert reported(project, 'eeeee', worse, latency=0.05)
    accept(project.root, 'rnet')
    assert reported(project, 'eeeee', worse, latency=0.05) == []
    assert reported(project, 'ffffff', slowed(findings(seed=5), 'ort', 1.25), latency=0.05) == []


def test_history_is_small_and_stays_when_artifacts_are_cleaned(project: Project) -> None:
    for count in range(3):
        reported(project, 'k' * (count + 1), findings(seed=count))
    shutil.rmtree(project.root / 'artifacts')
    kept = project.state / 'history/rnet.json'
    assert before(project.root, 'rnet', 2).best is not None and kept.stat().st_size < 3 * 12_000
    read = json.loads(kept.read_text())
    kept.write_text(json.dumps(read | {'builds': read['builds'] * MOST}))
    reported(project, 'l' * 9, findings(seed=9))
    assert len(json.loads(kept.read_text())['builds']) == MOST


def test_a_history_that_is_broken_is_as_if_it_were_not_there(project: Project) -> None:
    reported(project, 'a', findings(seed=1))
    (project.state / 'history/rnet.json').write_text('{"format": 1, "builds": [3, {}]}')
    assert reported(project, 'bb', findings(seed=2)) == []
    with pytest.raises(PromiseError, match='1 build is remembered'):
        before(project.root, 'rnet', 1)


def test_the_index_has_a_line_for_each_recipe_with_what_moved(project: Project) -> None:
    reported(project, 'a', findings(seed=1))
    assert 'first build' in index(project)
    reported(project, 'bb', slowed(findings(seed=2), 'ov-int8', 1.3))
    reported(project, 'a', findings(seed=1), recipe='other')
    page = index(project)
    assert '<a href="rnet/report.html">rnet</a>' in page and '<a href="other/report.html">other</a>' in page
    row = page.partition('<a href="rnet/report.html">')[2].partition('</tr>')[0]
    assert 'ov-int8' in row and 'slower' in row and 'no grave doubt' in row and '2026-01-31' in row


def test_an_index_that_was_taken_away_comes_back_and_goes_with_the_last_report(project: Project) -> None:
    reported(project, 'a', findings(seed=1))
    (project.root / 'artifacts/index.html').unlink()
    mend_index(project)
    assert 'rnet' in index(project)
    shutil.rmtree(project.root / 'artifacts/rnet')
    write_index(project)
    assert not (project.root / 'artifacts/index.html').exists()


def test_compare_by_a_recipes_name_is_its_last_two_builds_and_fails_on_a_loss(
    project: Project, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    reported(project, 'a', findings(seed=1), latency=0.05)
    reported(project, 'bb', slowed(findings(seed=2), 'ort', 1.25), latency=0.05)
    monkeypatch.chdir(project.root)
    assert main(['compare', 'rnet', '--junit', 'out.xml']) == PromiseError.exit_code
    assert 'ort: latency' in capsys.readouterr().out and '<failure' in Path('out.xml').read_text()
    assert main(['compare', 'rnet@1', 'artifacts', '--markdown']) == PromiseError.exit_code
    assert '**1 regression beyond' in capsys.readouterr().out
    assert main(['compare', 'rnet', '--accept']) == 0
    assert main(['compare', 'nothing', 'artifacts']) == PromiseError.exit_code
    assert 'nothing: no such file or folder' in capsys.readouterr().err
