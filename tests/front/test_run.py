"""doit's `run` as an installed Modelkiln gives it: -v needs no number, and ^C no traceback."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
import tomllib
from pathlib import Path

import pytest

from stages.front.run import with_level
from tests.faults.conftest import ROOT
from tests.faults.conftest import chain as chain

POINTS = tomllib.loads((ROOT / 'pyproject.toml').read_text('utf-8'))['project']['entry-points']


@pytest.fixture
def installed(tmp_path_factory) -> dict[str, str]:
    """Return an environment in which the entry points of pyproject.toml are those of an installed package."""
    folder = tmp_path_factory.mktemp('site')
    (folder / 'modelkiln-9.dist-info').mkdir()
    (folder / 'modelkiln-9.dist-info/METADATA').write_text('Name: modelkiln\nVersion: 9\n')
    lines = [
        line for group, all_of_it in POINTS.items() for line in (f'[{group}]', *map(' = '.join, all_of_it.items()))
    ]
    (folder / 'modelkiln-9.dist-info/entry_points.txt').write_text('\n'.join(lines) + '\n')
    return {'PYTHONPATH': f'{folder}:{ROOT}'}


def test_v_alone_shows_the_log_of_a_step_and_a_name_behind_it_is_a_name(chain, installed):
    chain.set({'name': 'a', 'does': 'peek', 'text': '/nowhere'}, others={'w': [{'name': 'b'}]})  # a traceback

    logs = {
        given: '  log     fake-' in chain.doit(*given, 'fake:v', env=installed)[1]
        for given in ((), ('-v',), ('-v', '0'), ('-v', '2'))
    }

    assert logs == {(): False, ('-v',): True, ('-v', '0'): False, ('-v', '2'): True}


@pytest.mark.parametrize(
    ('given', 'meant'),
    [
        (['-v'], ['-v2']), (['-v', 'net'], ['-v2', 'net']), (['-v', '0'], ['-v', '0']), (['-v1'], ['-v1']),
        (['-n', '2', '-v', 'a:b'], ['-n', '2', '-v2', 'a:b']), (['net'], ['net']), ([], []),
    ],
)  # fmt: skip
def test_a_level_is_doits_when_it_is_said(given, meant):
    assert with_level(given) == meant


def test_stopped_while_a_dodo_is_read_it_says_one_line(tmp_path, installed):
    (tmp_path / 'dodo.py').write_text('import time\nprint("reading", flush=True)\ntime.sleep(60)\n')
    process = subprocess.Popen(
        [sys.executable, '-m', 'doit'], cwd=tmp_path, env=os.environ | installed, text=True,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # a shell's background job has none
    )  # fmt: skip
    assert process.stdout and process.stdout.readline() == 'reading\n'
    time.sleep(0.2)
    process.send_signal(signal.SIGINT)

    _, said = process.communicate(timeout=60)

    assert (process.returncode, said.split('\n')) == (130, ['', 'modelkiln: stopped', ''])


def test_the_run_is_doits_where_the_project_is_another_ones(tmp_path, installed):
    Path(tmp_path, 'dodo.py').write_text("def task_a():\n    return {'actions': ['echo of-a-shell']}\n")

    done = subprocess.run(
        [sys.executable, '-m', 'doit', '-v', '2'], cwd=tmp_path, env=os.environ | installed, capture_output=True,
        text=True, check=True,
    )  # fmt: skip

    assert done.stdout == '.  a\nof-a-shell\n'


def test_who_names_a_task_twice_gets_the_others_as_well(tmp_path, installed):
    body = ''.join(f"def task_{name}():\n    return {{'actions': ['echo of-{name}']}}\n" for name in 'ab')
    Path(tmp_path, 'dodo.py').write_text(body)

    done = subprocess.run(
        [sys.executable, '-m', 'doit', '-v', '2', 'a', 'a', 'b'], cwd=tmp_path, env=os.environ | installed,
        capture_output=True, text=True, check=True,
    )  # fmt: skip

    assert [line for line in done.stdout.split() if line.startswith('of-')] == ['of-a', 'of-b']
