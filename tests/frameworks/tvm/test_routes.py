"""The ways from TensorFlow and Paddle into TVM: each through our kinds, compiled, and compared with the framework."""

from __future__ import annotations

import pytest

np = pytest.importorskip('numpy')
for name in ('tvm', 'onnx', 'onnxruntime'):
    pytest.importorskip(name, reason='needs modelkiln[tvm,onnx]: pip install "modelkiln[tvm,onnx]"')

from stages.contract.job import Job  # noqa: E402
from stages.contract.match import matched  # noqa: E402
from stages.contract.port import Contract, Port, contract_json  # noqa: E402
from stages.frameworks.paddle import ports  # noqa: E402
from stages.kinds import kind_for  # noqa: E402
from tests.locked import python_of  # noqa: E402
from tests.with_paddle import asked, lacking, request  # noqa: E402

pytestmark = pytest.mark.tvm

# neither the order of the alphabet nor that of the file
SIGNATURE = (Port('image', ('batch', 16, 16, 3), 'float32'), Port('extra', ('batch', 4), 'float32'))
OUTPUTS = ('logits', 'aside')
PADDLE = (Port('image', ('batch', 3, 16, 16), 'float32'), Port('scale', ('batch', 1), 'float32'))


@pytest.fixture(scope='module')
def keras_net(tmp_path_factory):
    """A folder with a net as Keras keeps it, the net as a SavedModel, a feed, and what the net answers."""
    for tool in ('tensorflow', 'tf2onnx', 'ai_edge_litert', 'tflite'):
        pytest.importorskip(tool, reason='needs modelkiln[tensorflow,litert]: pip install "modelkiln[all]"')
    from stages.frameworks.tensorflow import model as tensorflow_model

    tensorflow_model.framework()
    import keras

    keras.utils.set_random_seed(3)
    layers = keras.layers
    image, extra = keras.Input((16, 16, 3), name='image'), keras.Input((4,), name='extra')
    x = layers.ReLU()(layers.BatchNormalization()(layers.Conv2D(16, 3, 2, 'same')(image)))
    x = layers.Add()([x, layers.DepthwiseConv2D(3, padding='same')(x)])
    x = layers.Concatenate()([layers.GlobalAveragePooling2D()(x), extra])
    outputs = [layers.Dense(5, name='logits')(x), layers.Dense(3, activation='softmax', name='aside')(x)]
    net = keras.Model([image, extra], outputs)
    root = tmp_path_factory.mktemp('nets')
    (root / 'keras').mkdir()
    net.save(root / 'keras/model.keras')
    net.export(root / 'savedmodel', verbose=False)
    feed = arrays(SIGNATURE)
    return root, feed, [a.numpy() for a in net([feed['image'], feed['extra']])]


def arrays(signature):
    rng = np.random.default_rng(5)
    return {t.name: rng.standard_normal(t.sized()).astype(t.dtype) for t in signature}


def converted(kind, format, folder, out):
    """Run one of our kinds on the model in ``folder``; return the folder that it left."""
    module = kind_for(kind, format)
    out.mkdir()
    named = zip(OUTPUTS, ('output_0', 'output_1') if format == 'savedmodel' else ('', ''), strict=True)
    contract = Contract(SIGNATURE, tuple(Port(name, (), 'float32', file=file) for name, file in named))
    module.run(module.Params(), Job({'model': folder}, out, contract, lambda fraction, words: None))
    return out


def distance(folder, signature, outputs, feed, wanted):
    """Compile the model in ``folder`` as the kind ``tvm`` does; return how far its answers are, relative, in L2."""
    import tvm
    from tvm import relax

    from stages.frameworks.tvm import lower
    from stages.frameworks.tvm.read import model
    from stages.frameworks.tvm.target import TARGETS

    target = TARGETS['x86-64-v2']  # what any machine that runs tests has
    built = lower.compiled(model.imported(folder, signature, outputs, {}), target)
    run = relax.VirtualMachine(built, tvm.cpu())['main']
    found = [t.numpy() for t in run(*[tvm.runtime.tensor(feed[t.name]) for t in signature])]
    assert [f.shape for f in found] == [w.shape for w in wanted]
    return max(float(np.linalg.norm(f - w) / np.linalg.norm(w)) for f, w in zip(found, wanted, strict=True))


@pytest.mark.parametrize(('format', 'kind'), [('keras', 'onnx'), ('keras', 'tflite'), ('savedmodel', 'onnx')])
def test_from_tensorflow_through_onnx_and_tflite(keras_net, tmp_path, format, kind):
    root, feed, wanted = keras_net

    folder = converted(kind, format, root / format, tmp_path / 'out')

    assert distance(folder, SIGNATURE, OUTPUTS, feed, wanted) < 1e-4


@pytest.mark.environments
@pytest.mark.paddle
def test_from_paddle_through_onnx(tmp_path):
    if said := lacking():
        pytest.skip(said)
    feed, net = arrays(PADDLE), tmp_path / 'net'
    np.savez(tmp_path / 'feeds.npz', **{f'0.{name}': array for name, array in feed.items()})
    asked('models', tmp_path, fresh=True)
    (graph,) = (path for path in net.iterdir() if path.suffix in ('.json', '.pdmodel'))
    declared = Contract(PADDLE, tuple(Port(name, (), '') for name in ('scores', 'features')))
    plain = contract_json(matched(graph.name, ports.read(graph), declared))
    run = request(
        tmp_path / 'engine.json', folder=net, contract=plain, options={}, threads=1, count=1,
        feeds=tmp_path / 'feeds.npz', results=tmp_path / 'results.npz',
    )  # fmt: skip
    convert = request(
        tmp_path / 'kind.json', module='stages.kinds.onnx_from_paddle', inputs={'model': net}, output=tmp_path / 'out',
        contract=plain, params={},
    )  # fmt: skip
    assert 'error' not in asked('engine', run)
    assert 'error' not in asked('kind', convert, python_of('paddle2onnx'))
    with np.load(tmp_path / 'results.npz') as stored:
        wanted = [stored['0.scores'], stored['0.features']]

    assert distance(tmp_path / 'out', PADDLE, ('scores', 'features'), feed, wanted) < 1e-4
