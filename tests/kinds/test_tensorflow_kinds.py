"""From SavedModel, Keras and TFLite to ONNX, OpenVINO and TFLite."""

from __future__ import annotations

import dataclasses
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from conftest import Model, run_kind

from stages.contract.port import Tensor
from stages.errors import UnsupportedError

np = pytest.importorskip('numpy')
for name, extra in {'tensorflow': 'tensorflow', 'tf2onnx': 'tensorflow', 'ai_edge_litert': 'litert'}.items():
    pytest.importorskip(name, reason=f'needs modelkiln[{extra}]: pip install "modelkiln[{extra}]"')
pytestmark = [pytest.mark.tensorflow, pytest.mark.litert]

# the recipe's order is neither the alphabet's nor the file's
SIGNATURE = (Tensor('image', ('batch', 16, 16, 3), 'float32'), Tensor('extra', ('batch', 4), 'float32'))
ENGINE = {
    'savedmodel': 'tensorflow', 'keras': 'tensorflow', 'tflite': 'litert', 'onnx': 'onnxruntime', 'openvino': 'openvino'
}  # fmt: skip
QUANTIZED = {'none': 1e-5, 'f16': 1e-2, 'dynamic': 0.1, 'int8': 0.2}


@pytest.fixture(scope='session')
def keras_net(tmp_path_factory: pytest.TempPathFactory) -> Model:
    """Two inputs, two outputs of different sizes, so that an exchange shows."""
    from stages.frameworks.tensorflow import model as tensorflow_model

    tensorflow_model.framework()
    import keras

    keras.utils.set_random_seed(3)
    layers = keras.layers
    image, extra = keras.Input((16, 16, 3), name='image'), keras.Input((4,), name='extra')
    x = layers.ReLU()(layers.BatchNormalization()(layers.Conv2D(16, 3, 2, 'same')(image)))
    x = layers.Add()([x, layers.DepthwiseConv2D(3, padding='same')(x)])
    x = layers.Concatenate()([layers.GlobalAveragePooling2D()(x), extra])
    x = layers.Dropout(0.5)(layers.Dense(64, activation='relu')(x))
    outputs = [layers.Dense(5, name='logits')(x), layers.Dense(3, activation='softmax', name='aside')(x)]
    folder = tmp_path_factory.mktemp('keras')
    keras.Model([image, extra], outputs).save(folder / 'model.keras')
    return Model(folder, SIGNATURE, ('logits', 'aside'), 'keras')


@pytest.fixture(scope='session')
def saved_net(keras_net: Model, tmp_path_factory: pytest.TempPathFactory) -> Model:
    """The same net as TensorFlow keeps it."""
    import keras

    folder = tmp_path_factory.mktemp('saved') / 'model'
    keras.saving.load_model(keras_net.folder / 'model.keras').export(folder, verbose=False)
    return dataclasses.replace(keras_net, folder=folder, format='savedmodel')


@pytest.fixture(scope='session')
def lite_net(keras_net: Model, tmp_path_factory: pytest.TempPathFactory) -> Model:
    """The same net as TFLite, for any number of samples."""
    return run_kind('tflite', keras_net, tmp_path_factory.mktemp('lite') / 'model')


@pytest.fixture
def net(request: pytest.FixtureRequest) -> Model:
    model: Model = request.getfixturevalue(request.param)
    return model


@pytest.fixture(scope='session')
def calibrate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Sixteen samples for both inputs."""
    path = tmp_path_factory.mktemp('data') / 'calibrate.npz'
    np.savez(path, **feed(16, seed=3), labels=np.arange(16))
    return path


def feed(batch: int, seed: int = 0) -> dict[str, Any]:
    rng = np.random.default_rng(seed)
    return {t.name: rng.standard_normal(t.sized(batch=batch)).astype('float32') for t in SIGNATURE}


def answers(model: Model, batch: int) -> tuple[Any, ...]:
    from stages.engines import ENGINES

    engine = ENGINES[ENGINE[model.format]]
    session = engine.load(model.folder, SIGNATURE, engine.Options(), 1)
    made: tuple[Any, ...] = session.run(feed(batch))
    return made


def error(made: Model, source: Model, batch: int) -> float:
    got, wanted = answers(made, batch), answers(source, batch)
    assert [g.shape for g in got] == [w.shape for w in wanted] == [(batch, 5), (batch, 3)]
    return max(float(np.linalg.norm(g - w) / np.linalg.norm(w)) for g, w in zip(got, wanted, strict=True))


EVERY = pytest.mark.parametrize('net', ['keras_net', 'saved_net', 'lite_net'], indirect=True)
FULL = pytest.mark.parametrize('net', ['keras_net', 'saved_net'], indirect=True)


@EVERY
def test_all_forms_of_the_net_answer_the_same(net, keras_net):
    assert error(net, keras_net, 3) < 1e-5


@EVERY
@pytest.mark.parametrize('kind', ['onnx', 'openvino'])
def test_a_conversion_keeps_the_outputs_their_order_and_the_free_batch(chain, net, kind):
    made = chain(net, (kind, {}))

    for batch in (1, 2, 5):
        assert error(made, net, batch) < 1e-5


@EVERY
def test_onnx_bears_the_recipe_s_names(chain, net):
    import onnx

    graph = onnx.load(chain(net, ('onnx', {})).folder / 'model.onnx').graph

    assert {v.name for v in graph.input} == {'image', 'extra'}
    assert [v.name for v in graph.output] == ['logits', 'aside']
    assert {v.type.tensor_type.shape.dim[0].dim_param for v in (*graph.input, *graph.output)} == {'batch'}


@EVERY
def test_openvino_bears_the_recipe_s_names(chain, net):
    import openvino

    model = openvino.Core().read_model(chain(net, ('openvino', {'compress': 'f16'})).folder / 'model.xml')

    assert {p.any_name for p in model.inputs} == {'image', 'extra'}
    assert [p.any_name for p in model.outputs] == ['logits', 'aside']


@FULL
@pytest.mark.parametrize('quantize', QUANTIZED)
def test_tflite_stays_close(chain, net, quantize):
    made = chain(net, ('tflite', {'quantize': quantize}))

    for batch in (1, 3):
        assert error(made, net, batch) < QUANTIZED[quantize]


def test_tflite_is_smaller_the_fewer_bits_it_has(chain, keras_net, lite_net):
    size = lambda model: (model.folder / 'model.tflite').stat().st_size  # noqa: E731

    assert size(chain(keras_net, ('tflite', {'quantize': 'dynamic'}))) < size(lite_net)


def test_tflite_bears_the_recipe_s_names(lite_net):
    from ai_edge_litert.interpreter import Interpreter

    interpreter = Interpreter(str(lite_net.folder / 'model.tflite'))

    assert interpreter.get_signature_list() == {
        'serving_default': {'inputs': ['extra', 'image'], 'outputs': ['aside', 'logits']}
    }
    assert [list(d['shape'])[1:] for d in interpreter.get_input_details()] == [[16, 16, 3], [4]]
    assert [list(d['shape'])[1:] for d in interpreter.get_output_details()] == [[5], [3]]


@FULL
@pytest.mark.parametrize('kind', ['onnx', 'openvino', 'tflite'])
def test_a_static_conversion_takes_one_sample(chain, net, kind):
    from stages.engines import ENGINES

    made = chain(net, (kind, {'shape': 'static'}))
    engine = ENGINES[ENGINE[kind]]

    shapes = {t.name: t.shape for t in engine.load(made.folder, SIGNATURE, engine.Options(), 1).inputs}
    assert shapes == {'image': (1, 16, 16, 3), 'extra': (1, 4)}
    assert error(made, net, 1) < 1e-5


STEPS = (
    ('onnx', {}), ('openvino', {}), *(('tflite', {'quantize': quantize}) for quantize in QUANTIZED)
)  # fmt: skip
CHILD = """
import json, sys
from pathlib import Path
sys.path.insert(0, sys.argv[1])
from conftest import Model, run_kind
from test_tensorflow_kinds import SIGNATURE, STEPS

folders, data, out = json.loads(sys.argv[2]), Path(sys.argv[3]), Path(sys.argv[4])
for format, folder in folders.items():
    for number, (kind, params) in enumerate(STEPS):
        if format != 'tflite' or kind != 'tflite':
            model = Model(Path(folder), SIGNATURE, ('logits', 'aside'), format)
            run_kind(kind, model, out / f'{format}-{number}', data, **params)
"""


@pytest.mark.slow
def test_every_conversion_gives_the_same_bytes_in_another_process(keras_net, saved_net, lite_net, calibrate, tmp_path):
    root = Path(__file__).parents[2]
    folders = json.dumps({m.format: str(m.folder) for m in (keras_net, saved_net, lite_net)})
    found = []
    for place in ('one', 'another/place'):
        out = tmp_path / place
        done = subprocess.run(
            [sys.executable, '-c', CHILD, str(Path(__file__).parent), folders, str(calibrate), str(out)],
            cwd=root, capture_output=True, text=True, check=False,
            env={'PYTHONPATH': str(root), 'PYTHONHASHSEED': '0', 'PATH': ''},
        )  # fmt: skip
        assert done.returncode == 0, done.stderr[-2000:]
        found.append({str(p.relative_to(out)): p.read_bytes() for p in sorted(out.rglob('*')) if p.is_file()})

    assert len(found[0]) == 2 * (1 + 2 + 4) + 3
    assert found[0].keys() == found[1].keys()
    assert [name for name in found[0] if found[0][name] != found[1][name]] == []


def test_an_operator_without_an_onnx_form_is_named(chain, tmp_path):
    from stages.frameworks.tensorflow import model as tensorflow_model

    tf = tensorflow_model.framework()
    module = tf.Module()
    serve = tf.function(lambda x: {'y': tf.math.erfcinv(x)}, input_signature=[tf.TensorSpec([None, 4], name='x')])
    tf.saved_model.save(module, tmp_path / 'saved', signatures=serve)
    model = Model(tmp_path / 'saved', (Tensor('x', ('batch', 4), 'float32'),), ('y',), 'savedmodel')

    with pytest.raises(UnsupportedError, match=r'tf2onnx cannot do this(.|\n)*Ndtri(.|\n)*what to try'):
        chain(model, ('onnx', {}))
