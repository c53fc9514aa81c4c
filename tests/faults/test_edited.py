"""6 and 7: a result is of the content that its key names, whenever somebody edits, and however stealthily."""

from __future__ import annotations

import os

import pytest

from stages.execute.ensure import is_current


def test_fault_06_an_input_edited_while_the_step_runs_is_never_recorded_as_built(chain):
    data = chain.root / 'recipes/data.txt'
    data.write_text('one')
    chain.set({'name': 'a', 'path': 'data.txt', 'seconds': 1.0})
    process = chain.start()
    chain.wait_for('a')
    data.write_text('two')
    text = process.communicate(timeout=30)[0]
    assert process.returncode != 0
    assert 'changed while it ran' in text
    assert not [*chain.state.glob('store/results/*/*')]

    chain.doit()

    assert chain.artifact().read_text() == 'two'


@pytest.mark.parametrize('times', ['kept', '1970', '2099'])
def test_fault_07_an_edit_of_the_same_size_is_noticed_whatever_its_mtime_says(chain, times):
    data = chain.root / 'recipes/data.txt'
    data.write_text('one')
    chain.set({'name': 'a', 'path': 'data.txt'})
    chain.doit()
    stat = data.stat()
    data.write_text('two')
    when = {'kept': stat.st_mtime_ns, '1970': 0, '2099': 4_070_908_800 * 10**9}[times]
    os.utime(data, ns=(stat.st_atime_ns, when))

    assert not any(is_current(project, step) for project in [chain.project()] for step in project.plan.steps.values())
    chain.doit()

    assert chain.artifact().read_text() == 'two'
