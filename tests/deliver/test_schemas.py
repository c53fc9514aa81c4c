"""Documents keep their schemas, and schemas say what our readers say."""

from __future__ import annotations

import copy
import json
from pathlib import Path

import jsonschema
import pytest

from stages.command.answers import DOCUMENTS
from stages.command.main import main
from stages.contract.port import Contract, Port, Quantization, contract_json
from stages.deliver.schemas import beside, in_notes, problems
from stages.document.manifest import File, Made, Use, manifest_json, manifest_of
from stages.engines import ENGINES
from stages.errors import StepError
from tests.deliver.samples import IMAGE, manifest
from tests.report.example import findings, written

WHOLE = manifest(
    files={'model.onnx': File('ab' * 32, 12)},
    stages=(Made('onnx', 'ab', {'opset': 20}, {'onnx': '1.22.0'}, {'machine': 'x86_64'}),),
    inputs=(IMAGE, Port('x', (1,), 'uint8', 'x:0', 0, 'y', Quantization((0.5,), (1,)), ('batch',))),
    use=Use(('import stages',), ('import onnxruntime',)),
    measured={'threads': 2},
    threads=2,
)
JSON = json.loads(json.dumps(manifest_json(WHOLE)))


@pytest.mark.parametrize('name', [*DOCUMENTS])
def test_every_schema_is_a_schema_with_a_name_of_its_own(name):
    jsonschema.Draft202012Validator.check_schema(DOCUMENTS[name]())


def test_a_manifest_comes_back_as_it_was_and_keeps_its_schema():
    assert manifest_of(JSON, 'here') == WHOLE
    assert problems('manifest', {'here': JSON}) == []
    assert problems('contract', {'here': json.loads(json.dumps(contract_json(WHOLE.contract)))}) == []


WRONG = (None, True, 'text', 1.5, 2.0, [], {}, ['text'], {'a': 1})


def places(value, path=()):
    """Give every place in a document."""
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, below in items:
        yield (*path, key)
        yield from places(below, (*path, key))


@pytest.mark.parametrize('wrong', WRONG, ids=str)
def test_schema_and_reader_agree_wherever_a_manifest_is_changed(wrong):
    for path in places(JSON):
        changed = copy.deepcopy(JSON)
        at = changed
        for key in path[:-1]:
            at = at[key]
        at[path[-1]] = wrong
        if path == ('format',):
            continue  # another format is another schema
        try:
            manifest_of(changed, 'here')
            refused = ''
        except StepError as error:
            refused = str(error)
        assert bool(refused) == bool(problems('manifest', {'here': changed})), (path, refused)


def test_what_is_missing_is_missed_by_both():
    for name in JSON:
        changed = {key: value for key, value in JSON.items() if key != name}
        try:
            manifest_of(changed, 'here')
            refused = False
        except StepError:
            refused = True
        assert refused == bool(problems('manifest', {'here': changed})), name


def test_a_report_keeps_its_schema(tmp_path):
    written(findings(), tmp_path, draw=False)

    assert problems('report', {'report.json': json.loads((tmp_path / 'report.json').read_text())}) == []


def test_a_place_is_named():
    changed = JSON | {'files': {'model.onnx': {'sha256': 'ab', 'size': 'large'}}}

    assert problems('manifest', {'m.json': changed}) == [
        "m.json: files.model.onnx.size: 'large' is not of type 'integer'"
    ]
    assert len(problems('contract', {'c.json': {}})) == 2


def test_check_holds_a_project_s_documents_against_their_schemas(tmp_path, monkeypatch, capsys):
    recipe = (Path(__file__).parents[1] / 'recipe/net.yaml').read_text()
    (tmp_path / 'recipes/models').mkdir(parents=True)
    (tmp_path / 'recipes/net.yaml').write_text(recipe)
    (tmp_path / 'recipes/models/net.py').write_text('')
    (tmp_path / 'dodo.py').write_text('')
    (tmp_path / 'artifacts/net/v').mkdir(parents=True)
    (tmp_path / 'artifacts/net/v/manifest.json').write_text(json.dumps(JSON | {'engine': 7}))
    monkeypatch.chdir(tmp_path)

    assert main(['check']) == 6
    assert "artifacts/net/v/manifest.json: engine: 7 is not of type 'string'" in capsys.readouterr().err
    (tmp_path / 'artifacts/net/v/manifest.json').write_text(json.dumps(JSON))
    assert main(['check']) == 0


def test_a_schema_is_printed_by_its_name(capsys):
    assert main(['schema', 'manifest']) == 0
    assert json.loads(capsys.readouterr().out)['title'] == 'Modelkiln manifest'


def test_a_contract_without_ports_is_told(tmp_path):
    assert problems('contract', {'c': json.loads(json.dumps(contract_json(Contract())))}) == []


def test_all_schemas_are_written_under_the_version_of_their_format(tmp_path):
    assert main(['schema', '--to', str(tmp_path)]) == 0

    assert json.loads((tmp_path / 'manifest-2.json').read_text())['title'] == 'Modelkiln manifest'
    assert len([*tmp_path.iterdir()]) == len(DOCUMENTS)


def test_verify_holds_what_a_project_noted_against_its_schemas(tmp_path, monkeypatch, capsys):
    (tmp_path / 'recipes').mkdir()
    (tmp_path / '.modelkiln/history').mkdir(parents=True)
    kept = json.loads((Path(__file__).with_name('kept') / 'history-1.json').read_text())
    note = tmp_path / '.modelkiln/history/model-1.json'
    monkeypatch.chdir(tmp_path)

    note.write_text(json.dumps(kept))
    assert main(['verify', '--schemas']) == 0
    kept['builds'][0]['kept'] = 'yes'
    note.write_text(json.dumps(kept))
    assert main(['verify', '--schemas']) == 6
    assert "history/model-1.json: builds[0].kept: 'yes' is not of type 'boolean'" in capsys.readouterr().err


def test_what_an_engine_reads_beside_its_model_is_held_against_its_schema(tmp_path):
    kept = json.loads((Path(__file__).with_name('kept') / 'library-1-a.json').read_text())
    place = tmp_path / 'artifacts/net/tvm'
    place.mkdir(parents=True)
    (tmp_path / 'recipes').mkdir()
    said = JSON | {'engine': 'tvm', 'model_format': 'tvm', 'files': {'library.json': {'sha256': 'ab', 'size': 1}}}
    (place / 'manifest.json').write_text(json.dumps(said))

    (place / 'library.json').write_text(json.dumps(kept))
    assert beside(place, 'tvm') == in_notes(tmp_path) == []
    (place / 'library.json').write_text(json.dumps(kept | {'needs': 'avx2'}))
    assert in_notes(tmp_path) == ["artifacts/net/tvm/library.json: needs: 'avx2' is not of type 'array'"]
    assert beside(place, 'onnxruntime') == []  # to another engine it is a file like any other
    with pytest.raises(StepError, match=r"library\.json: not what .* \(needs: 'avx2'; expected a list\)"):
        ENGINES['tvm'].foreign(place)
