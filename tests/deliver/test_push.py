"""A variant is released when it passed its checks and its report is of today, or by force, which the release tells."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from stages.command.main import main
from stages.deliver.pulled import Pulled
from stages.store.files import signature
from tests.deliver.releases import pulled
from tests.small import Small

pytest.importorskip('oras', reason="needs modelkiln[release]: pip install 'modelkiln[release]'")
pytest.importorskip('cyclonedx', reason="needs modelkiln[release]: pip install 'modelkiln[release]'")
pytestmark = pytest.mark.torch


@pytest.fixture
def built(small: Small, monkeypatch: pytest.MonkeyPatch) -> Small:
    monkeypatch.chdir(small.root)
    return small


@pytest.fixture
def push(tmp_path, capsys):
    """``push('tiny:onnx', …)``: push to a folder; return the exit code and what was said."""

    def run(*arguments: str) -> tuple[int, str]:
        capsys.readouterr()
        code = main(['push', arguments[0], f'file://{tmp_path}/models/tiny', *arguments[1:]])
        said = capsys.readouterr()
        return code, said.out + said.err

    return run


def test_the_best_variant_goes_out_and_comes_back_as_it_was_built(built, push, tmp_path):
    best = (built.root / 'artifacts/tiny/best').read_text().strip()

    assert push('tiny', '--tag', '1.0')[0] == 0
    pulled(f'file://{tmp_path}/models/tiny:1.0', tmp_path / 'to')

    folder = tmp_path / 'to/current'
    for path in filter(Path.is_file, built.artifact(best).rglob('*')):
        assert (folder / path.relative_to(built.artifact(best))).read_bytes() == path.read_bytes()
    assert f'# tiny:{best}' in (folder / 'README.md').read_text()


def test_pushing_the_same_again_moves_nothing_and_uploads_nothing(built, push, tmp_path):
    first = push('tiny:onnx')
    before = signatures(tmp_path / 'models')
    second = push('tiny:onnx')

    assert (first[0], second[0]) == (0, 0)
    assert 'nothing moved' in second[1] and first[1].splitlines()[-1] == second[1].splitlines()[-1]
    assert signatures(tmp_path / 'models') == before


def signatures(folder: Path) -> dict[Path, tuple[int, ...]]:
    """Return what changes of each file when it is written; reading changes nothing of it."""
    return {path: signature(path) for path in folder.rglob('*') if path.is_file()}


def test_what_is_not_built_of_today_is_not_released_but_by_force_which_it_tells(built, push, tmp_path):
    built.edit('onnx-quantize]', 'onnx-quantize: {conv: true}]')

    code, said = push('tiny:onnx-int8')
    assert (code, 'run: doit tiny:onnx-int8' in said) == (5, True)
    assert not (tmp_path / 'models').exists()
    assert push('tiny:onnx-int8', '--force')[0] == 0
    pulled(f'file://{tmp_path}/models/tiny', tmp_path / 'to')
    assert '**Released by force**' in (tmp_path / 'to/current/README.md').read_text()
    statement = json.loads((tmp_path / 'to/current/provenance.json').read_bytes())
    assert statement['predicate']['buildDefinition']['internalParameters']['forced']
    assert 'org.modelkiln.forced' in json.loads((tmp_path / 'to/current/release.json').read_bytes())['annotations']


def test_a_report_that_somebody_changed_stops_a_release(built, push):
    (built.root / 'artifacts/tiny/report.json').write_text('{}')

    code, said = push('tiny:onnx')

    assert code == 5
    assert 'its report is not of today: report.json is not as written; run: doit tiny' in said


def test_changed_bytes_cannot_be_forced(built, push):
    path = built.artifact('onnx') / 'model.onnx'
    path.write_bytes(path.read_bytes() + b'!')

    code, said = push('tiny:onnx', '--force')

    assert code == 6
    assert 'model.onnx: has other bytes' in said


@pytest.mark.parametrize(
    ('name', 'words'),
    [('tinny', 'did you mean `tiny`'), ('tiny:onx', 'did you mean `onnx`'), ('tiny:onnx', '')],
)
def test_a_name_that_is_not_there_is_said(built, push, name, words):
    code, said = push(name)

    assert (code, words in said) == (2 if words else 0, True)


def test_provenance_names_the_files_the_sources_the_stages_and_the_tools(built, push, tmp_path):
    push('tiny:onnx')
    pulled(f'file://{tmp_path}/models/tiny', tmp_path / 'to')
    folder = Pulled(tmp_path / 'to').version(Pulled(tmp_path / 'to').current)

    statement = json.loads((folder / 'provenance.json').read_bytes())
    definition = statement['predicate']['buildDefinition']
    uses = {one['uri'] for one in definition['resolvedDependencies']}

    assert (statement['_type'], statement['predicateType']) == (
        'https://in-toto.io/Statement/v1', 'https://slsa.dev/provenance/v1',
    )  # fmt: skip
    assert {one['name'] for one in statement['subject']} == {'model.onnx', 'manifest.json'}
    assert definition['externalParameters'] == {'recipe': 'recipes/tiny.yaml', 'variant': 'onnx'}
    assert {'recipes/tiny.yaml', 'recipes/models/tiny.py'} <= uses
    assert any(uri.startswith('pkg:pypi/torch@') for uri in uses)
    assert [stage['kind'] for stage in definition['internalParameters']['stages']][-1] == 'onnx'


def test_verify_holds_the_documents_of_a_release_against_their_schemas(built, push, tmp_path, capsys):
    push('tiny:onnx')
    pulled(f'file://{tmp_path}/models/tiny', tmp_path / 'to')

    assert main(['verify', str(tmp_path / 'to'), '--schemas']) == 0
    assert 'keep their schemas' in capsys.readouterr().out
