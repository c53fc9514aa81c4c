"""One look for a run that has nothing to do: it is believed only while nothing changed that it hangs on."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from stages.front import summary
from tests.small import ROOT

TASKS = {'net': [['int8', 'onnx -> onnx-quantize'], ['report', 'measure']]}
FILES = (
    'recipes/net.yaml', 'recipes/models/net.py', '.modelkiln/steps/1a2b.json', '.modelkiln/artifacts/net/int8.json',
    '.modelkiln/reports/net.json', 'artifacts/net/report.md', 'artifacts/net/int8/model.onnx', 'house/stages/cpu.py',
    'site/onnx-1.0.dist-info/METADATA', 'bin/qemu', 'machine', 'artifacts/index.html',
)  # fmt: skip


@pytest.fixture
def place(tmp_path, monkeypatch) -> Path:
    """A project whose one recipe was found current."""
    for name in FILES:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(name)
    (tmp_path / 'artifacts/README.md').write_text('beside the recipes, and none of them')
    monkeypatch.setattr(summary, 'HOUSE', tmp_path / 'house/stages')
    monkeypatch.setattr(summary, 'MACHINE', (str(tmp_path / 'machine'),))
    monkeypatch.setenv('PATH', str(tmp_path / 'bin'))
    monkeypatch.setattr(sys, 'path', [str(tmp_path / 'site')])
    time.sleep(2 * summary.TOO_NEW_SECONDS)
    summary.keep(tmp_path, summary.look(tmp_path), ['net'], TASKS)
    return tmp_path


def test_what_nothing_happened_to_is_current_as_a_whole_and_by_every_name(place):
    for asked in ([], ['net'], ['net:int8'], ['net:report', 'net']):
        assert summary.current(place, asked) == TASKS
    assert summary.current(place, ['net:float']) is None
    assert summary.current(place, ['other']) is None


@pytest.mark.parametrize('name', FILES[:8] + FILES[10:])
@pytest.mark.parametrize('how', ['edited', 'deleted', 'rewritten with its size and time'])
def test_whatever_a_recipe_hangs_on_is_looked_at_closer_when_it_changed(place, name, how):
    path, stat = place / name, (place / name).stat()
    path.unlink() if how == 'deleted' else path.write_text('?' * (stat.st_size if how.startswith('re') else 3))
    if how.startswith('re'):
        os.utime(path, ns=(stat.st_atime_ns, stat.st_mtime_ns))

    assert summary.current(place, []) is None


@pytest.mark.parametrize(
    'name',
    [
        'recipes/other.yaml', 'recipes/models/blocks.py', '.modelkiln/steps/3c4d.json', 'artifacts/net/int8/stray',
        '.modelkiln/artifacts/gone/v.json', Path('.modelkiln/store', 'tmp', 'left'), 'house/stages/new.py', 'bin/wine',
        '.modelkiln/foreign/linux-aarch64/runner',
    ],
)  # fmt: skip
def test_what_comes_new_is_looked_at_closer_too(place, name):
    (place / name).parent.mkdir(parents=True, exist_ok=True)
    (place / name).write_text('new')

    assert summary.current(place, []) is None


def test_another_version_of_a_package_is_looked_at_closer(place):
    (place / 'site/onnx-1.0.dist-info').rename(place / 'site/onnx-1.1.dist-info')

    assert summary.current(place, []) is None


def test_a_folder_elsewhere_is_not_vouched_for(place):
    (place / 'recipes/data').symlink_to(place / 'bin')

    assert summary.look(place) is None


def test_what_changed_a_moment_ago_may_change_once_more_and_is_not_kept(place):
    (place / '.modelkiln/summary.json').unlink()
    (place / 'recipes/net.yaml').write_text('just now')

    summary.keep(place, summary.look(place), ['net'], TASKS)

    assert summary.current(place, []) is None


def test_a_broken_summary_is_none(place):
    for text in (
        '',
        '[]',
        '{"format": 1}',
        '{"format": 9}',
        '{"format": 1, "common": "", "all": ["net"], "recipes": {"net": 1}}',
    ):
        (place / '.modelkiln/summary.json').write_text(text)

        assert summary.current(place, []) is None


def loaded(root: Path, *arguments: str) -> tuple[str, set[str]]:
    """Run doit in ``root``; return what it printed and which modules it loaded."""
    code = (
        'import sys; from doit.doit_cmd import DoitMain\n'
        'code = DoitMain().run(sys.argv[1:]); print("LOADED", code, *sys.modules)'
    )
    env = {**os.environ, 'PYTHONPATH': str(ROOT)}
    done = subprocess.run([sys.executable, '-c', code, *arguments], cwd=root, env=env, capture_output=True, text=True)
    text, _, modules = done.stdout.partition('LOADED 0 ')
    assert modules, done.stdout + done.stderr
    return text, set(modules.split())


def test_a_second_run_reads_no_recipe_and_says_the_same(tmp_path):
    for name in ('torch', 'onnx', 'openvino', 'nncf'):
        if importlib.util.find_spec(name) is None:
            pytest.skip('a recipe whose tools are missing is never current; needs modelkiln[torch,onnx,openvino]')
    spec = importlib.util.spec_from_file_location('noop', ROOT / 'benchmarks' / 'noop.py')
    assert spec is not None and spec.loader is not None
    noop = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(noop)
    noop.generate(tmp_path, 1)
    time.sleep(2 * summary.TOO_NEW_SECONDS)

    first, modules = loaded(tmp_path)
    assert 'stages.plan.make' in modules
    second, modules = loaded(tmp_path)
    assert 'stages.plan.make' not in modules
    assert second == first
    assert loaded(tmp_path, 'model-0:onnx')[0] == '  current model-0:onnx\n'
    assert 'stages.plan.make' in loaded(tmp_path, 'list')[1]

    recipe = tmp_path / 'recipes/model-0.yaml'
    recipe.write_text(recipe.read_text() + '# a comment\n')
    again, modules = loaded(tmp_path)
    assert 'stages.plan.make' in modules
    assert again == first
