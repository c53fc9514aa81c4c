"""A deployment needs NumPy and one engine: nothing that builds, reads recipes or checks documents is imported."""

from __future__ import annotations

import subprocess
import sys
import time
import tomllib
from pathlib import Path

import pytest

from stages.engines import ENGINES
from tests.deliver.releases import made, pulled, pushed

ROOT = Path(__file__).resolve().parents[2]
BUILDING = (
    'torch',
    'doit',
    'yaml',
    'jsonschema',
    'portalocker',
    'cloudpickle',
    'onnx',
    'tensorflow',
    'tvm',
    'matplotlib',
)
OURS = (
    'stages.recipe',
    'stages.plan',
    'stages.execute',
    'stages.layout',
    'stages.store',
    'stages.sources',
    'stages.kinds',
)


@pytest.mark.parametrize('package', BUILDING)
def test_loading_goes_without(package: str) -> None:
    code = f'import sys; sys.modules[{package!r}] = None; import stages, stages.deliver.load; stages.load'

    subprocess.run([sys.executable, '-c', code], cwd=ROOT, check=True)


def test_every_engine_has_an_extra_of_its_own_with_the_versions_that_build() -> None:
    extras = tomllib.loads((ROOT / 'pyproject.toml').read_text('utf-8'))['project']['optional-dependencies']
    alone = {name.removeprefix('run-'): pins for name, pins in extras.items() if name.startswith('run-')}
    building = {pin for name, pins in extras.items() if not name.startswith('run-') for pin in pins}

    assert {*alone} == {name for name, engine in ENGINES.items() if not engine.ENVIRONMENT}
    assert {pin for pins in alone.values() for pin in pins} <= building
    for name, pins in alone.items():
        assert {tool for tool in ENGINES[name].TOOLS if tool != 'numpy'} <= {pin.partition('==')[0] for pin in pins}


def test_loading_loads_no_room_that_builds() -> None:
    code = 'import sys, stages.deliver.load; print(*sys.modules)'

    done = subprocess.run([sys.executable, '-c', code], cwd=ROOT, check=True, capture_output=True, text=True)

    assert [name for name in done.stdout.split() if name.startswith(OURS)] == []


def test_the_command_goes_without_them_too() -> None:
    blocked = f'sys.modules |= dict.fromkeys({BUILDING!r})'
    code = f'import sys; {blocked}; from stages.command.main import main; sys.exit(main(["run", "nowhere"]))'

    done = subprocess.run([sys.executable, '-c', code], cwd=ROOT, capture_output=True, text=True)

    told = done.stderr.splitlines()[-1]
    assert (done.returncode, told) == (4, 'nowhere: is no folder; expected one that holds manifest.json')


@pytest.mark.parametrize(
    'package', ['torch', 'doit', 'yaml', 'jsonschema', 'numpy', 'requests', 'oras', 'model_signing']
)
@pytest.mark.parametrize('command', ['pull', 'rollback', 'verify'])
def test_pulling_and_verifying_go_without(tmp_path: Path, package: str, command: str) -> None:
    for name, version in (('one', b'1'), ('two', b'2')):
        pushed(made(tmp_path / name, {'model.onnx': version}), f'file://{tmp_path}/net')
        pulled(f'file://{tmp_path}/net', tmp_path / 'to')
    asked = {
        'pull': ['pull', f'file://{tmp_path}/net', '--to', str(tmp_path / 'to')],
        'rollback': ['rollback', str(tmp_path / 'to')],
        'verify': ['verify', str(tmp_path / 'to')],
    }
    code = f'import sys; sys.modules[{package!r}] = None; from stages.command.main import main; sys.exit(main())'

    done = subprocess.run([sys.executable, '-c', code, *asked[command]], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def seconds(*commands: list[str]) -> list[float]:
    """Return the least seconds, by the wall, that each command takes; they take turns, so a busy moment meets all."""
    taken: list[list[float]] = [[] for _ in commands]
    for _ in range(9):
        for times, command in zip(taken, commands, strict=True):
            begun = time.perf_counter()
            subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
            times.append(time.perf_counter() - begun)
    return [min(times) for times in taken]


def test_a_pull_of_what_is_there_takes_less_than_a_tenth_of_a_second(tmp_path: Path) -> None:
    command = there(tmp_path)
    (tmp_path / 'net').rename(tmp_path / 'gone')

    pull, python = seconds(command, [sys.executable, '-c', 'pass'])

    assert pull < max(0.1, 8 * python)  # Python alone takes 0.015 s, and more on a busy machine


def test_a_pull_of_what_is_there_loads_nothing_that_fetches_writes_or_explains(tmp_path: Path) -> None:
    fetches = {'hashlib', 'ssl', 'socket', 'urllib.request', 'http.client', 'stages.deliver.bring'}
    writes = {'tempfile', 'random', 'stages.store.locks', 'portalocker'}
    explains = {'difflib', 'stages.recipe.mistakes', 'stages.store.disk', 'tomllib'}
    code = 'import sys; from stages.command.main import main; main(sys.argv[1:]); print(*sys.modules)'

    done = subprocess.run(
        [sys.executable, '-c', code, *there(tmp_path)[3:]], cwd=ROOT, check=True, capture_output=True, text=True
    )

    assert {*done.stdout.split()} & (fetches | writes | explains) == set()


def there(home: Path) -> list[str]:
    """Pull a release; return the command that pulls it again."""
    one = made(home / 'one')
    pushed(one, f'file://{home}/net')
    place = f'file://{home}/net@{one.release.digest}'
    pulled(place, home / 'to')
    return [sys.executable, '-m', 'stages.command.main', 'pull', place, '--to', str(home / 'to')]
