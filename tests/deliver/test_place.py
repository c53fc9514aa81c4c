"""Which folder is meant, and whether this machine can run what is in it."""

from __future__ import annotations

import json
import platform

import pytest

from stages import cpu
from stages.deliver.fits import misfit
from stages.deliver.load import load
from stages.deliver.place import artifact_in
from stages.errors import ForeignError, StepError
from tests.deliver.samples import manifest


def test_the_best_variant_of_a_recipe_and_the_current_release_are_found(tmp_path):
    for name in ('fast', 'v1'):
        (tmp_path / name).mkdir()
        (tmp_path / name / 'manifest.json').write_text('{}')
    (tmp_path / 'best').write_text('fast\n')

    assert artifact_in(tmp_path) == artifact_in(tmp_path / 'fast') == tmp_path / 'fast'
    (tmp_path / 'current').symlink_to('v1')
    assert artifact_in(tmp_path) == tmp_path / 'v1'


@pytest.mark.parametrize('name', ['../other', '/etc', 'there/../../other', 'nothing', '', 'a\x00b'])
def test_a_pointer_never_leads_outside(tmp_path, name):
    home = tmp_path / 'home'
    home.mkdir()
    (tmp_path / 'other').mkdir()
    (tmp_path / 'other' / 'manifest.json').write_text('{}')
    (home / 'current').write_text(name)

    with pytest.raises(StepError, match='current'):
        artifact_in(home)


@pytest.mark.parametrize(
    ('text', 'words'),
    [
        (None, r'holds no manifest\.json, and no current or best that leads to one'),
        ('{', 'cannot be read'),
        ('[' * 100_000, 'cannot be read'),
        ('[]', 'format None'),
        ('{"format": 99}', 'format 99; this version reads 1, 2'),
        ('{"format": 2}', 'recipe: is missing'),
        ({'files': {'a': {'sha256': '', 'size': '9'}}}, r"files\.a\.size: '9'; expected a whole number"),
        ({'inputs': [{'name': 'x'}]}, r'inputs\[0\]\.shape: is missing'),
        ({'inputs': [{'name': 'x', 'dtype': 'f', 'shape': [1.5]}]}, r'inputs\[0\]\.shape\[0\]: 1\.5; expected'),
        ({'engine': 'abacus'}, "no engine 'abacus'; there are torch,"),
    ],
)
def test_a_wrong_manifest_is_one_sentence_with_its_place(tmp_path, text, words):
    right = {'format': 2, 'recipe': 'net', 'variant': 'v', 'files': {}, 'digest': '', 'key': '', 'model_format': 'onnx',
             'engine': 'onnxruntime', 'inputs': [], 'outputs': []}  # fmt: skip
    if text is not None:
        (tmp_path / 'manifest.json').write_text(text if isinstance(text, str) else json.dumps(right | text))

    with pytest.raises(StepError, match=words) as told:
        load(tmp_path)

    assert '\n' not in str(told.value)


MACHINE = {'system': platform.system(), 'machine': platform.machine()}


@pytest.mark.parametrize(
    ('format', 'target', 'words'),
    [
        ('onnx', {'system': 'Windows', 'machine': 'ARM64'}, ''),
        ('aoti', MACHINE, ''),
        ('aoti', MACHINE | {'system': 'Windows'}, 'is compiled for Windows on'),
        ('aoti', MACHINE | {'features': 'avx2 amx_int8'}, 'is made for a CPU with amx_int8, which this one has not'),
        ('ort', MACHINE | {'features': 'avx2'}, 'is laid out for a CPU without avx512f, which this one has'),
        ('ort', MACHINE | {'features': 'avx2 avx512f'}, ''),
        ('ort', {'machine': 'aarch64', 'features': 'asimd'}, 'is made for aarch64; this is'),
    ],
)
def test_a_cpu_that_lacks_something_gets_a_sentence(monkeypatch, format, target, words):
    monkeypatch.setattr(cpu, 'flags', lambda: frozenset({'avx2', 'avx512f'}))

    assert words in misfit(manifest(model_format=format, target=target))
    assert bool(words) == bool(misfit(manifest(model_format=format, target=target)))


def test_a_library_for_another_cpu_is_refused_before_it_is_opened(tmp_path, monkeypatch):
    from stages.frameworks.tvm.emit import library

    system = platform.system().lower()
    made = library.Library('x86-64-v4', system, platform.machine(), '', ('avx512f',), (), (), 0, '', {}, {})
    library.write(made, tmp_path)  # no model.so is there: opening it would fail otherwise
    (tmp_path / 'manifest.json').write_text(json.dumps(
        {'format': 2, 'recipe': 'net', 'variant': 'tvm', 'files': {}, 'digest': '', 'key': '', 'model_format': 'tvm',
         'engine': 'tvm', 'inputs': [], 'outputs': []}))  # fmt: skip
    monkeypatch.setattr(cpu, 'flags', lambda: frozenset({'avx2'}))

    with pytest.raises(ForeignError, match='net:tvm is compiled for a CPU with avx512f; take one'):
        load(tmp_path)
