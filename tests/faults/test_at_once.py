"""13, 21 and 22: whoever builds at the same time: every step is made once, and is not taken away while it is used."""

from __future__ import annotations

import os
import subprocess
import sys

from stages.plan.make import make_plan
from stages.recipe.read import read_recipes
from tests.execute.conftest import RECIPE, Keyed
from tests.faults.conftest import ROOT


def test_fault_13_two_runs_at_once_build_everything_once(chain):
    chain.set(
        {'name': 'a', 'seconds': 0.3, 'text': 'A'}, {'name': 'b', 'seconds': 0.3, 'text': 'B'},
        others={'w': [{'name': 'x', 'seconds': 0.3, 'text': 'X'}, {'name': 'y', 'text': 'Y'}]},
    )  # fmt: skip
    both = [chain.start('-n', '2'), chain.start('-n', '2')]
    for process in both:
        text = process.communicate(timeout=60)[0]
        assert process.returncode == 0, text

    assert sorted(chain.ran()) == ['a', 'b', 'x', 'y']


def test_fault_21_variants_that_begin_alike_share_the_beginning_also_at_once(chain):
    begins = {'name': 'a', 'seconds': 0.5, 'text': 'A'}
    chain.set(begins, {'name': 'b', 'text': 'B'}, others={'w': [begins, {'name': 'x', 'text': 'X'}]})
    for process in [chain.start('-n', '2'), chain.start('-n', '2')]:
        assert process.communicate(timeout=60) and process.returncode == 0
    assert sorted(chain.ran()) == ['a', 'b', 'x']

    chain.set(begins, {'name': 'b', 'text': 'B'}, others={'w': [begins | {'text': 'O'}, {'name': 'x', 'text': 'X'}]})

    assert chain.doit()[0] == 0
    assert chain.ran() == ['a', 'x']
    assert (chain.artifact().read_text(), chain.artifact('w').read_text()) == ('AB', 'OX')


def test_fault_21_another_recipe_with_another_limit_changes_neither_keys_nor_limits(tmp_path):
    project = Keyed(tmp_path)
    for name in ('net', 'data', 'blocks'):
        project.write(f'models/{name}.py', 'def build(): pass\ndef calibrate(): pass\ndef evaluate(): pass\n')
    project.write('net.yaml', RECIPE + 'timeout: 7200\n')
    before, limits = project.keys(), limits_of(project)

    project.write('a.yaml', RECIPE.replace('model: net', 'model: a') + 'timeout: 1\n')

    assert project.keys() == before
    assert all(limits_of(project)[id] >= limit for id, limit in limits.items())


def limits_of(project: Keyed) -> dict[str, float]:
    return {id: step.timeout for id, step in make_plan(read_recipes(project.root)).steps.items()}


def test_fault_22_gc_during_a_build_takes_nothing_that_the_build_needs(chain):
    chain.set({'name': 'old', 'text': 'OLD'})
    chain.doit()
    chain.set({'name': 'a', 'text': 'A'}, {'name': 'b', 'text': 'B', 'seconds': 1.0}, {'name': 'c', 'text': 'C'})
    process = chain.start('-n', '2')
    chain.wait_for('b')

    collected = [gc(chain, '--keep', '0') for _ in range(3)]

    text = process.communicate(timeout=60)[0]
    assert process.returncode == 0, text
    assert [done.returncode for done in collected] == [0, 0, 0], collected
    assert chain.artifact().read_text() == 'ABC'
    assert gc(chain, '--keep', '0').returncode == 0
    assert not any(path.read_bytes() == b'OLD' for path in chain.state.glob('store/blobs/*/*'))
    assert chain.temporary() == []
    assert chain.artifact().read_text() == 'ABC'


def gc(chain, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, '-m', 'stages.command.main', 'gc', *arguments], cwd=chain.root, text=True, timeout=60,
        capture_output=True, check=False, env=os.environ | {'PYTHONPATH': str(ROOT)},
    )  # fmt: skip
