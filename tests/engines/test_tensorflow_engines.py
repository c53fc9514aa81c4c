"""TensorFlow and LiteRT take and give arrays by name, whatever order and size; every call starts fresh."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

np = pytest.importorskip('numpy')

from stages.contract.port import ANY, Contract, Port  # noqa: E402
from stages.errors import StepError  # noqa: E402
from tests.tensorflow_models import Model, answers, made, says, session, taken  # noqa: E402

pytestmark = [pytest.mark.tensorflow, pytest.mark.litert]
for name, extra in {'tensorflow': 'tensorflow', 'ai_edge_litert': 'litert'}.items():
    pytest.importorskip(name, reason=f'needs modelkiln[{extra}]: pip install "modelkiln[{extra}]"')

# neither the order of the inputs nor that of the outputs is the file's
DECLARED = says({'b': ['batch', 4], 'a': ['batch', 4]}, 'minus', 'add')
ONE = np.ones((2, 4), 'float32')
FORMATS = ['keras', 'savedmodel', 'tflite']


@pytest.fixture(scope='module')
def fetched(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Sum and difference of two inputs in each format."""
    from stages.frameworks.tensorflow import model as tensorflow_model

    tf = tensorflow_model.framework()
    import keras

    a, b = keras.Input((4,), name='a'), keras.Input((4,), name='b')
    net = keras.Model([a, b], [keras.layers.Add(name='add')([a, b]), keras.layers.Subtract(name='minus')([a, b])])
    root = tmp_path_factory.mktemp('engines')
    for name in ('keras', 'tflite'):
        (root / name).mkdir()
    net.save(root / 'keras/net.keras')
    net.export(root / 'savedmodel', verbose=False)
    converter = tf.lite.TFLiteConverter.from_saved_model(str(root / 'savedmodel'))
    (root / 'tflite/net.tflite').write_bytes(converter.convert())
    return {name: root / name for name in FORMATS}


@pytest.fixture
def model(fetched, request, tmp_path) -> Model:
    declared = DECLARED
    if request.param != 'keras':  # exported by Keras: outputs are numbered
        declared = says({'b': ['batch', 4], 'a': ['batch', 4]}, 'output_1', 'output_0')
    return taken(request.param, fetched[request.param], tmp_path / 'taken', declared)


EACH = pytest.mark.parametrize('model', FORMATS, indirect=True)
CASES = [*((format, {}) for format in FORMATS), ('keras', {'xla': True}), ('tflite', {'xnnpack': False})]


@pytest.mark.parametrize(('model', 'options'), CASES, indirect=['model'], ids=str)
def test_names_decide_and_results_are_not_overwritten(model, options):
    loaded = session(model, **options)
    two = np.full((2, 4), 2, 'float32')
    two.setflags(write=False)

    first = loaded.run({'b': ONE, 'a': two})
    second = loaded.run({'a': two, 'b': ONE * 7})

    minus, total = [port.name for port in model.contract.outputs]
    assert list(first) == [minus, total]
    assert (first[total][0, 0], first[minus][0, 0]) == (3, 1)
    assert (second[total][0, 0], second[minus][0, 0]) == (9, -5)


@EACH
def test_a_feed_may_have_any_number_of_samples(model):
    loaded = session(model)

    for n in (1, 5, 2):
        found = loaded.run({'a': ONE[:1].repeat(n, 0), 'b': ONE[:1].repeat(n, 0)})
        assert [array.shape for array in found.values()] == [(n, 4), (n, 4)]


def test_names_of_the_recipe_s_own_go_by_the_file_s_order(fetched, tmp_path):
    declared = says({'left': ['batch', 4], 'right': ['batch', 4]}, 'sum', 'difference')

    found = answers(taken('keras', fetched['keras'], tmp_path / 'out', declared), {'left': ONE * 5, 'right': ONE})

    assert (found['sum'][0, 0], found['difference'][0, 0]) == (6, 4)


def test_a_saved_model_has_no_order_so_names_of_the_recipe_s_own_are_refused(fetched, tmp_path):
    declared = says({'left': ['batch', 4], 'right': ['batch', 4]})

    with pytest.raises(StepError, match=r'have names and no order \(a, b\)'):
        taken('savedmodel', fetched['savedmodel'], tmp_path / 'out', declared)


def test_a_name_that_the_file_has_not_is_told_with_those_it_has(fetched, tmp_path):
    model = taken('tflite', fetched['tflite'], tmp_path / 'out')
    wrong = Contract(model.contract.inputs, (Port('x', (1,), 'float32'),))

    with pytest.raises(StepError, match=r"has no output 'x'; it has output_\d, output_\d"):
        session(Model(model.folder, wrong, 'tflite'))


def counter(folder: Path) -> None:
    """Save a model that counts its calls, and multiplies by the count."""
    from stages.frameworks.tensorflow import model as tensorflow_model

    tf = tensorflow_model.framework()

    class Net(tf.Module):  # type: ignore[misc,name-defined]
        def __init__(self) -> None:
            super().__init__()
            self.calls, self.weight = tf.Variable(0.0), tf.Variable(tf.ones((4, 2)))

        @tf.function(input_signature=[tf.TensorSpec([None, 4], tf.float32, 'x')])
        def serve(self, x: Any) -> Any:
            self.calls.assign_add(1.0)
            return {'y': x @ self.weight * self.calls}

    net = Net()
    tf.saved_model.save(net, str(folder), signatures=net.serve)


def test_variables_that_a_saved_model_changes_are_as_they_were_in_each_call(tmp_path):
    counter(tmp_path / 'saved')
    model = taken('savedmodel', tmp_path / 'saved', tmp_path / 'out')
    loaded = session(model)

    assert len(model.contract.state) == 1
    assert [loaded.run({'x': ONE})['y'][0, 0] for _ in range(3)] == [4, 4, 4]


def test_variables_that_a_tflite_model_writes_are_as_they_were_in_each_call(tmp_path):
    counter(tmp_path / 'saved')
    saved = taken('savedmodel', tmp_path / 'saved', tmp_path / 'out', says({'x': ['batch', 4]}))
    model = made('tflite', saved, tmp_path / 'lite')

    for options in ({}, {'xnnpack': False}):
        loaded = session(model, **options)
        assert [loaded.run({'x': ONE})['y'][0, 0] for _ in range(3)] == [4, 4, 4]
    assert model.contract.state


def test_the_cells_of_a_stateful_keras_model_start_fresh_in_each_call(tmp_path):
    import keras

    keras.utils.set_random_seed(4)
    steps = keras.Input(batch_shape=(1, 3, 4), name='steps')
    (tmp_path / 'net').mkdir()
    net = keras.Model(steps, keras.layers.Bidirectional(keras.layers.GRU(2, stateful=True), name='cells')(steps))
    net.save(tmp_path / 'net/net.keras')
    feed = {'steps': np.ones((1, 3, 4), 'float32')}
    wanted = net(feed['steps']).numpy()

    model = taken('keras', tmp_path / 'net', tmp_path / 'out')
    loaded = session(model)

    assert model.contract.state == ('cells',)
    assert np.array_equal(loaded.run(feed)['cells'], loaded.run(feed)['cells'])
    assert np.allclose(loaded.run(feed)['cells'], wanted, atol=1e-6)


def test_strings_and_scalars_go_in_and_out(tmp_path):
    from stages.frameworks.tensorflow import model as tensorflow_model

    tf = tensorflow_model.framework()
    module = tf.Module()
    specs = [tf.TensorSpec([None], tf.string, 'words'), tf.TensorSpec([], tf.int32, 'times')]
    serve = tf.function(
        lambda words, times: {'upper': tf.strings.upper(words, 'utf-8'), 'twice': times * 2}, input_signature=specs
    )
    tf.saved_model.save(module, str(tmp_path / 'saved'), signatures=serve)
    declared = Contract(
        (Port('words', ('batch',), 'str'), Port('times', (), 'int32')), (Port('upper', ANY, ''), Port('twice', ANY, ''))
    )

    model = taken('savedmodel', tmp_path / 'saved', tmp_path / 'out', declared)
    found = answers(model, {'words': np.array(['où', 'b']), 'times': np.array(3, 'int32')})

    assert found['upper'].tolist() == ['OÙ', 'B'] and found['twice'].shape == () and found['twice'] == 6
    assert [port.dtype for port in model.contract.outputs] == ['str', 'int32']
