"""What a user does, with the real doit: build, do nothing, change, go back, break, heal."""

from __future__ import annotations

import json
import shutil

import pytest

from stages.digest import file_digest
from tests.small import small_project

pytestmark = [pytest.mark.torch, pytest.mark.onnx, pytest.mark.slow]
VARIANTS = ('torch', 'torchscript', 'onnx', 'onnx-int8')


def test_a_recipe_becomes_artifacts_and_a_report(first_run):
    project, ran = first_run

    assert ran.code == 0, ran.text
    assert sorted(kind for kind in ran.built if kind not in ('check', 'probe')) == [
        'onnx',
        'onnx-quantize',
        'torch-source',
        'torchscript',  # the shared one once
    ]
    assert all((project.artifact(variant) / 'manifest.json').is_file() for variant in VARIANTS)
    assert (project.artifact('best')).read_text().strip() in VARIANTS
    page = (project.root / 'artifacts/tiny/report.html').read_text()
    assert all(variant in page for variant in VARIANTS)


def test_every_delivered_file_is_as_its_manifest_says(first_run):
    project, _ = first_run

    for variant in VARIANTS:
        folder = project.artifact(variant)
        told = json.loads((folder / 'manifest.json').read_text())['files']
        files = (p for p in folder.rglob('*') if p.is_file() and p.name != 'manifest.json')
        there = {p.relative_to(folder).as_posix(): file_digest(p) for p in files}
        assert there
        assert {name: file['sha256'] for name, file in told.items()} == there


def test_every_raw_sample_is_kept(first_run):
    kept = json.loads((first_run[0].root / 'artifacts/tiny/samples.json').read_text())['variants']

    assert kept.keys() == set(VARIANTS)
    for [series] in kept.values():  # one series for the one number of threads
        assert [len(cycle['time_ns']) for cycle in series['cycles']] == [3, 3]
        assert len({cycle['start'] for cycle in series['cycles']}) == 2
        assert all(
            cycle['rss_start_bytes'] < cycle['rss_import_bytes'] for cycle in series['cycles']
        )  # fresh processes


def test_a_second_run_does_nothing(first_run):
    project, _ = first_run
    before = {p: p.stat().st_mtime_ns for p in (project.root / 'artifacts').rglob('*') if p.is_file()}

    again = project.doit()

    assert again.code == 0
    assert again.built == []
    assert 'measured' not in again.text
    assert {p: p.stat().st_mtime_ns for p in (project.root / 'artifacts').rglob('*') if p.is_file()} == before


def test_a_changed_parameter_runs_exactly_its_steps_and_going_back_runs_none(small):
    was = (small.artifact('onnx-int8') / 'model.onnx').read_bytes()

    small.edit('onnx-quantize]', 'onnx-quantize: {conv: true}]')
    changed = small.doit('tiny:onnx-int8')
    assert changed.code == 0
    assert changed.built == ['onnx-quantize', 'check']
    assert (small.artifact('onnx-int8') / 'model.onnx').read_bytes() != was

    small.edit('onnx-quantize: {conv: true}]', 'onnx-quantize]')
    back = small.doit('tiny:onnx-int8')
    assert back.code == 0
    assert back.built == []
    assert (small.artifact('onnx-int8') / 'model.onnx').read_bytes() == was


def test_a_comment_anywhere_runs_nothing(small):
    small.edit('variants:', '# what to ship\nvariants:   # and how')
    model = small.root / 'recipes/models/tiny.py'
    model.write_text('# seeded, not trained\n' + model.read_text())

    ran = small.doit('tiny:onnx-int8')

    assert ran.code == 0
    assert ran.built == []


def test_another_model_is_another_source_and_all_behind_it(small):
    model = small.root / 'recipes/models/tiny.py'
    model.write_text(model.read_text().replace('manual_seed(3)', 'manual_seed(4)'))

    ran = small.doit('tiny:torchscript')

    assert ran.code == 0
    assert [kind for kind in ran.built if kind not in ('check', 'probe')] == ['torch-source', 'torchscript']


def test_a_flipped_byte_is_healed_without_building(small):
    path = small.artifact('onnx') / 'model.onnx'
    was = path.read_bytes()
    path.chmod(0o644)
    path.write_bytes(was[:100] + bytes([was[100] ^ 1]) + was[101:])

    ran = small.doit('tiny:onnx')

    assert ran.code == 0
    assert ran.built == []
    assert path.read_bytes() == was


@pytest.mark.skipif(not shutil.which('g++'), reason='needs a C++ compiler: apt-get install g++')
def test_inductor_loaded_before_its_step_began_writes_where_the_step_may(small):
    small.edit('  onnx: [onnx', '  aoti: [aoti]\n  onnx: [onnx')

    ran = small.doit('tiny:aoti')

    assert ran.code == 0, ran.text
    assert 'aoti' in ran.built


def test_a_broken_variant_fails_alone(small):
    small.edit('  onnx:', '  scripted: [torchscript: {method: script}]\n  onnx:')

    ran = small.doit()

    assert ran.code != 0
    assert 'torch.jit.script cannot do this to this model' in ran.text
    assert 'modelkiln repeat torchscript-' in ran.text
    assert not small.artifact('scripted').exists()
    assert all((small.artifact(variant) / 'manifest.json').is_file() for variant in VARIANTS)
    assert 'scripted' in (small.root / 'artifacts/tiny/report.md').read_text()


def test_a_wrong_recipe_ends_with_2_and_leaves_everything_as_it_was(small):
    before = {p: p.read_bytes() for p in small.root.rglob('*') if p.is_file()}
    small.edit('onnx-quantize]', 'onnx-quantise]')
    before[small.recipe] = small.recipe.read_bytes()

    ran = small.doit()

    assert ran.code == 2
    assert 'did you mean `onnx-quantize`?' in ran.text
    assert {p: p.read_bytes() for p in small.root.rglob('*') if p.is_file()} == before


def test_a_wrong_recipe_in_a_fresh_clone_leaves_nothing_on_disk(tmp_path):
    project = small_project(tmp_path / 'project')
    project.edit('onnx-quantize]', 'onnx-quantise]')
    before = {*project.root.rglob('*')}

    ran = project.doit()

    assert ran.code == 2
    assert {p for p in project.root.rglob('*') if '__pycache__' not in p.parts} == before
