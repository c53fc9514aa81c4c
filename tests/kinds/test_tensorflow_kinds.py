"""From SavedModel, Keras and TFLite to ONNX, OpenVINO and TFLite."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from stages.contract.port import Contract, contract_json
from stages.errors import UnsupportedError
from tests.tensorflow_models import Model, answers, furthest, made, says, session, taken

np = pytest.importorskip('numpy')
for name, extra in {'tensorflow': 'tensorflow', 'tf2onnx': 'tensorflow', 'ai_edge_litert': 'litert'}.items():
    pytest.importorskip(name, reason=f'needs modelkiln[{extra}]: pip install "modelkiln[{extra}]"')
pytestmark = [pytest.mark.tensorflow, pytest.mark.litert]

# the recipe's order is neither the alphabet's nor the file's
INPUTS: dict[str, list[int | str]] = {'image': ['batch', 16, 16, 3], 'extra': ['batch', 4]}
DECLARED = says(INPUTS, 'logits', 'aside')
QUANTIZED = {'none': 1e-5, 'f16': 1e-2, 'dynamic': 0.1, 'int8': 0.2}
FORMATS = ['keras', 'savedmodel', 'tflite']


@pytest.fixture(scope='session')
def nets(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Model]:
    """Two inputs, two outputs of different sizes, in every format."""
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
    outputs = {'logits': layers.Dense(5)(x), 'aside': layers.Dense(3, activation='softmax')(x)}
    root = tmp_path_factory.mktemp('nets')
    (root / 'file').mkdir()
    net = keras.Model({'image': image, 'extra': extra}, outputs)
    net.save(root / 'file/net.keras')
    net.export(root / 'folder', verbose=False)
    found = {
        'keras': taken('keras', root / 'file', root / 'keras', DECLARED),
        'savedmodel': taken('savedmodel', root / 'folder', root / 'savedmodel', DECLARED),
    }
    return found | {'tflite': made('tflite', found['keras'], root / 'tflite')}


@pytest.fixture
def net(request: pytest.FixtureRequest, nets: dict[str, Model]) -> Model:
    return nets[request.param]


@pytest.fixture(scope='session')
def calibrate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Sixteen samples for both inputs."""
    path = tmp_path_factory.mktemp('data') / 'calibrate.npz'
    np.savez(path, **feed(16, seed=3), labels=np.arange(16))
    return path


def feed(batch: int, seed: int = 0) -> dict[str, Any]:
    rng = np.random.default_rng(seed)
    return {p.name: rng.standard_normal(p.sized(batch=batch)).astype('float32') for p in DECLARED.inputs}


def error(one: Model, other: Model, batch: int) -> float:
    got, wanted = answers(one, feed(batch)), answers(other, feed(batch))
    assert [a.shape for a in got.values()] == [(batch, 5), (batch, 3)]
    return furthest(got, wanted)


EVERY = pytest.mark.parametrize('net', FORMATS, indirect=True)
FULL = pytest.mark.parametrize('net', FORMATS[:2], indirect=True)


@EVERY
def test_all_forms_of_the_net_answer_the_same(net, nets):
    assert [port.name for port in net.contract.inputs] == ['image', 'extra']
    assert error(net, nets['keras'], 3) < 1e-5


@EVERY
@pytest.mark.parametrize('kind', ['onnx', 'openvino'])
def test_a_conversion_keeps_names_order_and_the_free_batch(tmp_path, net, kind):
    found = made(kind, net, tmp_path / kind)

    assert [(p.name, p.shape) for p in found.contract.inputs] == [(n, tuple(s)) for n, s in INPUTS.items()]
    assert [(p.name, p.shape[1:], p.in_file) for p in found.contract.outputs] == [
        ('logits', (5,), 'logits'),
        ('aside', (3,), 'aside'),
    ]
    for batch in (1, 2, 5):
        assert error(found, net, batch) < 1e-5


@EVERY
def test_onnx_bears_the_recipe_s_names(tmp_path, net):
    import onnx

    graph = onnx.load(made('onnx', net, tmp_path / 'onnx').folder / 'model.onnx').graph

    assert [v.name for v in (*graph.input, *graph.output)] == ['image', 'extra', 'logits', 'aside']
    assert {v.type.tensor_type.shape.dim[0].dim_param for v in (*graph.input, *graph.output)} == {'batch'}


@EVERY
def test_openvino_bears_the_recipe_s_names(tmp_path, net):
    import openvino

    folder = made('openvino', net, tmp_path / 'openvino', compress='f16').folder
    model = openvino.Core().read_model(folder / 'model.xml')

    assert {p.any_name for p in model.inputs} == {'image', 'extra'}
    assert {p.any_name for p in model.outputs} == {'logits', 'aside'}


@FULL
@pytest.mark.parametrize('quantize', QUANTIZED)
def test_tflite_stays_close(tmp_path, net, quantize, calibrate):
    found = made('tflite', net, tmp_path / 'lite', calibrate, quantize=quantize)

    for batch in (1, 3):
        assert error(found, net, batch) < QUANTIZED[quantize]


def test_tflite_is_smaller_the_fewer_bits_it_has(tmp_path, nets):
    size = lambda model: (model.folder / 'model.tflite').stat().st_size  # noqa: E731

    assert size(made('tflite', nets['keras'], tmp_path / 'lite', quantize='dynamic')) < size(nets['tflite'])


def test_a_tflite_file_tells_its_names_by_itself(nets):
    from ai_edge_litert.interpreter import Interpreter

    interpreter = Interpreter(str(nets['tflite'].folder / 'model.tflite'))

    assert interpreter.get_signature_list() == {
        'serving_default': {'inputs': ['extra', 'image'], 'outputs': ['aside', 'logits']}
    }
    assert [list(d['shape'])[1:] for d in interpreter.get_input_details()] == [[16, 16, 3], [4]]
    assert [list(d['shape'])[1:] for d in interpreter.get_output_details()] == [[5], [3]]


@FULL
@pytest.mark.parametrize('kind', ['onnx', 'openvino', 'tflite'])
def test_a_static_conversion_takes_one_sample(tmp_path, net, kind):
    found = made(kind, net, tmp_path / kind, shape='static')

    assert {p.name: p.shape for p in found.contract.inputs} == {'image': (1, 16, 16, 3), 'extra': (1, 4)}
    assert [(p.shape, p.batch) for p in found.contract.inputs] == [((1, 16, 16, 3), 0), ((1, 4), 0)]
    assert error(found, net, 1) < 1e-5


@pytest.mark.parametrize('format', FORMATS[:2])
@pytest.mark.parametrize('kind', ['onnx', 'openvino', 'tflite'])
def test_a_static_conversion_has_the_recipe_s_sizes_and_a_batch_that_is_not_first(tmp_path, format, kind):
    time_major(tmp_path / 'folder')
    declared = says({'steps': ['time', 'batch', 3], 'gain': []}, 'last', 'sum', sizes={'time': 7})
    source = taken('savedmodel', tmp_path / 'folder', tmp_path / 'source', declared)
    feed = {
        'steps': np.random.default_rng(1).standard_normal((7, 1, 3)).astype('float32'),
        'gain': np.array(3, 'float32'),
    }

    found = made(kind, source, tmp_path / kind, shape='static')

    assert [(p.shape, p.batch) for p in found.contract.inputs] == [((7, 1, 3), 1), ((), None)]
    assert furthest(answers(found, feed), answers(source, feed)) < 1e-5


def time_major(folder: Path) -> None:
    """Save a model that takes time before batch, and a scalar; one output has no time, one no batch."""
    from stages.frameworks.tensorflow import model as tensorflow_model

    tf = tensorflow_model.framework()
    specs = [tf.TensorSpec([None, None, 3], tf.float32, 'steps'), tf.TensorSpec([], tf.float32, 'gain')]

    @tf.function(input_signature=specs)
    def serve(steps: Any, gain: Any) -> Any:
        return {'sum': tf.reduce_sum(steps, [1]) * gain, 'last': steps[-1] + gain}

    tf.saved_model.save(tf.Module(), str(folder), signatures=serve)


@pytest.mark.parametrize('kind', ['onnx', 'openvino', 'tflite'])
def test_outputs_of_a_saved_model_in_another_order_keep_their_names(tmp_path, kind):
    time_major(tmp_path / 'folder')
    declared = says({'gain': [], 'steps': ['time', 'batch', 3]}, 'sum', 'last')
    source = taken('savedmodel', tmp_path / 'folder', tmp_path / 'source', declared)
    feed = {
        'steps': np.random.default_rng(1).standard_normal((5, 2, 3)).astype('float32'),
        'gain': np.array(3, 'float32'),
    }

    found = made(kind, source, tmp_path / kind)

    got = answers(found, feed)
    assert list(got) == ['sum', 'last'] and got['sum'].shape == (5, 3) and got['last'].shape == (2, 3)
    assert np.allclose(got['sum'], feed['steps'].sum(1) * 3, atol=1e-5)
    assert np.allclose(got['last'], feed['steps'][-1] + 3, atol=1e-5)


@pytest.fixture(scope='session')
def recurrent(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Model]:
    """Cells in both directions, and a layer that returns its states; as Keras file and as SavedModel."""
    import keras

    keras.utils.set_random_seed(6)
    layers = keras.layers
    sound = keras.Input((9, 4), name='sound')
    x = layers.Bidirectional(layers.GRU(5, return_sequences=True))(sound)
    last, hidden, cell = layers.LSTM(6, return_state=True, name='cells')(x)
    net = keras.Model(sound, [layers.Dense(3, name='scores')(last), {'hidden': hidden, 'cell': cell}])
    root = tmp_path_factory.mktemp('recurrent')
    (root / 'file').mkdir()
    net.save(root / 'file/net.keras')
    keras.Model(sound, {'scores': net.output[0], **net.output[1]}).export(root / 'folder', verbose=False)
    return {
        'keras': taken('keras', root / 'file', root / 'keras'),
        'savedmodel': taken(
            'savedmodel',
            root / 'folder',
            root / 'savedmodel',
            says({'sound': ['batch', 9, 4]}, 'scores', 'hidden', 'cell'),
        ),
    }


@pytest.mark.parametrize('format', FORMATS[:2])
@pytest.mark.parametrize('params', [{}, {'compress': 'f16'}, {'shape': 'static', 'batch': 2}], ids=str)
def test_recurrent_models_become_openvino(tmp_path, recurrent, format, params):
    feed = {'sound': np.random.default_rng(1).standard_normal((2, 9, 4)).astype('float32')}

    found = made('openvino', recurrent[format], tmp_path / 'openvino', **params)

    assert furthest(answers(found, feed), answers(recurrent[format], feed)) < (2e-3 if 'compress' in params else 1e-5)


def test_outputs_within_outputs_are_named_by_their_path(recurrent):
    assert [port.name for port in recurrent['keras'].contract.outputs] == ['0', '1.cell', '1.hidden']


def test_what_crashes_the_quantizer_is_refused_with_a_way_that_leads_on(tmp_path, recurrent):
    path = tmp_path / 'calibrate.npz'
    np.savez(path, sound=np.random.default_rng(1).standard_normal((4, 9, 4)).astype('float32'))

    with pytest.raises(UnsupportedError, match=r'killed by signal 11 (.|\n)*what to try: tflite: {quantize: dynamic}'):
        made('tflite', recurrent['keras'], tmp_path / 'int8', path, quantize='int8', shape='static')

    feed = {'sound': np.random.default_rng(2).standard_normal((1, 9, 4)).astype('float32')}
    found = made('tflite', recurrent['keras'], tmp_path / 'lite', quantize='dynamic', shape='static')
    assert furthest(answers(found, feed), answers(recurrent['keras'], feed)) < 0.1


def test_a_variable_that_is_read_after_it_was_written_is_refused_where_it_would_be_frozen(tmp_path):
    from stages.frameworks.tensorflow import model as tensorflow_model

    tf = tensorflow_model.framework()
    module = tf.Module()
    module.seen = tf.Variable(1.0)
    spec = tf.TensorSpec([None], tf.float32, 'x')
    serve = tf.function(lambda x: {'y': module.seen.assign_add(2.0) * x}, input_signature=[spec])
    tf.saved_model.save(module, str(tmp_path / 'folder'), signatures=serve)
    source = taken('savedmodel', tmp_path / 'folder', tmp_path / 'source', says({'x': ['batch']}))

    for kind in ('onnx', 'openvino'):
        with pytest.raises(UnsupportedError, match=r'writes into variables(.|\n)*what to try: tflite'):
            made(kind, source, tmp_path / kind)
    found = made('tflite', source, tmp_path / 'tflite')
    loaded = session(found)
    assert [loaded.run({'x': np.ones(1, 'float32')})['y'].tolist() for _ in range(2)] == [[3], [3]]


@pytest.mark.parametrize('name', ['_hidden', 'a b', 'Ä:0', '/'])
def test_a_tflite_file_keeps_names_that_tensorflow_would_not(tmp_path, nets, name):
    from ai_edge_litert.interpreter import Interpreter

    declared = says({'q': INPUTS['image'], name: INPUTS['extra']}, name, 'q')
    listed = Contract(tuple(p for p in declared.inputs), declared.outputs)
    source = nets['keras']
    ports = [(one, two.name) for one, two in zip(source.contract.inputs, listed.inputs, strict=True)]
    import dataclasses

    renamed = dataclasses.replace(
        source.contract,
        inputs=tuple(dataclasses.replace(port, name=new) for port, new in ports),
        outputs=tuple(
            dataclasses.replace(port, name=new.name)
            for port, new in zip(source.contract.outputs, declared.outputs, strict=True)
        ),
    )
    found = made('tflite', Model(source.folder, renamed, 'keras'), tmp_path / 'lite')

    [signature] = Interpreter(str(found.folder / 'model.tflite')).get_signature_list().values()
    assert sorted(signature['inputs']) == sorted(signature['outputs']) == sorted(['q', name])
    got = answers(found, {'q': feed(2)['image'], name: feed(2)['extra']})
    wanted = answers(source, feed(2))
    assert np.allclose(got[name], wanted['logits'], atol=1e-5) and np.allclose(got['q'], wanted['aside'], atol=1e-5)


STEPS = (
    ('onnx', {}), ('openvino', {}), *(('tflite', {'quantize': quantize}) for quantize in QUANTIZED)
)  # fmt: skip
CHILD = """
import json, sys
from pathlib import Path
from stages.contract.port import contract_of
from tests.tensorflow_models import Model, made
from tests.kinds.test_tensorflow_kinds import STEPS

if __name__ == '__main__':
    models, data, out = json.loads(sys.argv[1]), Path(sys.argv[2]), Path(sys.argv[3])
    for format, (folder, contract) in models.items():
        for number, (kind, params) in enumerate(STEPS):
            if format != 'tflite' or kind != 'tflite':
                model = Model(Path(folder), contract_of(contract), format)
                made(kind, model, out / f'{format}-{number}', data, **params)
"""


@pytest.mark.slow
def test_every_conversion_gives_the_same_bytes_in_another_process(nets, calibrate, tmp_path):
    root = Path(__file__).parents[2]
    models = json.dumps({name: [str(m.folder), contract_json(m.contract)] for name, m in nets.items()})
    (tmp_path / 'child.py').write_text(CHILD)
    found = []
    for place in ('one', 'another/place'):
        out = tmp_path / place
        done = subprocess.run(
            [sys.executable, str(tmp_path / 'child.py'), models, str(calibrate), str(out)],
            cwd=root, capture_output=True, text=True, check=False,
            env={'PYTHONPATH': str(root), 'PYTHONHASHSEED': '0', 'PATH': ''},
        )  # fmt: skip
        assert done.returncode == 0, done.stderr[-2000:]
        found.append({str(p.relative_to(out)): p.read_bytes() for p in sorted(out.rglob('*')) if p.is_file()})

    assert len(found[0]) == 2 * (1 + 2 + 4) + 3
    assert found[0].keys() == found[1].keys()
    assert [name for name in found[0] if found[0][name] != found[1][name]] == []


def test_an_operator_without_an_onnx_form_is_named(tmp_path):
    from stages.frameworks.tensorflow import model as tensorflow_model

    tf = tensorflow_model.framework()
    module = tf.Module()
    serve = tf.function(lambda x: {'y': tf.math.erfcinv(x)}, input_signature=[tf.TensorSpec([None, 4], name='x')])
    tf.saved_model.save(module, tmp_path / 'saved', signatures=serve)
    model = taken('savedmodel', tmp_path / 'saved', tmp_path / 'source', says({'x': ['batch', 4]}, 'y'))

    with pytest.raises(UnsupportedError, match=r'tf2onnx cannot do this(.|\n)*Ndtri(.|\n)*what to try'):
        made('onnx', model, tmp_path / 'onnx')
    with pytest.raises(UnsupportedError, match=r'TFLite cannot do this to this model \(operator \w+\)'):
        made('tflite', model, tmp_path / 'tflite')
