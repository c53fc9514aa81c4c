"""A key changes with everything that can change the bytes, and with nothing else."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys

import pytest

from stages.execute.project import Stamp
from stages.frameworks.torch.compiler import PROGRAM as COMPILER
from stages.spawn import PATIENT, SETTINGS
from tests.execute.conftest import ROOT, Keyed, changed

ALL = {'torch-source:build', 'data:calibrate', 'data:evaluate', 'onnx', 'onnx-quantize'}


def test_the_project_has_the_steps_these_tests_speak_of(keyed):
    assert keyed.keys().keys() == ALL


@pytest.mark.parametrize(
    ('old', 'new'),
    [
        ('recipe: 1', '# a comment\nrecipe: 1   # and another'),
        ('{mode: static, samples: 16}', '{samples: 16, mode: static}'),
        ('int8:', 'another-name:'),
        ('model: net', 'model: another-net'),
        ('source: {torch: models/net.py:build}', 'source:\n  torch: "models/net.py:build"'),
        ('mode: static, samples: 16', 'mode: static, samples: 16, method: minmax'),
        ('metric: top1', 'metric: agreement'),
        ('variants:', 'check: {max_drop: 0.5}\nchoose: {fastest: latency}\nvariants:'),
    ],
    ids=[
        'comment',
        'order of keys',
        'name of a variant',
        'name of the model',
        'style',
        'a default',
        'metric',
        'bounds',
    ],
)
def test_how_a_recipe_is_written_changes_no_key(keyed, old, new):
    before = keyed.keys()

    keyed.edit('net.yaml', old, new)

    assert changed(before, keyed.keys()) == set()


def test_the_name_of_the_recipe_file_changes_no_key(keyed):
    before = keyed.keys()

    (keyed.root / 'recipes/net.yaml').rename(keyed.root / 'recipes/moved.yaml')

    assert changed(before, keyed.keys()) == set()


def test_the_place_of_the_project_changes_no_key(keyed, tmp_path):
    shutil.copytree(keyed.root, tmp_path / 'else' / 'where')

    assert changed(keyed.keys(), Keyed(tmp_path / 'else' / 'where').keys()) == set()


def test_a_parameter_changes_the_key_of_its_step(keyed):
    before = keyed.keys()

    keyed.edit('net.yaml', 'samples: 16', 'samples: 17')

    assert changed(before, keyed.keys()) == {'onnx-quantize'}


def test_other_content_before_a_step_changes_its_key(keyed):
    assert changed(keyed.keys(), keyed.keys('other bytes')) == {'onnx', 'onnx-quantize'}


def test_equal_content_before_a_step_leaves_its_key_whatever_made_it(keyed):
    before = keyed.keys()

    keyed.edit('models/net.py', 'return width', 'return width + 0')  # the result keeps its digest in these tests

    assert changed(before, keyed.keys()) == {'torch-source:build'}


def test_other_calibration_content_changes_what_calibrates_and_nothing_else(keyed):
    project = keyed.project()
    steps = {step.kind: step for step in project.plan.steps.values() if step.kind != 'data'}
    before = {kind: project.key(step) for kind, step in steps.items() if kind != 'check'}
    calibrate = next(id for id, step in project.plan.steps.items() if step.params.get('function') == 'calibrate')

    project.stamps[calibrate] = Stamp('a key', 'other photos')

    after = {kind: project.key(steps[kind]) for kind in before}
    assert {kind for kind in before if before[kind] != after[kind]} == {'onnx-quantize'}


def test_the_python_of_the_model_counts_with_what_it_imports(keyed):
    before = keyed.keys()

    keyed.edit('models/blocks.py', 'width = 3', 'width = 4')

    assert changed(before, keyed.keys()) == {'torch-source:build'}


def test_a_comment_in_the_python_of_the_model_changes_no_key(keyed):
    before = keyed.keys()

    keyed.edit('models/blocks.py', 'width = 3', '# three: red, green, blue\nwidth  =  3')

    assert changed(before, keyed.keys()) == set()


def test_python_that_nothing_imports_changes_no_key(keyed):
    before = keyed.keys()

    keyed.write('models/other.py', 'width = 5\n')

    assert changed(before, keyed.keys()) == set()


def test_an_edit_that_keeps_size_and_mtime_is_seen(keyed):
    before, path = keyed.keys(), keyed.root / 'recipes/models/blocks.py'
    old = path.stat()

    path.write_text('width = 9\n')
    os.utime(path, ns=(old.st_atime_ns, old.st_mtime_ns))

    assert changed(before, keyed.keys()) == {'torch-source:build'}


@pytest.mark.parametrize(
    ('package', 'hit'),
    [
        ('onnxruntime', {'onnx-quantize'}),
        ('onnxscript', {'onnx'}),
        ('torch', {'onnx', 'torch-source:build'}),
        ('matplotlib', set()),
    ],
)
def test_the_version_of_a_tool_changes_the_keys_of_the_kinds_that_name_it(keyed, tmp_path, monkeypatch, package, hit):
    before = keyed.keys()

    (tmp_path / 'site' / f'{package}-99.9.9.dist-info').mkdir(parents=True)
    monkeypatch.syspath_prepend(str(tmp_path / 'site'))

    assert changed(before, keyed.keys()) == hit


def test_what_an_engine_can_emulate_is_in_the_keys_of_its_checks_alone(keyed, monkeypatch):
    def key_of_checks():
        project = keyed.project()
        return {s.params['engine']: project.key(s) for s in project.plan.steps.values() if s.kind == 'check'}

    before, others = key_of_checks(), keyed.keys()
    monkeypatch.setattr('stages.engines.onnxruntime.made', lambda folder: ('linux-aarch64',))

    assert changed(before, key_of_checks()) == {'onnxruntime'}
    assert changed(others, keyed.keys()) == set()


def test_what_the_recipe_says_of_the_model_is_in_the_key_of_its_source_alone(keyed):
    before = keyed.keys()

    keyed.edit('net.yaml', 'float32', 'float16')

    # what is made of the model is keyed by the contract that the source leaves beside it
    assert changed(before, keyed.keys()) == {'torch-source:build'}


def test_every_reason_for_another_key_is_said_in_words(keyed):
    from stages.execute.difference import difference

    old = keyed.project()
    before = {step.kind: old.action(step) for step in old.plan.steps.values()}
    keyed.edit('net.yaml', 'samples: 16', 'samples: 17')
    keyed.edit('models/blocks.py', '3', '4')
    new = keyed.project('other bytes')
    after = {step.kind: new.action(step) for step in new.plan.steps.values()}

    assert difference(before['torch-source'], after['torch-source'], steps={}) == ['recipes/models/blocks.py changed']
    assert difference(before['onnx-quantize'], after['onnx-quantize'], steps={'model': 'onnx-1a2b'}) == [
        'parameter samples: 16 -> 17',
        'model is other bytes, from onnx-1a2b',
    ]
    assert difference(after['onnx'], after['onnx'], steps={}) == []


def test_how_long_a_step_may_take_is_in_no_key(keyed):
    before = keyed.keys()

    keyed.write('another.yaml', (keyed.root / 'recipes/net.yaml').read_text().replace('model: net', 'model: b'))
    keyed.edit('another.yaml', 'recipe: 1', 'recipe: 1\ntimeout: 7200')

    assert changed(before, keyed.keys()) == set()


@pytest.mark.parametrize(('settings', 'name'), [(SETTINGS, 'PYTHONHASHSEED'), (PATIENT, 'OMP_WAIT_POLICY')])
def test_what_is_set_around_a_step_is_in_every_key(keyed, monkeypatch, settings, name):
    before = keyed.keys()

    monkeypatch.setitem(settings, name, 'another')

    assert changed(before, keyed.keys()) == ALL


@pytest.mark.parametrize('module', ['launch/worker.py', 'launch/birth.py', 'execute/preload.py', 'contract/job.py'])
def test_the_code_that_starts_a_step_is_in_every_key(house, keyed, module):
    before = house.keys(keyed.root)

    house.write(module, (house.root / 'stages' / module).read_text() + '\nNEW = 1\n')

    assert changed(before, house.keys(keyed.root)) == set(before)


def test_the_compiler_that_inductor_calls_is_in_the_keys_of_what_it_compiles_alone(keyed, tmp_path, monkeypatch):
    variants = '  aoti: [aoti]\n  compiled: {stages: [], run: {compile: inductor}}\n  int8:'
    keyed.edit('net.yaml', '  int8:', variants)

    def keys_under(version):
        program = tmp_path / version / COMPILER
        program.parent.mkdir()
        program.write_text(f'#!/bin/sh\necho g++ {version}\n')
        program.chmod(0o755)
        monkeypatch.setenv('PATH', f'{program.parent}:{os.environ["PATH"]}')
        project = keyed.project()
        return {id: project.key(step) for id, step in project.plan.steps.items()}, project.plan.steps

    (before, steps), (after, _) = keys_under('12.2'), keys_under('14.1')

    hit = [steps[id] for id in changed(before, after)]
    assert {(step.kind, step.params.get('options', {}).get('compile')) for step in hit} == {
        ('aoti', None),
        ('check', 'inductor'),
    }


LINES = ('from .b import f', 'from . import b', 'from ..pkg.b import f', 'import models.pkg.b')


@pytest.mark.parametrize('line', LINES)
def test_the_python_beside_the_models_own_counts_however_it_is_imported(keyed, line):
    keyed.edit('net.yaml', 'models/net.py', 'models/pkg/net.py')
    keyed.write('models/pkg/net.py', f'{line}\n\n\ndef build():\n    return 1\n')
    for name in ('b', '__init__', 'unused'):
        keyed.write(f'models/pkg/{name}.py', 'def f():\n    return 1\n')
    project = keyed.project()
    source = next(step for step in project.plan.steps.values() if step.kind == 'torch-source')

    files = project.action(source)['files']

    assert set(files) == {f'models/pkg/{name}.py' for name in ('net', 'b', '__init__')}
    (keyed.root / 'recipes/models/pkg/unused.py').unlink()
    load = (
        'import sys, pathlib; from stages.sources.python import load_function as load; load(pathlib.Path(sys.argv[1])'
    )
    code = f'{load}, {source.python!r}, "build")'
    subprocess.run([sys.executable, '-c', code, str(keyed.root / 'recipes')], cwd=ROOT, check=True)
