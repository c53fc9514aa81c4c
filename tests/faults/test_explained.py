"""Every rebuild has a reason, in words."""

from __future__ import annotations

import json

import pytest

from stages.execute.action import START
from stages.execute.difference import difference
from stages.execute.lineage import changed_modules
from stages.layout.foresee import foresee

A, B, C = ({'name': name, 'text': name.upper()} for name in 'abc')


def told(chain) -> dict[str, str]:
    """Return the reasons of every step, by the name it has in these tests."""
    return {p.step.params['name']: '; '.join(p.reasons) for p in foresee(chain.project())[0]}


def test_a_parameter_is_told_with_its_old_and_its_new_value(chain):
    chain.set(A, B, C)
    chain.doit()

    chain.set(A, {**B, 'text': 'other'}, C)

    assert told(chain)['b'] == 'parameter text: B -> other'
    assert told(chain)['c'].startswith('unless the bytes from fake-')


def test_a_parameter_is_told_after_it_failed_too(chain):
    chain.set(A, B)
    chain.doit()
    chain.set(A, {**B, 'does': 'fail'})
    assert told(chain)['b'] == 'parameter does: write -> fail'
    chain.doit()

    assert told(chain)['b'] == 'failed last time: asked to fail'
    chain.set(A, {**B, 'does': 'write', 'seconds': 0.1})

    assert told(chain)['b'] == 'parameter seconds: 0.0 -> 0.1'


def test_an_input_is_told_with_the_step_that_it_is_from(chain):
    (chain.root / 'recipes/data.txt').write_text('one')
    chain.set({**A, 'path': 'data.txt'}, B)
    chain.doit()
    (chain.root / 'recipes/data.txt').write_text('two')
    assert told(chain)['a'] == 'recipes/data.txt changed'
    chain.doit()

    (chain.root / 'recipes/data.txt').write_text('one')

    first = chain.project().plan.builds['fake'][0].chain[0].step
    assert told(chain)['b'] == f'model is other bytes, from fake-{first[:8]}'


def test_a_stage_put_between_tells_what_it_changes(chain):
    chain.set(A, C)
    chain.doit()

    chain.set(A, B, C)

    assert told(chain)['b'] == 'parameter name: c -> b; parameter text: C -> B'  # the second fake of the variant
    assert told(chain)['c'].startswith('not built here before; unless the store has it')


def test_what_is_new_and_what_lost_its_stamp_say_so(chain):
    assert told(chain)['a'] == 'not built here before'
    chain.doit()
    for stamp in (chain.state / 'steps').iterdir():
        stamp.unlink()

    assert told(chain)['a'] == 'as before, but its stamp is gone'


def test_the_module_of_ours_that_changed_is_named(chain):
    chain.doit()
    project = chain.project()
    step = next(iter(project.plan.steps.values()))
    code = project.code((*START, *step.code))
    path = chain.state / 'lineage/.code' / f'{code}.json'
    kept = json.loads(path.read_text())
    kept['modules']['stages.contract.job'] = 'as it was'
    path.write_text(json.dumps(kept))

    assert changed_modules(project, code, step) == ['stages.contract.job']
    assert changed_modules(project, 'never seen', step) == []


@pytest.mark.parametrize(
    ('group', 'old', 'new', 'words'),
    [
        ('tools', {'onnx': '1.1'}, {'onnx': '1.2'}, 'tool onnx: 1.1 -> 1.2'),
        ('tools', {}, {'onnx': '1.2'}, 'tool onnx: nothing -> 1.2'),
        ('platform', {'features': 'a b c d e f'}, {'features': 'a b c d e g'}, 'platform features: -f +g'),
        ('settings', {'LANG': 'C'}, {'LANG': 'de'}, 'setting LANG: C -> de'),
        ('params', {'run': {'hint': 'a'}}, {'run': {'hint': 'b'}}, 'parameter run.hint: a -> b'),
        ('params', {'layers': [1, 2]}, {'layers': [1, 3]}, 'parameter layers: [1, 2] -> [1, 3]'),
        ('params', {'on': 1}, {'on': True}, 'parameter on: 1 -> True'),
        ('declared', {'inputs': [{'name': 'x'}]}, {'inputs': [{'name': 'y'}]}, 'declared inputs.0.name: x -> y'),
        ('declared', None, {'inputs': []}, "declared: nothing -> {'inputs': []}"),
        ('files', {'a.npz': '1'}, {'b.npz': '1'}, 'recipes/a.npz is not read any more; recipes/b.npz is new'),
        ('inputs', {'calibrate': '1'}, {}, 'calibrate is not asked for any more'),
        ('code', '1', '2', 'code of onnx or a helper of it changed'),
        ('kind', 'ort', 'onnx', 'onnx stands where ort stood'),
        ('environment', '', '2', 'lock file of the tool: nothing -> 2'),
    ],
)
def test_each_part_of_an_action_has_its_words(group, old, new, words):
    same = {'kind': 'onnx', 'inputs': {}, 'files': {}}

    assert '; '.join(difference({**same, group: old}, {**same, group: new}, steps={})) == words
