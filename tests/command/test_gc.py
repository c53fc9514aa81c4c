"""Collecting: what the recipes need stays, also beside a build; the rest goes, by the rule that was given."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest

from stages.command.main import main
from stages.recipe.units import AGES, SIZES, amount
from tests.faults.conftest import chain_at
from tests.small import Small, small_project

DAY = 86400


@pytest.fixture(scope='module')
def two_states(first_run, tmp_path_factory) -> Small:
    """A built project with results of two states. Left as it is."""
    assert first_run[1].code == 0, first_run[1].text
    project = Small(Path(shutil.copytree(first_run[0].root, tmp_path_factory.mktemp('edited') / 'project')))
    project.edit('opset: 17}, onnx-quantize', 'opset: 16}, onnx-quantize')
    ran = project.doit('tiny:onnx-int8')
    assert ran.code == 0, ran.text
    return project


@pytest.fixture
def edited(two_states, tmp_path, monkeypatch) -> Small:
    """A copy of it, to change; the current folder."""
    shutil.copytree(two_states.root, tmp_path / 'project')
    monkeypatch.chdir(tmp_path / 'project')
    return Small(tmp_path / 'project')


def blobs(project: Small) -> set[str]:
    return {path.name for path in project.root.glob('.modelkiln/store/blobs/*/*')}


def age(project: Small, days: float) -> None:
    then = time.time() - days * DAY
    for path in project.root.rglob('.modelkiln/**/*'):
        if path.is_file():
            os.utime(path, (then, then))


def everything(project: Small) -> dict[str, bytes]:
    return {str(p): p.read_bytes() for p in sorted(project.root.rglob('*')) if p.is_file()}


def freed(capsys, *arguments: str) -> str:
    capsys.readouterr()
    assert main(['gc', *arguments]) == 0
    return capsys.readouterr().out


def test_what_the_recipes_do_not_reach_goes_and_the_rest_is_current(edited, capsys):
    age(edited, 1)
    before = blobs(edited)

    freed(capsys)

    assert 0 < len(blobs(edited)) < len(before)
    assert main(['verify']) == 0
    assert edited.doit('tiny:onnx-int8').built == []
    assert 'results' not in freed(capsys)


def test_a_dry_run_says_the_same_and_changes_nothing(edited, capsys):
    age(edited, 1)
    before = everything(edited)

    told = freed(capsys, '--dry-run')

    assert everything(edited) == before
    told = [line for line in told.splitlines() if 'stored files' in line]
    assert told == [line for line in freed(capsys).splitlines() if 'stored files' in line]


def test_a_state_that_was_kept_is_gone_back_to_without_building(edited, capsys):
    age(edited, 1)

    assert 'results' not in freed(capsys, '--keep', '1GiB')
    assert 'results' not in freed(capsys, '--older', '2d')
    edited.edit('opset: 16}, onnx-quantize', 'opset: 17}, onnx-quantize')
    assert edited.doit('tiny:onnx-int8').built == []

    age(edited, 3)
    assert 'results' in freed(capsys, '--older', '2d')


def test_lock_files_temporary_folders_and_old_logs_go_too(edited, capsys):
    age(edited, 1)
    state = edited.root / '.modelkiln'
    (state / 'store/tmp/1-dead').mkdir()
    (state / 'logs/onnx-00000000.log').write_text('old')
    os.utime(state / 'logs/onnx-00000000.log', (1, 1))
    (state / 'doit.db').touch()
    os.utime(state / 'doit.db', (1, 1))

    freed(capsys)

    left = {path.name for path in state.rglob('*')}
    assert not {'1-dead', 'onnx-00000000.log', 'doit.db'} & left
    assert os.listdir(state / 'store/locks') == os.listdir(state / 'locks') == []


def test_samples_are_dear_and_stay_longer(small, monkeypatch, capsys):
    monkeypatch.chdir(small.root)
    small.edit('cycles: 2', 'cycles: 3')
    age(small, 10)
    assert 'samples' not in freed(capsys)

    age(small, 40)

    assert 'samples' in freed(capsys)


@pytest.mark.parametrize('rule', [('--keep', 'much'), ('--older', '3 moons'), ('--keep', '1GB', '--older', '3d')])
def test_a_rule_that_is_none_is_a_mistake(small, monkeypatch, capsys, rule):
    monkeypatch.chdir(small.root)

    with pytest.raises(SystemExit) as ended:
        main(['gc', *rule])

    assert ended.value.code == 2


def test_sizes_and_ages():
    assert (amount('2GiB', SIZES), amount('500 MB', SIZES)) == (2 << 30, 5e8)
    assert (amount('30d', AGES), amount('12h', AGES), amount('3x', AGES)) == (30 * DAY, 12 * 3600, None)


def test_du_says_what_gc_frees(edited, capsys):
    age(edited, 1)
    before = sum(path.stat().st_size for path in edited.root.glob('.modelkiln/store/blobs/*/*'))
    main(['du', '--bytes'])
    told = {line[14:31].strip(): int(line.split()[0]) for line in capsys.readouterr().out.splitlines()}
    assert told['stored files'] + told['not reached'] == before

    freed(capsys)

    after = sum(path.stat().st_size for path in edited.root.glob('.modelkiln/store/blobs/*/*'))
    assert told['not reached'] == before - after > 0
    assert told['stored files'] == after


def test_du_changes_nothing(edited, capsys):
    before = everything(edited)

    assert main(['du']) == 0

    assert everything(edited) == before


HOLD = """
import sys, time
from pathlib import Path
from stages.store.store import Store
store = Store(Path(sys.argv[1]))
for path in Path(sys.argv[1]).glob('results/*/*.json'):
    assert store.use(path.stem)
print('used', flush=True)
time.sleep(60)
"""


def test_what_a_living_run_uses_stays(edited, capsys):
    age(edited, 1)
    store = edited.root / '.modelkiln/store'
    run = subprocess.Popen(
        [sys.executable, '-c', HOLD, str(store)], cwd=Path(__file__).resolve().parents[2], stdout=subprocess.PIPE,
        text=True,
    )  # fmt: skip
    assert run.stdout is not None and run.stdout.readline() == 'used\n'
    before = blobs(edited)

    freed(capsys, '--keep', '0')
    assert blobs(edited) == before
    run.kill()
    run.communicate()
    age(edited, 1)
    freed(capsys, '--keep', '0')

    assert blobs(edited) < before


def test_a_full_disk_gets_room_by_collecting(small_disk, monkeypatch, capsys):
    chain = chain_at(small_disk / 'project')
    chain.set({'name': 'a', 'text': 'A' * 1_000_000})
    assert chain.doit()[0] == 0
    chain.set({'name': 'a', 'text': 'B'})
    assert chain.doit()[0] == 0
    age(Small(chain.root), 1)
    (small_disk / 'ballast').write_bytes(bytes(os.statvfs(small_disk).f_bavail * 4096))
    monkeypatch.chdir(chain.root)
    monkeypatch.setattr('stages.command.gc.open_project', lambda root: chain.project())

    assert main(['gc', '--dry-run']) == 0
    assert 'stored files' in freed(capsys)

    assert os.statvfs(small_disk).f_bavail * 4096 > 900_000
    assert chain.artifact().read_text() == 'B'


def test_what_stood_before_and_what_a_kind_kept_stays_a_month_after_nothing_reaches_it(edited, capsys):
    state = edited.root / '.modelkiln'
    gone = [state / 'lineage/tiny/gone.json', state / 'lineage/.code/0abc.json', state / 'kept/gone/records.json']
    for path in gone:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text('{}')
    reached = {*state.glob('lineage/*/*.json')} - {*gone}
    assert len(reached) > 1

    freed(capsys)
    assert all(path.exists() for path in gone)
    age(edited, 31)
    os.utime(state / 'kept/gone', (1, 1))  # age() sets files alone
    told = freed(capsys)

    assert not any(path.exists() for path in gone)
    assert reached == {*state.glob('lineage/*/*.json')}
    assert '2 lineages' in told and '1 kept work' in told


def test_an_environment_of_all_projects_goes_when_nobody_used_it_for_a_month(tmp_path, monkeypatch, capsys):
    (small_project(tmp_path / 'project').root / '.modelkiln').mkdir()
    monkeypatch.chdir(tmp_path / 'project')
    monkeypatch.setenv('MODELKILN_ENVIRONMENTS', str(tmp_path / 'cache'))
    for name, days in (('mxnet-0', 29), ('paddle-1', 31)):
        (tmp_path / 'cache' / name).mkdir(parents=True)
        (tmp_path / 'cache' / name / 'made.json').write_text('{}')
        os.utime(tmp_path / 'cache' / name / 'made.json', (time.time() - days * DAY,) * 2)

    assert '1 shared environments' in freed(capsys, '--dry-run')
    freed(capsys)
    assert [path.name for path in (tmp_path / 'cache').glob('[!.]*')] == ['mxnet-0']

    freed(capsys, '--older', '7d')
    assert not [*(tmp_path / 'cache').glob('[!.]*')]
