"""A key names the bytes that ran: what is edited, and edited back, while a step waits or is laid out."""

from __future__ import annotations

import os
import time
from contextlib import suppress
from pathlib import Path

import pytest

from stages.execute.ensure import copy_result, ensure
from stages.execute.materialise import Changed, materialise
from stages.store.locks import locked


def wait_until_it_waits_for(lock: Path, pid: int) -> None:
    """Return as soon as process ``pid`` has the file of the lock open."""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        for handle in Path(f'/proc/{pid}/fd').iterdir():
            with suppress(OSError):
                if os.readlink(handle) == str(lock):
                    return
        time.sleep(0.01)
    raise AssertionError('it never came to the lock')


@pytest.mark.parametrize('seconds', [0.0, 1.0], ids=['restored after the step', 'restored while the step runs'])
def test_fault_06_an_input_edited_while_its_step_waits_and_restored_poisons_no_key(chain, seconds):
    data = chain.root / 'recipes/data.txt'
    data.write_text('one')
    chain.set({'name': 'a', 'path': 'data.txt', 'seconds': seconds})
    project = chain.project()
    lock = project.store.lock(project.key(next(iter(project.plan.steps.values()))))
    with locked(lock):
        process = chain.start()
        wait_until_it_waits_for(lock, process.pid)
        data.write_text('TWO')
    chain.wait_for('a')
    data.write_text('one')
    process.communicate(timeout=60)

    assert chain.doit()[0] == 0

    assert chain.artifact().read_text() == 'one'


def test_an_input_that_changed_since_the_key_was_made_is_read_under_another_key(chain, monkeypatch):
    data = chain.root / 'recipes/data.txt'
    data.write_text('one')
    chain.set({'name': 'a', 'path': 'data.txt'})
    project = chain.project()
    step = next(iter(project.plan.steps.values()))
    old = project.key(step)
    data.write_text('two')  # the project has looked already

    assert ensure(project, step) is None

    assert project.store.find(old) is None
    assert project.store.read(project.store.find(project.stamps[step.id].key).files['out.txt']) == b'two'


def test_other_bytes_of_an_input_step_than_the_action_names_are_not_run(chain, tmp_path_factory):
    project = chain.project()
    first, second, _ = project.plan.steps.values()
    assert ensure(project, first) is None
    action = project.action(second) | {'inputs': {'model': 'of other bytes'}}

    with pytest.raises(Changed, match=first.name):
        materialise(project, second, tmp_path_factory.mktemp('step'), copy_result, action)
