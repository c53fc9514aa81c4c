"""The extra of the list that builds twice: whoever leaves other bytes from the same inputs is named, with the file."""

from __future__ import annotations

import pytest

from stages.command.check import _rounds
from stages.command.main import main
from stages.errors import PromiseError, RecipeError, StepError
from stages.execute.rounds import made, promises


def differing(chain, rounds: int = 2) -> dict[str, tuple[str, ...]]:
    project = chain.project()
    return {step.step.params['name']: step.differ for step in made(project, (*project.plan.steps,), rounds)}


def test_a_step_that_leaves_other_bytes_is_named_with_its_file_and_those_behind_it_are_not(chain):
    chain.set({'name': 'a', 'text': 'A'}, {'name': 'b', 'does': 'random'}, {'name': 'c', 'text': 'C'})

    assert differing(chain) == {'a': (), 'b': ('out.txt',), 'c': ()}


def test_each_round_runs_each_step_again_and_nothing_of_it_is_kept(chain):
    chain.doit()
    chain.ran()
    before = sorted(path for path in chain.state.glob('store/*/*/*') if 'tmp' not in path.parts)

    assert differing(chain, 3) == {'a': (), 'b': (), 'c': ()}

    assert chain.ran() == [*'aaabbbccc']
    assert sorted(path for path in chain.state.glob('store/*/*/*') if 'tmp' not in path.parts) == before
    assert chain.doit()[0] == 0
    assert chain.ran() == []


def test_a_step_that_fails_fails_the_rounds(chain):
    chain.set({'name': 'a', 'does': 'fail'})

    with pytest.raises(StepError, match='asked to fail'):
        differing(chain)


def test_rounds_end_with_5_and_name_step_and_file(chain, monkeypatch, capsys):
    chain.set({'name': 'a', 'does': 'random'})
    monkeypatch.setattr('stages.command.check.open_project', lambda root: chain.project())
    monkeypatch.chdir(chain.root)

    with pytest.raises(PromiseError, match=r'fake-\w+: .*out\.txt') as caught:
        _rounds(['fake:v'], 2)

    assert caught.value.exit_code == 5
    assert capsys.readouterr().out.splitlines()[-1].startswith('differs')


@pytest.mark.parametrize('names', [[], ['fake:w'], ['nothing']])
def test_rounds_of_nothing_that_is_there_are_a_mistake(chain, monkeypatch, names):
    monkeypatch.setattr('stages.command.check.open_project', lambda root: chain.project())
    monkeypatch.chdir(chain.root)

    with pytest.raises(RecipeError):
        _rounds(names, 2)


@pytest.mark.parametrize('number', ['1', '0', 'many'])
def test_rounds_are_two_at_least(number, capsys):
    with pytest.raises(SystemExit):
        main(['check', '--rounds', number, 'fake:v'])

    assert '--rounds' in capsys.readouterr().err


def test_a_kind_that_says_it_may_differ_is_not_held_to_it(chain):
    import dataclasses

    step = next(iter(chain.plan.steps.values()))

    assert promises(step)
    assert promises(dataclasses.replace(step, kind='onnx', module='stages.kinds.onnx'))
    assert not promises(dataclasses.replace(step, kind='tvm-tune', module='stages.kinds.tvm_tune'))
