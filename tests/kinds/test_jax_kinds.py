"""Models of JAX go to ONNX and answer there as in JAX itself, or one sentence says what stands in the way."""

from __future__ import annotations

from pathlib import Path

import pytest

from stages.contract.port import contract_of
from tests.locked_cases import answer, case, gone_through

ROOT = Path(__file__).parents[2]
SHIPPED = ROOT / 'recipes/today/recipes/models/jax_nets.py'

pytestmark = [pytest.mark.environments, pytest.mark.network, pytest.mark.slow, pytest.mark.onnx]


X = ('x', ('batch', 6), 'float32')
SQUARE = ('x', (4, 4), 'float32')
RIGHT = {
    'conv': case('conv', ('image', ('batch', 64, 64, 3), 'float32'), outputs=('scores',), file=SHIPPED),
    'encoder': case(
        'encoder', ('mask', ('batch', 'length'), 'int32'), ('ids', ('batch', 'length'), 'int32'),
        outputs=('vector',), file=SHIPPED, sizes={'length': 9},
    ),
    'two towers': case(
        'two_towers', ('document', ('batch', 40), 'float32'), ('query', ('batch', 24), 'float32'),
        outputs=('query_vector', 'likeness'), file=SHIPPED,
    ),
    'pair': case('pair', X),
    'pair of one size': case('pair', X, params={'shape': 'static'}),
    'nested': case('nested', ('features.right', ('batch', 3), 'float32'), ('features.left', ('batch', 3), 'float32')),
    'whole numbers': case('counted', ('ids', ('batch', 5), 'int64')),
    'windows': case('windows', ('image', ('batch', 12, 12, 3), 'float32')),
    'recurrent': case('recurrent', ('sound', ('batch', 7, 4), 'float32')),
    'noisy': case('noisy', X),
    'perceptron': case('perceptron', X),
    'dropped': case('dropped', X),
    'halves': case('halves', ('x', ('batch', 'length'), 'float32'), sizes={'length': 8}),
}  # fmt: skip
WRONG = {
    'called back': (case('called_back', SQUARE), 'UnsupportedError', 'primitive pure_callback', 'models/nets.py:'),
    'decomposed': (case('decomposed', SQUARE), 'UnsupportedError', 'primitive svd', 'models/nets.py:'),
    'sized': (case('sized', ('x', ('rows', 4), 'float32')), 'UnsupportedError', 'dimensions left free', 'static'),
    'alone': (case('alone', X), 'StepError', 'no weights', 'module.init'),
    'number': (case('number', X), 'StepError', 'returned int', 'expected a function'),
    'words': (case('words', X), 'StepError', 'as key', 'return arrays'),
    'broken': (case('broken', X), 'StepError', 'refuses inputs of x float32 [2, 6]', 'nets.py:'),
    'one too many': (case('pair', X, ('y', (3,), 'float32')), 'StepError', 'takes x', 'declares 2 inputs'),
    'doubles': (case('pair', ('x', ('batch', 6), 'float64')), 'StepError', 'takes x float32', 'declares x float64'),
    'lacking': (case('build', X, at='models/lacking.py'), 'StepError', "'haiku'", 'environment jax, which has JAX'),
    'gone': (case('gone', X), 'StepError', 'has no function', 'pair'),
}


@pytest.fixture(scope='module')
def done(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder with what became of every case: one process, as most of its time goes to imports."""
    cases = RIGHT | {name: wrong[0] for name, wrong in WRONG.items()}
    return gone_through(tmp_path_factory.mktemp('jax'), 'jax', cases)


@pytest.mark.parametrize('name', RIGHT)
def test_onnx_runtime_answers_as_jax_does_by_the_names_of_the_recipe(name: str, done: Path) -> None:
    import numpy as np
    import onnxruntime

    assert 'error' not in answer(done, name), answer(done, name)
    feed, wanted = dict(np.load(done / name / 'feed.npz')), dict(np.load(done / name / 'answers.npz'))
    session = onnxruntime.InferenceSession(done / name / 'made/model.onnx')
    if RIGHT[name].get('params'):
        feed, wanted = ({key: array[:1] for key, array in arrays.items()} for arrays in (feed, wanted))
    given = dict(zip(wanted, session.run([*wanted], feed), strict=True))

    assert [value.name for value in session.get_inputs()] == [*feed]
    assert max(float(np.abs(given[key] - wanted[key]).max()) for key in wanted) < 1e-5
    assert {key: array.shape for key, array in given.items()} == {key: array.shape for key, array in wanted.items()}


def test_dimensions_that_are_named_stay_named_and_others_are_free(done: Path) -> None:
    def shapes(name: str) -> list[tuple[int | str, ...]]:
        return [port.shape for port in contract_of(answer(done, name)['contract']).outputs]

    assert shapes('encoder') == [('batch', 64)]
    assert shapes('two towers') == [('batch', 16), ('batch',)]
    assert shapes('halves') == [('batch', 'output_1')]


def test_what_jax_counts_in_thirty_two_bits_is_told_so(done: Path) -> None:
    assert [port['dtype'] for port in answer(done, 'whole numbers')['contract']['inputs']] == ['int32']


@pytest.mark.parametrize('name', WRONG)
def test_what_cannot_be_done_is_one_message_that_names_it_and_leaves_nothing(name: str, done: Path) -> None:
    _, error, *words = WRONG[name]
    found = answer(done, name)

    assert found['error'] == error, found
    assert [word for word in words if word not in found['message']] == [], found['message']
    assert found['left'] == []
