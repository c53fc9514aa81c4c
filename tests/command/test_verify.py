"""``verify`` fails on whatever the next ``doit`` heals, however well it was hidden."""

from __future__ import annotations

import hashlib
import json
import shutil
from pathlib import Path

import pytest

from stages.command.main import main
from tests.small import Small


@pytest.fixture
def built(small, monkeypatch) -> Small:
    monkeypatch.chdir(small.root)
    return small


def edit_with_manifest(project: Small) -> None:
    """Another model under its name, with a manifest that says so."""
    folder = project.artifact('onnx')
    (folder / 'model.onnx').write_bytes(b'other')
    manifest = json.loads((folder / 'manifest.json').read_text())
    manifest['files']['model.onnx'] = {'sha256': hashlib.sha256(b'other').hexdigest(), 'size': 5}
    (folder / 'manifest.json').write_text(json.dumps(manifest))


def edit_with_manifest_and_note(project: Small) -> None:
    edit_with_manifest(project)
    note = project.root / '.modelkiln/artifacts/tiny/onnx.json'
    read = json.loads(note.read_text())
    for name, file in read['files'].items():
        file['sha256'] = hashlib.sha256((project.artifact('onnx') / name).read_bytes()).hexdigest()
    note.write_text(json.dumps(read))


def tamper_without_manifest(project: Small) -> None:
    (project.artifact('onnx') / 'model.onnx').write_bytes(b'other')
    (project.artifact('onnx') / 'manifest.json').unlink()


def artifacts_and_notes_gone(project: Small) -> None:
    shutil.rmtree(project.root / 'artifacts')
    shutil.rmtree(project.root / '.modelkiln/artifacts')


def flip(path: Path) -> None:
    path.chmod(0o644)
    path.write_bytes(b'?')


def first(project: Small, pattern: str):
    return next(iter(sorted(project.root.glob(f'.modelkiln/{pattern}'))))


HARMS = {
    'file and manifest': edit_with_manifest,
    'file, manifest and note': edit_with_manifest_and_note,
    'file, no manifest': tamper_without_manifest,
    'all artifacts gone': lambda p: shutil.rmtree(p.root / 'artifacts'),
    'all artifacts and notes gone': artifacts_and_notes_gone,
    'the notes gone': lambda p: shutil.rmtree(p.root / '.modelkiln/artifacts'),
    'a blob missing': lambda p: first(p, 'store/blobs/*/*').unlink(),
    'a blob flipped': lambda p: flip(first(p, 'store/blobs/*/*')),
    'a result broken': lambda p: first(p, 'store/results/*/*.json').write_text('{"files": {}'),
    'a result of something else': lambda p: shutil.copy(
        first(p, 'store/results/*/*.json'), sorted(p.root.glob('.modelkiln/store/results/*/*.json'))[-1]
    ),
    'a result gone': lambda p: first(p, 'store/results/*/*.json').unlink(),
    'a stamp broken': lambda p: first(p, 'steps/*.json').write_text('[]'),
    'samples broken': lambda p: first(p, 'store/samples/*/*.json').write_text('{}'),
    'a page edited': lambda p: (p.root / 'artifacts/tiny/report.html').write_text('<b>best</b>'),
    'a page gone': lambda p: (p.root / 'artifacts/tiny/best').unlink(),
    'a broken note': lambda p: first(p, 'artifacts/tiny/onnx.json').write_text('{"key": 1}'),
    'a file is a link': lambda p: (
        (p.artifact('onnx') / 'model.onnx').unlink(),
        (p.artifact('onnx') / 'model.onnx').symlink_to('/etc/hostname'),
    ),
}  # fmt: skip


@pytest.mark.parametrize('harm', HARMS.values(), ids=HARMS.keys())
def test_verify_fails_and_says_what_differs(built, capsys, harm):
    assert main(['verify']) == 0
    harm(built)

    assert main(['verify']) == 6

    said = capsys.readouterr().err
    assert str(built.root) in said
    assert 'Traceback' not in said


@pytest.mark.parametrize('harm', ['file, manifest and note', 'a blob missing', 'a result broken', 'a stamp broken'])
def test_after_repair_and_a_run_all_is_as_recorded(built, harm):
    HARMS[harm](built)

    assert main(['verify', '--repair']) == 6
    ran = built.doit()

    assert ran.code == 0, ran.text
    assert main(['verify']) == 0


def test_looking_changes_nothing(built):
    before = {str(p): p.read_bytes() for p in sorted(built.root.rglob('*')) if p.is_file()}

    main(['verify'])

    assert {str(p): p.read_bytes() for p in sorted(built.root.rglob('*')) if p.is_file()} == before


def test_a_project_that_was_never_built_has_nothing_wrong(tmp_path, monkeypatch):
    from tests.small import small_project

    monkeypatch.chdir(small_project(tmp_path).root)

    assert main(['verify']) == 0
