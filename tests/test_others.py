"""Kinds that are not ours, of an installed package and of the project's folder: listed, keyed by their code, used."""

from __future__ import annotations

import importlib
import json
import sys
from pathlib import Path

import pytest

from stages import others
from stages.command.main import main
from stages.execute.code import closure, own_files
from stages.kinds import KINDS, kind_for
from stages.launch import house
from stages.recipe.read import read_recipes
from stages.store.files import Remembered
from tests.small import Small, small_project

HALVE = """
'''Halve the weights.'''
from dataclasses import dataclass
from stages.kinds import usual
{more}
KIND, ACCEPTS, GIVES, TOOLS = 'halve', ('onnx',), 'onnx', ('onnx', 'numpy')
ENVIRONMENT, PROGRAMS, DETERMINISTIC = '', (), True

@dataclass(frozen=True)
class Params:
    by: float = 2.0
    '''What the weights are divided by.'''

needs, precision, host = usual.no_data, usual.same_precision, usual.any_cpu

def outputs(params):
    return ('model.onnx',)

def run(params, job):
    import onnx
    from onnx import numpy_helper
    model = onnx.load(job.inputs['model'] / 'model.onnx')
    for weight in model.graph.initializer:
        if weight.data_type == 1:
            weight.CopyFrom(numpy_helper.from_array(numpy_helper.to_array(weight) / params.by, weight.name))
    onnx.save(model, job.output / 'model.onnx')
    return job.contract
"""


@pytest.fixture
def package(tmp_path, monkeypatch) -> Path:
    """An installed package that offers the kind ``halve``; the folder that it is installed in."""
    site = tmp_path / 'site'
    (site / 'halving').mkdir(parents=True)
    (site / 'halving/__init__.py').write_text('')
    (site / 'halving/kind.py').write_text(HALVE.format(more='from halving import ratio'))
    (site / 'halving/ratio.py').write_text('RATIO = 2')
    (site / 'halving-1.2.dist-info').mkdir()
    (site / 'halving-1.2.dist-info/METADATA').write_text('Metadata-Version: 2.1\nName: halving\nVersion: 1.2\n')
    (site / 'halving-1.2.dist-info/entry_points.txt').write_text('[modelkiln.kinds]\nhalve = halving.kind\n')
    monkeypatch.syspath_prepend(str(site))
    yield site
    for name in [name for name in sys.modules if name.partition('.')[0] == 'halving']:
        del sys.modules[name]


@pytest.fixture
def project(tmp_path, monkeypatch) -> Small:
    """A project with the kind ``halve`` in its folder kinds/, and a helper of it; the current folder."""
    made = small_project(tmp_path / 'project')
    (made.root / 'kinds').mkdir()
    (made.root / 'kinds/halve.py').write_text(HALVE.format(more='from kinds import _ratio'))
    (made.root / 'kinds/_ratio.py').write_text('RATIO = 2')
    made.edit(
        '  onnx-int8:', '  halved: {stages: [onnx: {exporter: legacy, opset: 17}, halve: {by: 1.0}]}\n  onnx-int8:'
    )
    monkeypatch.chdir(made.root)
    yield made
    others.open_folder(tmp_path / 'nowhere')


def test_a_kind_of_a_package_is_listed_with_the_package_it_comes_from(package, capsys):
    assert main(['kinds', 'halve']) == 0

    assert 'from halving 1.2' in (said := capsys.readouterr().out)
    assert 'What the weights are divided by.' in said
    assert kind_for('halve', 'onnx').__name__ == 'halving.kind'


def test_a_kind_of_the_project_is_known_in_it_and_nowhere_else(project, tmp_path, capsys):
    assert [v.name for v in read_recipes(project.root)[0].variants if v.name == 'halved'] == ['halved']
    assert main(['kinds', '--json']) == 0
    [found] = [one for one in json.loads(capsys.readouterr().out)['kinds'] if one['kind'] == 'halve']
    assert found['origin'] == 'kinds/halve.py'

    others.open_folder(tmp_path)

    assert 'halve' not in KINDS


def test_code_of_others_is_followed_through_what_it_imports(package, project, tmp_path):
    remembered = Remembered(tmp_path / 'files.json')
    others.open_folder(project.root)

    assert {'halving.kind', 'halving.ratio', 'stages.kinds.usual'} <= {*closure(['halving.kind'], remembered)}
    assert {f.name for f in own_files(['kinds.halve'], remembered)} == {'halve.py', '_ratio.py'}


def test_a_step_runs_the_copy_of_a_kind_though_the_project_s_own_was_imported_before(tmp_path):
    for name, says in (('kinds', 1), ('copy', 2)):
        (tmp_path / name).mkdir()
        (tmp_path / name / 'saying.py').write_text(f'SAYS = {says}')
    others.open_folder(tmp_path)
    assert importlib.import_module('kinds.saying').SAYS == 1

    house.kinds_at_hand(tmp_path / 'copy')

    assert importlib.import_module('kinds.saying').SAYS == 2
    others.open_folder(tmp_path / 'nowhere')


def test_one_that_cannot_be_used_stops_only_who_asks_for_it(project, capsys):
    (project.root / 'kinds/broken.py').write_text('KIND = "broken"\n')

    assert main(['check']) == 0
    assert main(['kinds']) == 0
    assert 'broken of kinds/broken.py lacks ACCEPTS' in capsys.readouterr().out

    project.edit('halve: {by: 1.0}', 'broken')
    assert main(['check']) == 2
    assert 'recipes/tiny.yaml:12:' in (said := capsys.readouterr().err) and 'lacks ACCEPTS' in said


def test_two_that_mean_the_same_are_refused_with_both_named(package, project, capsys):
    assert main(['check']) == 2

    said = capsys.readouterr().err
    assert 'halving 1.2' in said and 'kinds/halve.py' in said


def test_a_new_kind_from_the_template_is_right_and_never_overwritten(project, capsys):
    assert main(['new', 'kind', 'own-note']) == 0
    assert main(['new', 'kind', 'own-note']) == 2
    assert main(['kinds', 'own-note']) == 0

    assert 'from kinds/own_note.py' in capsys.readouterr().out


@pytest.mark.slow
@pytest.mark.torch
@pytest.mark.onnx
def test_an_own_kind_is_built_cached_and_built_again_when_its_helper_changes(project):
    pytest.importorskip('torch')
    pytest.importorskip('onnxruntime')

    first, second = project.doit('tiny:halved'), project.doit('tiny:halved')
    (project.root / 'kinds/_ratio.py').write_text('RATIO = 3')
    third = project.doit('tiny:halved')

    assert 'halve' in first.built, first.text
    assert second.built == []
    assert third.built == ['halve']
