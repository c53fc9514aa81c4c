"""Modules of OneFlow go to ONNX and answer there as in OneFlow itself, or one sentence says what stands in the way.

Its environment takes 3.9 GB, so that these are left out unless asked for: ``pytest -m soak tests/kinds``.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from stages.contract.port import contract_of
from tests import locked_cases
from tests.locked_cases import answer, gone_through

ROOT = Path(__file__).parents[2]
OWN = ROOT / 'tests/oneflow_models.py'
SHIPPED = ROOT / 'recipes/legacy/recipes/models/oneflow_nets.py'

apart = [pytest.mark.soak, pytest.mark.environments, pytest.mark.network, pytest.mark.onnx]


def case(function: str, *inputs: Any, file: Path = OWN, **more: Any) -> dict[str, Any]:
    return locked_cases.case(function, *inputs, file=file, **more)


X = ('x', ('batch', 6), 'float32')
PICTURE = ('image', ('batch', 3, 16, 16), 'float32')
RIGHT = {
    'residual': case('residual', ('image', ('batch', 3, 32, 32), 'float32'), outputs=('prob',), file=SHIPPED),
    'residual of one size': case(
        'residual', ('image', ('batch', 3, 32, 32), 'float32'), file=SHIPPED, params={'shape': 'static'}
    ),
    'two': case('two', ('ids', ('batch', 4), 'int64'), ('x', ('batch', 8), 'float32'), outputs=('scores', 'bent')),
    'perceptron': case('perceptron', X),
    'pictures': case('pictures', PICTURE),
}
WRONG = {
    'normal': (case('normal', X), 'UnsupportedError', 'does not write var'),
    'upwards': (case('upwards', PICTURE), 'UnsupportedError', 'does not write deconv2d'),
    'baked': (case('baked', X), 'UnsupportedError', 'shape: static'),
    'narrow': (case('narrow', X), 'StepError', 'forward refuses made-up inputs (x float32 [2, 6])'),
    'number': (case('number', X), 'StepError', 'returned int', 'oneflow.nn.Module'),
    'words': (case('words', X), 'StepError', 'an object of the type str'),
    'gone': (case('gone', X), 'StepError', 'has no function', 'perceptron'),
    'another name': (case('perceptron', X, ('y', (3,), 'float32')), 'StepError', 'input'),
    'pickled weights': (case('perceptron', X, weights='net.pt'), 'StepError', 'expected .safetensors'),
    'cut weights': (case('perceptron', X, weights='cut.safetensors'), 'StepError', 'it is damaged'),
    'weights of another net': (case('perceptron', X, weights='other.safetensors'), 'StepError', 'of another shape'),
}


@pytest.fixture(scope='module')
def done(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder with what became of every case: one process, as most of its time goes to imports."""
    import numpy as np
    from safetensors.numpy import save_file

    folder, files = tmp_path_factory.mktemp('oneflow'), tmp_path_factory.mktemp('weights')
    names = {'0.weight': (8, 7), '0.bias': (8,), '2.weight': (4, 8), '2.bias': (4,)}
    for name in ('net.pt', 'cut.safetensors', 'other.safetensors'):
        (files / name).mkdir()
    held = {name: np.ones(shape, np.float32) for name, shape in names.items()}
    save_file(held, files / 'other.safetensors/other.safetensors')
    (files / 'net.pt/net.pt').write_bytes(b'\x80\x04')
    (files / 'cut.safetensors/cut.safetensors').write_bytes(b'\x00' * 30)
    asked = {name: wrong[0] for name, wrong in WRONG.items()}
    placed = {n: c | ({'weights': str(files / c['weights'])} if 'weights' in c else {}) for n, c in asked.items()}
    return gone_through(folder, 'oneflow', RIGHT | placed)


class TestApart:
    """In the environment of OneFlow."""

    pytestmark = apart

    @pytest.mark.parametrize('name', RIGHT)
    def test_onnx_runtime_answers_as_oneflow_does_by_the_names_of_the_recipe(self, name: str, done: Path) -> None:
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

    def test_dimensions_that_are_named_stay_named(self, done: Path) -> None:
        contract = contract_of(answer(done, 'two')['made'])

        assert [port.shape for port in contract.outputs] == [('batch', 3), ('batch', 8)]

    @pytest.mark.parametrize('name', WRONG)
    def test_what_cannot_be_done_is_one_message_that_names_it_and_leaves_nothing(self, name: str, done: Path) -> None:
        _, error, *words = WRONG[name]
        found = answer(done, name)

        assert found['error'] == error, found
        assert [word for word in words if word not in found['message']] == [], found['message']
        assert found['left'] == []


def flattened(batch: int, size: int, kind: str = 'Reshape') -> Any:
    """A graph as the exporter writes it for one size of the example."""
    import numpy as np
    from onnx import helper, numpy_helper

    nodes = [
        helper.make_node('Reshape', ['x', f'shape{batch}'], ['flat'], name='flat'),
        helper.make_node('Mul' if kind == 'Mul' else 'Identity', ['flat'] + ['n'] * (kind == 'Mul'), ['y'], name='y'),
    ]
    weights = [
        numpy_helper.from_array(np.array([batch, size]), f'shape{batch}'),
        numpy_helper.from_array(np.float32([batch]), 'n'),
    ]
    ends = [helper.make_tensor_value_info(name, 1, None) for name in ('x', 'y')]
    return helper.make_model(helper.make_graph(nodes, 'g', ends[:1], ends[1:], weights))


@pytest.mark.onnx
def test_the_place_in_which_two_exports_differ_is_what_the_others_leave() -> None:
    pytest.importorskip('onnx')
    from onnx import numpy_helper

    from stages.frameworks.oneflow.exported import free

    model = flattened(2, 8)
    free(model, flattened(3, 8))

    [shape] = [numpy_helper.to_array(each) for each in model.graph.initializer]
    assert shape.tolist() == [-1, 8]


@pytest.mark.onnx
@pytest.mark.parametrize('other', [(3, 9, 'Reshape'), (3, 8, 'Mul')])
def test_a_size_that_is_written_anywhere_else_is_refused(other: tuple[int, int, str]) -> None:
    pytest.importorskip('onnx')
    from stages.errors import UnsupportedError
    from stages.frameworks.oneflow.exported import free

    with pytest.raises(UnsupportedError, match=r'writes a size of the example into a (Reshape|Mul)\n.*static'):
        free(flattened(2, 8, other[2]), flattened(*other))
