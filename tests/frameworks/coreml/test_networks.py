"""Neural networks of Core ML compute in ONNX what NumPy and torch say of the same layers."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

np = pytest.importorskip('numpy')
for needed in ('coremltools', 'onnx', 'onnxruntime'):
    pytest.importorskip(needed, reason='needs modelkiln[coreml]: pip install "modelkiln[coreml]"')

from stages.contract.port import Contract  # noqa: E402
from stages.engines import reader  # noqa: E402
from stages.frameworks.coreml import read  # noqa: E402
from stages.frameworks.coreml.layers import LAYERS, NOT_READ  # noqa: E402
from stages.frameworks.coreml.spec import MODEL, quiet  # noqa: E402
from tests.frameworks.coreml.cases import CASES, some  # noqa: E402
from tests.frameworks.coreml.made import add, border, builder, fill, saved, seeded  # noqa: E402

pytestmark = [pytest.mark.coreml, pytest.mark.onnx, pytest.mark.filterwarnings('ignore')]


def answered(spec: Any, folder: Path, *given: Any) -> list[Any]:
    """Read a model and run it on ``given``."""
    contract = read.opened(saved(spec, folder)).contract
    feed = {port.name: array for port, array in zip(contract.inputs, given, strict=True)}
    return [*reader.load(folder, contract, reader.Options(), 1).run(feed).values()]


def on_five_axes(array: Any) -> Any:
    return array.reshape(1, 1, *array.shape) if array.ndim == 3 else array.reshape(1, 1, -1, 1, 1)


@pytest.mark.torch
@pytest.mark.parametrize('name', CASES)
def test_a_layer_computes_what_numpy_or_torch_does(name: str, tmp_path: Path) -> None:
    case = CASES[name]
    shapes = case.shapes or ((1,),)  # a network has an input
    inputs = {f'x{place}': shape for place, shape in enumerate(shapes)}
    outputs = [f'y{place}' for place in range(case.outputs)]
    net = builder(inputs, outputs, old=case.old)
    add(net, case.kind, [*inputs][: len(case.shapes)], outputs, **case.told)
    given = case.inputs or tuple(some(*shape) for shape in shapes)
    if case.kind == 'acosh':
        given = (np.maximum(given[0], 1),)

    found = answered(net.spec, tmp_path, *given)

    fed = [on_five_axes(each) if case.old else each for each in given][: len(case.shapes)]
    wanted = case.wanted(*fed)
    for got, want in zip(found, wanted if case.outputs > 1 else [wanted], strict=True):
        assert got.shape == np.shape(want)
        np.testing.assert_allclose(got, want, rtol=2e-5, atol=2e-6)


def test_every_layer_that_is_read_has_such_a_case() -> None:
    assert {case.kind for case in CASES.values()} | RECURRENT == {*LAYERS}


def test_every_layer_of_the_format_is_read_or_not_read_and_none_is_both() -> None:
    with quiet():
        from coremltools.proto import NeuralNetwork_pb2

    known = {field.name for field in NeuralNetwork_pb2.NeuralNetworkLayer.DESCRIPTOR.oneofs_by_name['layer'].fields}
    assert known == LAYERS.keys() | NOT_READ.keys()
    assert not LAYERS.keys() & NOT_READ.keys()


RECURRENT = {'simpleRecurrent', 'gru', 'uniDirectionalLSTM', 'biDirectionalLSTM'}
STEPS, TAKEN, SIZE = 5, 3, 4


def of_torch(module: Any) -> dict[str, Any]:
    return {name: value.detach().numpy() for name, value in module.named_parameters()}


def recurrent_net(kind: str, **told: Any) -> Any:
    """A network of one recurrent layer, its input [steps, 1, 3, 1, 1]."""
    net = builder({'x': (STEPS, 1, TAKEN, 1, 1)}, ['y'])
    add(net, kind, ['x'], ['y'], inputVectorSize=TAKEN, outputVectorSize=SIZE, **told)
    return net.spec


def lstm_weights(held: dict[str, Any], side: str) -> dict[str, Any]:
    """The weights of torch under Core ML's names; torch has its gates in the order i, f, g, o."""
    told = {}
    for place, gate in enumerate(('inputGate', 'forgetGate', 'blockInput', 'outputGate')):
        rows = slice(place * SIZE, (place + 1) * SIZE)
        told[f'{gate}WeightMatrix'] = held[f'weight_ih_l0{side}'][rows]
        told[f'{gate}RecursionMatrix'] = held[f'weight_hh_l0{side}'][rows]
        told[f'{gate}BiasVector'] = (held[f'bias_ih_l0{side}'] + held[f'bias_hh_l0{side}'])[rows]
    return told


FUNCTIONS = [{'sigmoid': {}}, {'tanh': {}}, {'tanh': {}}]


@pytest.mark.torch
@pytest.mark.parametrize('every', [True, False])
def test_an_lstm_in_both_directions_is_that_of_torch(every: bool, tmp_path: Path) -> None:
    import torch

    torch.manual_seed(0)
    module = torch.nn.LSTM(TAKEN, SIZE, bidirectional=True)
    held = of_torch(module)
    spec = recurrent_net(
        'biDirectionalLSTM', params={'sequenceOutput': every, 'hasBiasVectors': True},
        activationsForwardLSTM=FUNCTIONS, activationsBackwardLSTM=FUNCTIONS,
        weightParams=[lstm_weights(held, ''), lstm_weights(held, '_reverse')],
    )  # fmt: skip
    x = some(STEPS, 1, TAKEN)

    [got] = answered(spec, tmp_path, x.reshape(STEPS, 1, TAKEN, 1, 1))

    steps, (last, _) = module(torch.from_numpy(x))
    wanted = steps if every else last.permute(1, 0, 2).reshape(1, 1, -1)
    np.testing.assert_allclose(got[..., 0, 0], wanted.detach().numpy(), rtol=1e-5, atol=1e-6)


@pytest.mark.torch
def test_an_lstm_and_a_simple_layer_are_those_of_torch(tmp_path: Path) -> None:
    import torch

    torch.manual_seed(0)
    x = some(STEPS, 1, TAKEN)
    lstm, rnn = torch.nn.LSTM(TAKEN, SIZE), torch.nn.RNN(TAKEN, SIZE, nonlinearity='relu')
    params = {'sequenceOutput': True, 'hasBiasVectors': True}
    first = recurrent_net(
        'uniDirectionalLSTM', params=params, activations=FUNCTIONS, weightParams=lstm_weights(of_torch(lstm), '')
    )
    held = of_torch(rnn)
    second = recurrent_net(
        'simpleRecurrent', activation={'ReLU': {}}, sequenceOutput=True, hasBiasVector=True,
        weightMatrix=held['weight_ih_l0'], recursionMatrix=held['weight_hh_l0'],
        biasVector=held['bias_ih_l0'] + held['bias_hh_l0'],
    )  # fmt: skip

    for spec, module in ((first, lstm), (second, rnn)):
        [got] = answered(spec, tmp_path, x.reshape(STEPS, 1, TAKEN, 1, 1))
        np.testing.assert_allclose(
            got[..., 0, 0], module(torch.from_numpy(x))[0].detach().numpy(), rtol=1e-5, atol=1e-6
        )


def test_a_gru_is_what_its_equations_say(tmp_path: Path) -> None:
    gates = ('update', 'reset', 'output')
    held = {f'{gate}GateWeightMatrix': some(SIZE, TAKEN) for gate in gates}
    held |= {f'{gate}GateRecursionMatrix': some(SIZE, SIZE) for gate in gates}
    held |= {f'{gate}GateBiasVector': some(SIZE) for gate in gates}
    spec = recurrent_net('gru', activations=FUNCTIONS[:2], sequenceOutput=True, hasBiasVectors=True, **held)
    x = some(STEPS, TAKEN)

    [got] = answered(spec, tmp_path, x.reshape(STEPS, 1, TAKEN, 1, 1))

    def gate(word: str, given: Any, state: Any) -> Any:
        parts = [held[f'{word}Gate{part}'] for part in ('WeightMatrix', 'RecursionMatrix', 'BiasVector')]
        return parts[0] @ given + parts[1] @ state + parts[2]

    state, wanted = np.zeros(SIZE), []
    for given in x:
        update, reset = (1 / (1 + np.exp(-gate(word, given, state))) for word in ('update', 'reset'))
        state = (1 - update) * np.tanh(gate('output', given, reset * state)) + update * state
        wanted.append(state)
    np.testing.assert_allclose(got[:, 0, :, 0, 0], wanted, rtol=1e-5, atol=1e-6)


def classifier() -> Any:
    """A picture through a convolution of the builder's own making to three classes, as Xcode's first templates were."""
    with quiet():
        from coremltools.models import datatypes
        from coremltools.models.neural_network import NeuralNetworkBuilder

        net = NeuralNetworkBuilder([('image', datatypes.Array(3, 8, 8))], [('prob', None)], mode='classifier')
        rng = np.random.default_rng(1)
        net.add_convolution(
            'conv', 3, 4, 3, 3, 2, 2, 'valid', 1, W=rng.standard_normal((3, 3, 3, 4)), b=np.zeros(4), has_bias=True,
            input_name='image', output_name='maps',
        )  # fmt: skip
        net.add_activation('relu', 'RELU', 'maps', 'bent')
        net.add_flatten('flat', 0, 'bent', 'row')
        net.add_inner_product('fc', rng.standard_normal((3, 36)), None, 36, 3, False, 'row', 'scores')
        net.add_softmax('soft', 'scores', 'prob')
        net.set_class_labels(['cat', 'dog', 'owl'], predicted_feature_name='kind', prediction_blob='prob')
        net.set_pre_processing_parameters(
            image_input_names=['image'], is_bgr=True, red_bias=-3, blue_bias=-1, green_bias=-2, image_scale=0.5
        )
    return net.spec


def test_a_classifier_of_pictures_gives_the_probabilities_of_its_classes(tmp_path: Path) -> None:
    rng = np.random.default_rng(1)
    kernels, matrix = rng.standard_normal((3, 3, 3, 4)), rng.standard_normal((3, 36))
    picture = np.random.default_rng(2).integers(0, 256, (1, 3, 8, 8)).astype(np.float32)
    spec = classifier()

    contract = read.opened(saved(spec, tmp_path)).contract
    [got] = answered(spec, tmp_path, picture)

    x = picture[0] * 0.5 - np.array([1, 2, 3]).reshape(3, 1, 1)  # blue, green, red
    windows = np.lib.stride_tricks.sliding_window_view(x, (3, 3), (1, 2))[:, ::2, ::2]
    scores = matrix @ np.maximum(np.einsum('chwij,ijco->ohw', windows, kernels), 0).ravel()
    wanted = np.exp(scores - scores.max()) / np.exp(scores - scores.max()).sum()
    np.testing.assert_allclose(got, wanted, rtol=1e-4, atol=1e-6)
    assert [(port.name, port.shape) for port in contract.inputs] == [('image', (1, 3, 8, 8))]
    assert '3 classes, in the order of the file: cat, dog, owl' in contract.notes
    assert 'image is a picture: blue, green, red from 0 to 255' in contract.notes


@pytest.mark.parametrize(('bits', 'mode'), [(8, 'linear'), (4, 'linear_lut'), (3, 'linear')])
def test_weights_of_fewer_bits_are_those_that_coremltools_unpacks(bits: int, mode: str, tmp_path: Path) -> None:
    with quiet():
        import coremltools as ct
        from coremltools.models.neural_network import quantization_utils as utils

        packed = utils.quantize_weights(ct.models.MLModel(classifier(), skip_model_load=True), bits, mode).get_spec()
        plain = ct.models.MLModel(packed, skip_model_load=True).get_spec()
        utils._dequantize_nn_spec(plain.neuralNetworkClassifier)
    picture = np.random.default_rng(2).integers(0, 256, (1, 3, 8, 8)).astype(np.float32)

    [got], [wanted] = answered(packed, tmp_path, picture), answered(plain, tmp_path / 'plain', picture)

    assert packed.ByteSize() < 0.8 * plain.ByteSize()
    np.testing.assert_allclose(got, wanted, rtol=1e-4, atol=1e-6)


def test_weights_of_half_precision_are_the_same_numbers(tmp_path: Path) -> None:
    spec, x = small(), some(4)
    told = spec.neuralNetwork.layers[0].innerProduct.weights
    held = np.array(told.floatValue).reshape(2, 4)
    told.float16Value = held.astype('<f2').tobytes()
    told.ClearField('floatValue')

    [got] = answered(spec, tmp_path, x)

    np.testing.assert_allclose(got, np.maximum(held @ x, 0), rtol=1e-6)


@pytest.mark.torch
@pytest.mark.slow
def test_a_net_that_coremltools_converted_from_torch_is_that_net(tmp_path: Path) -> None:
    import torch

    torch.manual_seed(0)
    module = torch.nn.Sequential(
        torch.nn.Conv2d(3, 8, 3, padding=1, stride=2), torch.nn.BatchNorm2d(8), torch.nn.ReLU(), torch.nn.MaxPool2d(2),
        torch.nn.Flatten(), torch.nn.Linear(8 * 16, 5), torch.nn.Softmax(1),
    ).eval()  # fmt: skip
    x = torch.randn(1, 3, 16, 16)
    with quiet():
        import coremltools as ct

        made = ct.convert(torch.jit.trace(module, x), convert_to='neuralnetwork', inputs=[ct.TensorType('x', x.shape)])

    [got] = answered(made.get_spec(), tmp_path, x.numpy())

    np.testing.assert_allclose(got, module(x).detach().numpy(), rtol=1e-4, atol=1e-6)


def test_the_network_of_the_recipe_is_the_seeded_one(tmp_path: Path) -> None:
    there = Path(__file__).parents[3] / 'recipes/legacy/recipes/seeded/net.mlmodel'
    path = saved(seeded(), tmp_path) / MODEL

    assert path.read_bytes() == there.read_bytes()


def small() -> Any:
    """A network of a product and a bend."""
    net = builder({'x': (4,)}, ['y'])
    add(net, 'innerProduct', ['x'], ['h'], inputChannels=4, outputChannels=2, weights=some(2, 4))
    add(net, 'activation', ['h'], ['y'], ReLU={})
    return net.spec


def _layer(kind: str, **told: Any) -> Any:
    def edit(spec: Any) -> None:
        layer = spec.neuralNetwork.layers[1]
        getattr(layer, kind).SetInParent()
        fill(getattr(layer, kind), told)

    return edit


def _set(path: str, value: Any) -> Any:
    def edit(spec: Any) -> None:
        *way, last = path.split('.')
        part = spec
        for name in way:
            part = part[int(name)] if name.isdecimal() else getattr(part, name)
        if hasattr(part, 'append') and last.isdecimal():
            part[int(last)] = value
        else:
            setattr(part, last, value)

    return edit


LAYER = 'neuralNetwork.layers'
DAMAGE = {
    'custom': (_layer('custom', className='Mine'), r'custom \(activation_2\) is code from elsewhere'),
    'loop': (_layer('loop'), 'branches or loops'),
    'a layer of no type': (lambda spec: spec.neuralNetwork.layers[1].ClearField('activation'), 'a layer of no type'),
    'an input from nowhere': (_set(f'{LAYER}.1.input.0', 'gone'), "takes 'gone', which nothing before it gives"),
    'an output twice': (_set(f'{LAYER}.1.output.0', 'h'), 'gives h, given before'),
    'weights too few': (_set(f'{LAYER}.0.innerProduct.outputChannels', 3), '8 weights; 3 × 4 are expected'),
    'endless weights': (_set(f'{LAYER}.0.innerProduct.inputChannels', 1 << 62), 'are expected'),
    'no function': (lambda spec: spec.neuralNetwork.layers[1].activation.Clear(), 'its function is not told'),
    'no shape': (lambda spec: spec.description.input[0].type.multiArrayType.ClearField('shape'), r'has the shape \[\]'),
    'a shape of nothing': (_set('description.input.0.type.multiArrayType.shape.0', 0), r'has the shape \[0\]'),
    'another size': (_set('description.input.0.type.multiArrayType.shape.0', 5), 'does not fit|not fit|expected'),
    'text': (lambda spec: spec.description.input[0].type.stringType.SetInParent(), 'is a stringType'),
    'an output of nothing': (_set('description.output.0.name', 'z'), "no layer gives the output 'z'"),
    'a size without end': (_layer('fillStatic', targetShape=[1 << 40, 1 << 40]), 'has the shape'),
    'an axis that is not there': (_layer('softmaxND', axis=9), 'softmaxND activation_2: '),
    'a value without end': (_layer('upsample', scalingFactor=[1 << 40, 1 << 40]), 'upsample activation_2: '),
    'may be left out': (_set('description.input.0.type.isOptional', True), 'may be left out'),
}  # fmt: skip


@pytest.mark.parametrize('name', DAMAGE)
def test_a_network_that_is_damaged_is_refused_in_one_sentence(name: str, tmp_path: Path) -> None:
    from stages.errors import IntegrityError, UnsupportedError

    edit, words = DAMAGE[name]
    spec = small()
    edit(spec)

    with pytest.raises((IntegrityError, UnsupportedError), match=words) as refused:
        answered(spec, tmp_path)

    assert len(str(refused.value)) < 500


def test_a_file_of_its_own_is_a_source_and_is_known_by_its_content(tmp_path: Path) -> None:
    from stages.sources import coreml as source
    from tests.sources.sources_helpers import job

    path = tmp_path / 'file/Net.mlmodel'
    path.parent.mkdir()
    path.write_bytes(small().SerializeToString())
    done = job(tmp_path / 'out', file=path.parent)

    contract = source.run(source.Params(), done)

    assert isinstance(contract, Contract) and [port.shape for port in contract.outputs] == [(2,)]
    assert source.recognise(path) == {'Net.mlmodel': 'Net.mlmodel'}
    assert source.operators(done.output) == {'innerProduct': 1, 'activation': 1}


@pytest.mark.parametrize(
    'data', [b'', b'\x08', b'\x08\x04\x12\xff\xff\xff\xff\x7f', b'\x08\x04\x12\x00', b'<html></html>']
)
def test_what_is_no_model_is_neither_known_nor_taken(data: bytes, tmp_path: Path) -> None:
    from stages.errors import IntegrityError, StepError
    from stages.sources import coreml as source
    from tests.sources.sources_helpers import job

    path = tmp_path / 'file/Net.mlmodel'
    path.parent.mkdir()
    path.write_bytes(data)
    done = job(tmp_path / 'out', file=path.parent)

    assert source.recognise(path) == {}
    with pytest.raises((IntegrityError, StepError)):
        source.run(source.Params(), done)
    assert [*done.output.iterdir()] == []


def open_net(sizes: Any, *, pool: bool = False) -> Any:
    """A net of old: convolutions that halve a picture, doubled again, cropped by one row and a column."""
    rng = np.random.default_rng(3)
    net = builder({'x': (3, 16, 24)}, ['y'], old=True)
    same = {'kernelSize': [3, 3], 'stride': [2, 2], 'same': {}}
    weights = rng.standard_normal((4, 3, 3, 3))
    add(net, 'convolution', ['x'], ['a'], outputChannels=4, kernelChannels=3, nGroups=1, weights=weights, **same)
    add(net, 'upsample', ['a'], ['b'], scalingFactor=[2, 2], mode=0)
    add(net, 'crop', ['b'], ['c'], cropAmounts=border(0, 0, 1, 1))
    if pool:
        how = {'kernelSize': [2, 2], 'stride': [2, 2], 'includeLastPixel': {'paddingAmounts': [0, 0]}}
        add(net, 'pooling', ['c'], ['y'], type=0, **how)
    else:
        add(net, 'activation', ['c'], ['y'], ReLU={})
    fill(net.spec.description.input[0].type.multiArrayType, sizes)
    return net.spec, weights


RANGES = {
    'shapeRange': {'sizeRanges': [{'lowerBound': low, 'upperBound': high} for low, high in ((3, 3), (8, 64), (8, -1))]}
}
LISTED = {'enumeratedShapes': {'shapes': [{'shape': [3, 16, 24]}, {'shape': [3, 17, 31]}]}}


@pytest.mark.torch
@pytest.mark.parametrize('sizes', [RANGES, LISTED], ids=['ranges', 'listed'])
def test_open_sizes_of_a_network_are_free(sizes: Any, tmp_path: Path) -> None:
    import torch

    spec, weights = open_net(sizes)
    contract = read.opened(saved(spec, tmp_path)).contract

    assert [port.shape for port in contract.inputs] == [(3, 'x_1', 'x_2')]
    assert contract.sizes == {'x_1': 16, 'x_2': 24}
    assert any('in Core ML' in note for note in contract.notes)
    session = reader.load(tmp_path, contract, reader.Options(), 1)
    for shape in ((3, 16, 24), (3, 17, 31), (3, 9, 40)):
        x = some(*shape)
        [got] = session.run({'x': x}).values()
        before = [max(0, (-(-side // 2) - 1) * 2 + 3 - side) for side in shape[1:]]
        padded = np.pad(x, [(0, 0), *((each // 2, each - each // 2) for each in before)])
        maps = torch.nn.functional.conv2d(torch.from_numpy(padded)[None], torch.from_numpy(weights).float(), stride=2)
        wanted = maps.relu().repeat_interleave(2, 2).repeat_interleave(2, 3)[0, :, :-1, :-1]
        np.testing.assert_allclose(got.reshape(wanted.shape), wanted.numpy(), rtol=1e-4, atol=1e-5)


def test_a_network_whose_layers_go_by_a_size_is_read_for_the_default_and_says_why(tmp_path: Path) -> None:
    spec, _ = open_net(RANGES, pool=True)

    contract = read.opened(saved(spec, tmp_path)).contract

    assert [port.shape for port in contract.inputs] == [(3, 16, 24)] and contract.sizes == {}
    assert any('sizes are fixed to the defaults' in note and 'pooling pooling_4' in note for note in contract.notes)
