"""SavedModel, Keras and TFLite from outside: read as data first; what would run code, or reach out, is refused."""

from __future__ import annotations

import json
import shutil
import zipfile
from pathlib import Path
from typing import Any

import pytest

from stages.contract.port import Contract, Port
from stages.errors import IntegrityError, StepError, UnsupportedError
from stages.sources import keras as keras_source
from stages.sources import savedmodel, tflite
from tests.sources.sources_helpers import job
from tests.tensorflow_models import answers, says, taken

np = pytest.importorskip('numpy')
pytestmark = [pytest.mark.tensorflow, pytest.mark.litert]
for name, extra in {'tensorflow': 'tensorflow', 'h5py': 'tensorflow', 'ai_edge_litert': 'litert'}.items():
    pytest.importorskip(name, reason=f'needs modelkiln[{extra}]: pip install "modelkiln[{extra}]"')

SIGNATURE = (Port('image', ('batch', 8, 8, 2), 'float32'),)


def net() -> Any:
    from stages.frameworks.tensorflow import model as tensorflow_model

    tensorflow_model.framework()
    import keras

    image = keras.Input((8, 8, 2), name='image')
    x = keras.layers.DepthwiseConv2D(3, activation='relu')(image)
    return keras.Model(image, keras.layers.Dense(3)(keras.layers.Flatten()(x)))


@pytest.fixture(scope='module')
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One net in all forms."""
    from stages.frameworks.tensorflow import model as tensorflow_model

    root = tmp_path_factory.mktemp('made')
    model = net()
    model.compile(optimizer='adam', loss='mse')
    for name in ('keras', 'h5', 'lite'):
        (root / name).mkdir()
    model.save(root / 'keras/net.keras')
    model.save(root / 'h5/net.hdf5')
    model.export(root / 'saved/below', verbose=False)
    tf = tensorflow_model.framework()
    lite = tf.lite.TFLiteConverter.from_saved_model(str(root / 'saved/below'))
    (root / 'lite/net.tflite').write_bytes(lite.convert())
    return root


FORMATS = {'keras': 'keras', 'h5': 'keras', 'saved': 'savedmodel', 'lite': 'tflite'}
SOURCES = {'keras': keras_source, 'h5': keras_source, 'saved': savedmodel, 'lite': tflite}


def run(form: str, fetched: Path, output: Path, signature: tuple[Port, ...] = SIGNATURE) -> Path:
    source = SOURCES[form]
    done = job(output, signature, file=fetched)
    source.run(source.Params(), done)
    assert all((output / name).is_file() for name in source.outputs(source.Params()))
    return output


@pytest.mark.parametrize('form', SOURCES)
def test_a_good_model_arrives_and_answers(made, tmp_path, form):
    model = taken(FORMATS[form], made / form, tmp_path / 'out', Contract(SIGNATURE))

    [answer] = answers(model, {'image': np.ones((1, 8, 8, 2), 'float32')}).values()

    assert answer.shape == (1, 3)
    assert (model.contract.inputs[0].shape, model.contract.precision) == (('batch', 8, 8, 2), 'f32')


@pytest.mark.parametrize('form', SOURCES)
def test_the_same_file_gives_the_same_bytes(made, tmp_path, form):
    folders = [run(form, made / form, tmp_path / name) for name in ('one', 'two')]

    files = [{str(p.relative_to(f)): p.read_bytes() for p in f.rglob('*') if p.is_file()} for f in folders]
    assert files[0] == files[1]


@pytest.mark.parametrize('form', SOURCES)
def test_a_recipe_that_describes_another_model_is_refused(made, tmp_path, form):
    with pytest.raises(StepError, match=r'takes image float32 \[.*8, 8, 2\]; the recipe declares .*8, 3\]'):
        run(form, made / form, tmp_path / 'out', (Port('image', ('batch', 8, 8, 3), 'float32'),))


@pytest.mark.parametrize('inner', [False, True])
def test_half_weights_make_a_model_of_f16(tmp_path, inner):
    import keras

    x = keras.Input((4,), name='x', dtype='float16')
    layers = [keras.layers.Dense(3, dtype='float16', name='y')]
    net = keras.Model(x, (keras.Sequential(layers, name='y') if inner else layers[0])(x))
    (tmp_path / 'in').mkdir()
    net.save(tmp_path / 'in/net.keras')

    contract = taken('keras', tmp_path / 'in', tmp_path / 'out').contract

    assert contract.precision == 'f16'
    assert [(p.name, p.shape, p.dtype, p.batch) for p in (*contract.inputs, *contract.outputs)] == [
        ('x', ('batch', 4), 'float16', 0),
        ('y', ('batch', 3), 'float16', 0),
    ]


def test_what_keras_2_wrote_is_mended(made, tmp_path):
    import h5py

    old = tmp_path / 'old/net.h5'
    old.parent.mkdir()
    old.write_bytes((made / 'h5/net.hdf5').read_bytes())
    with h5py.File(old, 'r+') as stored:
        config = json.loads(stored.attrs['model_config'])
        [layer] = [one for one in config['config']['layers'] if one['class_name'] == 'DepthwiseConv2D']
        layer['config']['groups'] = 1
        stored.attrs['model_config'] = json.dumps(config)

    run('h5', old.parent, tmp_path / 'out')


def test_the_optimizer_of_keras_2_does_not_keep_a_saved_model_from_loading(made, tmp_path):
    from tensorflow.core.protobuf import saved_model_pb2

    shutil.copytree(made / 'saved', tmp_path / 'old')
    path = tmp_path / 'old/below/saved_model.pb'
    read = saved_model_pb2.SavedModel.FromString(path.read_bytes())
    nodes = read.meta_graphs[0].object_graph_def.nodes
    variable = next(i for i, node in enumerate(nodes) if node.WhichOneof('kind') == 'variable')
    nodes[0].children.add(node_id=len(nodes), local_name='optimizer')
    optimizer, moment = nodes.add(), nodes.add()
    optimizer.user_object.identifier = 'optimizer'
    moment.variable.CopyFrom(nodes[variable].variable)
    optimizer.slot_variables.add(
        original_variable_node_id=variable, slot_name='m', slot_variable_node_id=len(nodes) - 1
    )
    path.write_bytes(read.SerializeToString())

    import tensorflow as tf

    with pytest.raises(AttributeError, match='add_slot'):
        tf.saved_model.load(str(path.parent))
    run('saved', tmp_path / 'old', tmp_path / 'out')


def two_ways(folder: Path) -> Path:
    """A model with a signature each way, none of the usual name, and two graphs by their tags."""
    import tensorflow as tf
    from tensorflow.core.protobuf import saved_model_pb2

    class Scale(tf.Module):
        def __init__(self) -> None:
            super().__init__()
            self.by = tf.Variable(4.0)

    module = Scale()
    spec = tf.TensorSpec([None, 3], tf.float32, 'rows')
    module.up = tf.function(lambda rows: {'out': rows * module.by}, input_signature=[spec], autograph=False)
    module.down = tf.function(lambda rows: {'back': rows / module.by}, input_signature=[spec], autograph=False)
    tf.saved_model.save(module, str(folder), signatures={'up': module.up, 'down': module.down})
    path = folder / 'saved_model.pb'
    read = saved_model_pb2.SavedModel.FromString(path.read_bytes())
    other = read.meta_graphs.add()
    other.CopyFrom(read.meta_graphs[0])
    other.meta_info_def.tags[:] = ['serve', 'accelerated']
    path.write_bytes(read.SerializeToString())
    return folder


@pytest.mark.parametrize(('name', 'output', 'answer'), [('up', 'out', 8.0), ('down', 'back', 0.5)])
@pytest.mark.parametrize('tags', [(), ('serve', 'accelerated')])
def test_a_signature_is_chosen_by_name_and_a_graph_by_its_tags(tmp_path, name, output, answer, tags):
    import tensorflow as tf

    params = savedmodel.Params(signature=name, tags=tags)
    savedmodel.run(params, job(tmp_path / 'out', file=two_ways(tmp_path / 'in')))

    loaded = tf.saved_model.load(str(tmp_path / 'out'))
    assert list(loaded.signatures) == ['serving_default']  # whoever reads it later sees one
    assert loaded.signatures['serving_default'](tf.constant([[2.0] * 3]))[output].numpy()[0, 0] == answer


@pytest.mark.parametrize(('params', 'said'), [
    (savedmodel.Params(), r'several signatures: down, up\nsay which in `source`: `signature: NAME`'),
    (savedmodel.Params(signature='upp'), r"no signature 'upp'; it has down, up"),
    (savedmodel.Params(signature='up', tags=('gpu',)), r'2 graphs, by their tags: serve; serve, accelerated'),
], ids=str)  # fmt: skip
def test_a_signature_left_open_is_refused_with_their_names(tmp_path, params, said):
    with pytest.raises(StepError, match=said):
        savedmodel.run(params, job(tmp_path / 'out', file=two_ways(tmp_path / 'in')))


def test_a_saved_model_of_constants_needs_no_variables(tmp_path):
    import tensorflow as tf

    v1 = tf.compat.v1
    with tf.Graph().as_default(), v1.Session() as session:
        rows = v1.placeholder(tf.float32, [None, 2], name='rows')
        total = tf.reduce_sum(rows * tf.constant([3.0, 5.0]), axis=-1)
        v1.saved_model.simple_save(session, str(tmp_path / 'in/1'), {'rows': rows}, {'total': total})
    shutil.rmtree(tmp_path / 'in/1/variables')

    model = taken('savedmodel', tmp_path / 'in', tmp_path / 'out', says({'rows': ['batch', 2]}))

    assert answers(model, {'rows': np.ones((1, 2), 'float32')})['total'].tolist() == [8.0]


@pytest.mark.parametrize('lost', ['variables/variables.index', 'variables/variables.data-00000-of-00001'])
def test_variables_left_behind_are_said(made, tmp_path, lost):
    shutil.copytree(made / 'saved', tmp_path / 'bad')
    (tmp_path / 'bad/below' / lost).unlink()

    with pytest.raises(StepError, match=r'variables.*name the whole folder'):
        run('saved', tmp_path / 'bad', tmp_path / 'out')


@pytest.mark.parametrize('operator', ['ReadFile', 'WriteFile', 'PyFunc', 'SaveV2', 'TextLineDataset', 'DebugIdentity'])
@pytest.mark.parametrize('where', ['node', 'function'])
def test_a_graph_that_reaches_outside_is_refused_before_tensorflow_loads_it(made, tmp_path, operator, where):
    from tensorflow.core.protobuf import saved_model_pb2

    shutil.copytree(made / 'saved', tmp_path / 'bad')
    path = tmp_path / 'bad/below/saved_model.pb'
    read = saved_model_pb2.SavedModel.FromString(path.read_bytes())
    graph = read.meta_graphs[0]
    if where == 'node':
        graph.graph_def.node.add(name='x', op=operator)
    else:
        # hidden in the saver's function, and called from elsewhere too
        name = next(f.signature.name for f in graph.graph_def.library.function if 'traced_save' in f.signature.name)
        next(f for f in graph.graph_def.library.function if f.signature.name == name).node_def.add(op=operator)
        graph.graph_def.node.add(name='x', op='PartitionedCall').attr['f'].func.name = name
    path.write_bytes(read.SerializeToString())

    with pytest.raises(UnsupportedError, match=f'reaches outside the model.*{operator}'):
        run('saved', tmp_path / 'bad', tmp_path / 'out')


def test_a_link_in_a_saved_model_is_refused(made, tmp_path):
    shutil.copytree(made / 'saved', tmp_path / 'bad')
    (tmp_path / 'secret').write_text('x')
    (tmp_path / 'bad/below/assets').mkdir(exist_ok=True)
    (tmp_path / 'bad/below/assets/vocabulary.txt').symlink_to(tmp_path / 'secret')

    with pytest.raises(IntegrityError, match=r'vocabulary\.txt: a link'):
        run('saved', tmp_path / 'bad', tmp_path / 'out')


def changed(made: Path, folder: Path, change: Any) -> Path:
    """Write the Keras net to ``folder`` with its configuration changed; return the folder."""
    folder.mkdir()
    with zipfile.ZipFile(made / 'keras/net.keras') as source, zipfile.ZipFile(folder / 'net.keras', 'w') as target:
        for name in source.namelist():
            data = source.read(name)
            if name == 'config.json':
                config = json.loads(data)
                change(config['config']['layers'])
                data = json.dumps(config).encode()
            target.writestr(name, data)
    return folder


@pytest.mark.parametrize(('change', 'said'), [
    ({'class_name': 'Lambda'}, 'keras.layers.Lambda'),
    ({'class_name': 'TFSMLayer'}, 'keras.layers.TFSMLayer'),
    ({'class_name': 'TorchModuleWrapper'}, 'TorchModuleWrapper'),
    ({'module': 'os'}, 'os.Dense'),
    ({'module': 'kerasbad.layers'}, 'kerasbad.layers.Dense'),
    ({'registered_name': 'My>Dense'}, 'Dense'),
    ({'class_name': 'function', 'module': 'builtins', 'config': 'eval'}, 'function'),
], ids=str)  # fmt: skip
def test_code_in_a_keras_file_is_refused_before_keras_sees_it(made, tmp_path, monkeypatch, change, said):
    import keras

    monkeypatch.setattr(keras.saving, 'load_model', lambda *a, **k: pytest.fail('Keras saw the file'))
    bad = changed(made, tmp_path / 'bad', lambda layers: layers[-1].update(change))

    with pytest.raises(UnsupportedError, match=f'code that a file must not bring: .*{said}'):
        run('keras', bad, tmp_path / 'out')
    assert not list((tmp_path / 'out').iterdir())


def test_the_table_of_keras_s_own_classes_is_that_of_the_installed_keras():
    from tests.sources import keras_names

    assert keras_names.TABLE.read_text('utf-8') == keras_names.table(), 'run: python tests/sources/keras_names.py'


def test_keras_s_own_layers_and_operations_pass_and_answer_alike(tmp_path):
    import keras

    sound = keras.Input((16, 4), name='sound')
    x = keras.layers.RandomErasing(seed=1)(keras.layers.Reshape((16, 4, 1))(sound))
    x = keras.layers.Pipeline([keras.layers.Rescaling(0.5), keras.layers.RandomContrast(0.1)])(x)
    x = keras.ops.squeeze(x, -1) + np.arange(4, dtype='float32')
    x = keras.layers.SpectralNormalization(keras.layers.Dense(6, activation=keras.activations.hard_silu))(x)
    x = keras.layers.RNN([keras.layers.GRUCell(5)])(x)
    x = keras.ops.where(x > 0, keras.ops.log1p(keras.ops.abs(x)), x)[:, 1:, ...]
    model = keras.Model(sound, [keras.ops.max(x, axis=-1), keras.ops.einsum('ab,ab->a', x, x)])
    (tmp_path / 'in').mkdir()
    model.save(tmp_path / 'in/net.keras')

    folder = run('keras', tmp_path / 'in', tmp_path / 'out', (Port('sound', ('batch', 16, 4), 'float32'),))

    feed = np.random.default_rng(0).standard_normal((2, 16, 4)).astype('float32')
    again = keras.saving.load_model(folder / 'model.keras')
    for one, two in zip(model(feed, training=False), again(feed, training=False), strict=True):
        np.testing.assert_allclose(one, two, rtol=1e-6)


def test_a_model_within_a_model_that_was_compiled_passes(tmp_path):
    import keras

    inner = net()
    inner.compile(
        optimizer=keras.optimizers.Adam(keras.optimizers.schedules.CosineDecay(0.1, 9)), loss='mse', metrics=['mae']
    )
    (tmp_path / 'in').mkdir()
    keras.Sequential([inner, keras.layers.Softmax()]).save(tmp_path / 'in/net.keras')

    run('keras', tmp_path / 'in', tmp_path / 'out', ())


@pytest.mark.parametrize(('change', 'said'), [
    ({'class_name': 'Map', 'module': 'keras.src.ops.core'}, 'keras.src.ops.core.Map'),
    ({'class_name': 'GetItem', 'module': 'keras.src.layers'}, 'keras.src.layers.GetItem'),
    ({'class_name': 'Mean'}, 'keras.layers.Mean'),
    ({'class_name': 'MeanMetricWrapper', 'module': 'keras.metrics'}, 'MeanMetricWrapper'),
    ({'class_name': 'function', 'module': 'builtins', 'config': 'deserialize'}, 'function'),
    ({'class_name': '__lambda__', 'module': None}, '__lambda__'),
    ({'class_name': '__numpy__', 'config': {'value': 'a', 'dtype': 'S2000000000'}}, '__numpy__'),
    ({'class_name': 'StringLookup', 'config': {'vocabulary': '/etc/passwd'}}, 'vocabulary in another file'),
], ids=str)  # fmt: skip
def test_what_of_keras_runs_functions_or_reads_files_is_refused(made, tmp_path, change, said):
    with pytest.raises(UnsupportedError, match=said):
        run('keras', changed(made, tmp_path / 'bad', lambda layers: layers[-1].update(change)), tmp_path / 'out')


def test_an_operation_on_constants_alone_is_refused(made, tmp_path):
    full = {'class_name': 'Full', 'module': 'keras.src.ops.numpy', 'inbound_nodes': [{'args': [[10**6, 10**6]]}]}

    with pytest.raises(IntegrityError, match='takes nothing that the model computes'):
        run('keras', changed(made, tmp_path / 'bad', lambda layers: layers[-1].update(full)), tmp_path / 'out')


def test_code_deep_in_a_layer_s_options_is_found(made, tmp_path):
    def hide(layers: Any) -> None:
        layers[-1]['config']['kernel_initializer'] = {'x': [{'class_name': 'Lambda', 'config': {}}]}

    with pytest.raises(UnsupportedError, match='Lambda'):
        run('keras', changed(made, tmp_path / 'bad', hide), tmp_path / 'out')


@pytest.mark.parametrize(('change', 'said'), [
    (lambda layers: layers[-1]['config'].update(units=10**9), 'units 1,000,000,000; no weights'),
    (lambda layers: layers[0]['config'].update(batch_shape=[None, 10**6, 10**6]), 'at most'),
    (lambda layers: layers.extend(layers[-1:] * 10_000), 'layers; from 1 to'),
    (lambda layers: layers.append(json.loads('[' * 90 + ']' * 90)), 'nested deeper'),
])  # fmt: skip
def test_a_shape_bomb_is_refused(made, tmp_path, change, said):
    with pytest.raises(IntegrityError, match=said):
        run('keras', changed(made, tmp_path / 'bad', change), tmp_path / 'out')


@pytest.mark.parametrize('kind', ['soft link', 'external link', 'external data'])
def test_an_h5_file_that_leads_elsewhere_is_refused(made, tmp_path, kind):
    import h5py

    bad = tmp_path / 'bad/net.h5'
    bad.parent.mkdir()
    bad.write_bytes((made / 'h5/net.hdf5').read_bytes())
    (tmp_path / 'secret').write_bytes(b'x' * 64)
    with h5py.File(bad, 'r+') as stored:
        if kind == 'external data':
            stored.create_dataset('x', (4,), 'f4', external=[(str(tmp_path / 'secret'), 0, 16)])
        else:
            stored['x'] = h5py.SoftLink('/y') if kind == 'soft link' else h5py.ExternalLink('other.h5', '/y')

    with pytest.raises(IntegrityError, match=r"'x' (is a link|keeps its numbers outside)"):
        run('h5', bad.parent, tmp_path / 'out')


@pytest.mark.parametrize('form', SOURCES)
def test_a_damaged_file_is_refused(made, tmp_path, form):
    shutil.copytree(made / form, tmp_path / 'bad')
    for path in (tmp_path / 'bad').rglob('*'):
        if path.is_file():
            data = path.read_bytes()
            path.write_bytes(data[: len(data) // 3])

    with pytest.raises((IntegrityError, StepError)):
        run(form, tmp_path / 'bad', tmp_path / 'out')


def test_an_operator_that_litert_lacks_is_refused(tmp_path):
    from stages.frameworks.tensorflow import model as tensorflow_model

    tf = tensorflow_model.framework()
    serve = tf.function(lambda x: tf.raw_ops.Erfinv(x=x), input_signature=[tf.TensorSpec([1, 4], name='x')])
    converter = tf.lite.TFLiteConverter.from_concrete_functions([serve.get_concrete_function()])
    converter.allow_custom_ops = True
    (tmp_path / 'bad').mkdir()
    (tmp_path / 'bad/net.tflite').write_bytes(converter.convert())

    with pytest.raises(UnsupportedError, match=r'Erfinv(.|\n)*custom operators'):
        run('lite', tmp_path / 'bad', tmp_path / 'out', ())


def custom(name: str) -> bytes:
    """Return a file of one operator, which is custom by its form."""
    import flatbuffers
    from ai_edge_litert import schema_py_generated as schema

    model, graph, code, operator = schema.ModelT(), schema.SubGraphT(), schema.OperatorCodeT(), schema.OperatorT()
    code.builtinCode = code.deprecatedBuiltinCode = schema.BuiltinOperator.CUSTOM
    code.customCode, code.version = name, 1
    graph.tensors = [schema.TensorT(), schema.TensorT()]
    for tensor, called in zip(graph.tensors, 'ab', strict=True):
        tensor.name, tensor.shape = called, [1]
    operator.inputs, operator.outputs, operator.customOptions = [0], [1], []
    graph.inputs, graph.outputs, graph.operators = [0], [1], [operator]
    model.version, model.operatorCodes, model.buffers, model.subgraphs = 3, [code], [schema.BufferT()], [graph]
    builder = flatbuffers.Builder(1024)
    builder.Finish(model.Pack(builder), b'TFL3')
    return bytes(builder.Output())


@pytest.mark.parametrize('name', ['TFLite_Detection_PostProcess', 'AudioSpectrogram', 'Mfcc', 'NumericVerify'])
def test_litert_itself_has_these_custom_operators(tmp_path, name):
    (tmp_path / 'net.tflite').write_bytes(custom(name))

    # it finds the operator, and complains of what we feed it
    with pytest.raises(IntegrityError, match=rf'LiteRT cannot read it(.|\n)*\({name}\) failed to prepare') as caught:
        run('lite', tmp_path / 'net.tflite', tmp_path / 'out', ())
    assert 'unresolved' not in str(caught.value)


def test_a_detector_arrives_and_finds(tmp_path):
    import tensorflow as tf

    options = (
        'name: "TFLite_Detection_PostProcess" attr {key: "max_detections" value {i: 3}} attr {key: "num_classes" value '
        '{i: 1}} attr {key: "max_classes_per_detection" value {i: 1}} attr {key: "nms_score_threshold" value {f: 0.2}} '
        'attr {key: "nms_iou_threshold" value {f: 0.5}} attr {key: "use_regular_nms" value {b: false}} '
        + ''.join(f'attr {{key: "{side}_scale" value {{f: 1.0}}}} ' for side in 'xywh')
    )
    shapes = ([1, 3, 4], [1, 3], [1, 3], [1])
    found = tf.function(lambda b, s, a: tuple(map(tf.zeros, shapes)), experimental_implements=options, autograph=False)
    anchors = tf.constant([[0.2, 0.2, 0.1, 0.1], [0.8, 0.8, 0.1, 0.1]])

    def detect(scores: Any) -> Any:
        return found(tf.zeros([1, 2, 4]), tf.stack([1 - scores, scores], axis=-1), anchors)

    serve = tf.function(detect, input_signature=[tf.TensorSpec([1, 2], tf.float32, 'scores')], autograph=False)
    holder = tf.Module()
    holder.serve = serve
    converter = tf.lite.TFLiteConverter.from_concrete_functions([serve.get_concrete_function()], holder)
    converter.allow_custom_ops = True
    (tmp_path / 'net.tflite').write_bytes(converter.convert())

    model = taken('tflite', tmp_path / 'net.tflite', tmp_path / 'out')

    found = answers(model, {'scores': np.float32([[0.9, 0.6]])})
    assert any(array.shape == (1,) and array[0] == 2 for array in found.values())  # how many were found


@pytest.mark.parametrize(('name', 'output', 'answer'), [('up', 'out', 8.0), ('down', 'back', 0.5)])
def test_of_several_signatures_of_a_tflite_file_one_is_left(tmp_path, name, output, answer):
    import tensorflow as tf
    from ai_edge_litert.interpreter import Interpreter

    (tmp_path / 'net.tflite').write_bytes(
        tf.lite.TFLiteConverter.from_saved_model(str(two_ways(tmp_path / 'in'))).convert()
    )
    with pytest.raises(StepError, match=r'has (up, down|down, up)\nsay which signature'):
        run('lite', tmp_path / 'net.tflite', tmp_path / 'open', ())
    tflite.run(tflite.Params(signature=name), job(tmp_path / 'out', file=tmp_path / 'net.tflite'))

    interpreter = Interpreter(model_path=str(tmp_path / 'out/model.tflite'))
    assert list(interpreter.get_signature_list()) == [name]
    assert interpreter.get_signature_runner(name)(rows=np.full((1, 3), 2, 'float32'))[output][0, 0] == answer
    interpreter.allocate_tensors()
    interpreter.set_tensor(interpreter.get_input_details()[0]['index'], np.full((1, 3), 2, 'float32'))
    interpreter.invoke()
    assert interpreter.get_tensor(interpreter.get_output_details()[0]['index'])[0, 0] == answer
