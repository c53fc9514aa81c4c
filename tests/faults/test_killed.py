"""1 to 5: whoever is killed, whenever: nothing half made is seen, nothing made is lost, nobody goes on."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time

import pytest

from stages.execute.ensure import ensure
from tests.faults.conftest import ROOT
from tests.faults.processes import alive_below, children, gone

EVERY = [signal.SIGKILL, signal.SIGTERM, signal.SIGINT, signal.SIGHUP]


def test_fault_01_killed_while_it_makes_a_lost_output_again_the_artifact_is_never_a_part_of_it(chain):
    chain.set({'name': 'a', 'text': 'A' * 9}, {'name': 'b', 'text': 'B', 'seconds': 0.7})
    chain.doit()
    chain.blob(b'A' * 9 + b'B').unlink()
    chain.artifact().unlink()
    chain.ran()
    process = chain.start()
    chain.wait_for('b')
    process.kill()
    process.communicate()
    assert not chain.artifact().exists()

    process = chain.start()
    seen = set()
    while process.poll() is None:
        seen |= {path.read_bytes() for path in (chain.root / 'artifacts').rglob('out.txt')}
    assert (process.returncode, seen) in ((0, {b'A' * 9 + b'B'}), (0, set()))
    assert chain.artifact().read_bytes() == b'A' * 9 + b'B'
    assert 'b' in chain.ran()


@pytest.mark.parametrize(('number', 'at'), [*zip(EVERY, 'abde', strict=True)])
def test_fault_02_killed_in_any_step_the_next_run_goes_on_from_the_last_finished_one(chain, number, at):
    steps = [{'name': name, 'text': name, 'seconds': 0.0 if name != at else 0.6} for name in 'abcde']
    chain.set(*steps)
    process = chain.start()
    chain.wait_for(at)
    process.send_signal(number)
    text = process.communicate(timeout=30)[0]
    assert process.returncode != 0
    assert 'Traceback' not in text
    assert not chain.artifact().exists()
    assert gone(chain.root)
    assert chain.ran() == [*'abcde'[: 'abcde'.index(at) + 1]]

    assert chain.doit()[0] == 0
    assert chain.ran() == [*'abcde'['abcde'.index(at) :]]
    assert chain.artifact().read_text() == 'abcde'


def test_fault_02_what_a_killed_run_left_lying_the_next_one_takes_away(chain):
    chain.set({'name': 'a', 'text': 'A', 'seconds': 1.0})
    process = chain.start()
    chain.wait_for('a')
    process.kill()
    process.communicate()

    assert chain.doit()[0] == 0
    assert chain.temporary() == []


@pytest.mark.parametrize('number', EVERY)
@pytest.mark.parametrize('arguments', [[], ['-n', '2']])
def test_fault_03_no_step_outlives_the_run(chain, number, arguments):
    chain.set({'name': 'slow', 'seconds': 60.0}, others={'w': [{'name': 'other', 'seconds': 60.0}]})
    process = chain.start(*(arguments or ['-n', '1']))
    for name in ['slow', 'other'][: len(arguments) or 1]:
        chain.wait_for(name)
    process.send_signal(number)
    process.communicate(timeout=20)

    assert gone(chain.root)


@pytest.mark.parametrize('number', [signal.SIGINT, signal.SIGTERM])
def test_fault_03_a_thread_that_measures_goes_on_with_nothing_once_the_run_is_stopped(small, number):
    small.edit('cycles: 2', 'cycles: 200')
    process = subprocess.Popen(
        [sys.executable, '-m', 'doit', '-n', '2'], cwd=small.root, env=os.environ | {'PYTHONPATH': str(ROOT)},
        text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
    )  # fmt: skip
    assert process.stdout is not None
    while 'round 1 of' not in process.stdout.readline():
        assert process.poll() is None
    process.send_signal(number)
    text = process.communicate(timeout=60)[0]

    assert process.returncode == 128 + number
    assert text.count('round') < 5
    assert 'Traceback' not in text


def test_fault_03_killed_while_a_step_is_just_being_started_nobody_is_left(chain):
    chain.set({'name': 'slow', 'text': 'x', 'seconds': 3.0})
    for _ in range(4):
        process = chain.start()
        while not children(process.pid):
            time.sleep(0.001)
        process.kill()
        process.communicate(timeout=20)
        assert gone(chain.root)


@pytest.mark.parametrize('number', [signal.SIGKILL])
@pytest.mark.parametrize('does', ['leave-child', 'leave-daemon'])
def test_fault_03_what_a_step_started_dies_with_doit(chain, number, does):
    chain.set({'name': 'slow', 'seconds': 60.0, 'does': does})
    process = chain.start()
    chain.wait_for('beat')
    process.send_signal(number)
    process.communicate(timeout=20)

    assert gone(chain.root)
    beats = len(chain.began())
    time.sleep(0.2)
    assert len(chain.began()) == beats


@pytest.mark.parametrize('does', ['leave-child', 'leave-daemon'])
def test_fault_03_what_a_step_leaves_running_ends_with_the_step(chain, does):
    chain.set({'name': 'a', 'text': 'A', 'does': does})

    code, _ = chain.doit()

    assert code == 0
    assert chain.artifact().read_text() == 'A'
    assert gone(chain.root)


@pytest.mark.parametrize('arguments', [[], ['-n', '2']])
@pytest.mark.parametrize(('does', 'words'), [('die', 'SIGKILL'), ('crash', 'SIGSEGV'), ('exit', 'left no result')])
def test_fault_04_a_step_that_dies_fails_its_variant_and_the_others_go_on(chain, arguments, does, words):
    chain.set({'name': 'a', 'text': 'A'}, {'name': 'b', 'does': does}, others={'fine': [{'name': 'x', 'text': 'X'}]})

    code, text = chain.doit(*arguments)

    assert code != 0
    assert words in text
    assert 'modelkiln repeat fake-' in text
    assert chain.artifact('fine').read_text() == 'X'
    assert not chain.artifact().exists()


def test_fault_05_a_step_that_takes_too_long_is_stopped_even_if_it_ignores_sigterm(chain):
    chain.set({'name': 'a', 'seconds': 60.0, 'does': 'ignore-sigterm', 'timeout': 1.0})
    project = chain.project()

    failure = ensure(project, next(iter(project.plan.steps.values())))

    assert failure is not None
    assert 'longer than its limit of 1 s' in failure.reason
    project.launcher.close()
    assert not alive_below(chain.root)
    assert not [*chain.state.glob('store/results/*/*')]


def test_fault_05_a_step_that_leaves_a_pipe_for_its_progress_is_stopped_as_well(chain):
    chain.set({'name': 'a', 'seconds': 60.0, 'does': 'pipe', 'timeout': 1.0})
    project = chain.project()

    failure = ensure(project, next(iter(project.plan.steps.values())))

    project.launcher.close()
    assert failure is not None
    assert 'longer than its limit of 1 s' in failure.reason


def test_fault_05_a_limit_says_how_long_to_wait_not_what_comes_out(chain):
    chain.set({'name': 'a', 'text': 'A', 'timeout': 60.0})
    chain.doit()
    chain.ran()
    chain.set({'name': 'a', 'text': 'A', 'timeout': 61.0})

    assert chain.doit()[0] == 0
    assert chain.ran() == []


def test_processes_instead_of_threads_are_refused_with_a_sentence():
    from stages.front.tasks import _wants_processes

    assert _wants_processes(['doit', '-n', '2', '-P', 'process'])
    assert _wants_processes(['doit', '--parallel-type=process'])
    assert not _wants_processes(['doit', '-n', '2', 'process'])
