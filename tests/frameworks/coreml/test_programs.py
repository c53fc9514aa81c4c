"""Programs of Core ML that recur, and those of free sizes, compute in ONNX what torch and NumPy say of the same."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

np = pytest.importorskip('numpy')
for needed in ('coremltools', 'onnx', 'onnxruntime'):
    pytest.importorskip(needed, reason='needs modelkiln[coreml]: pip install "modelkiln[coreml]"')

from stages.contract.match import matched  # noqa: E402
from stages.contract.port import Contract, Port  # noqa: E402
from stages.engines import reader  # noqa: E402
from stages.errors import IntegrityError, UnsupportedError  # noqa: E402
from stages.frameworks.coreml import read  # noqa: E402
from stages.frameworks.coreml.spec import MODEL, quiet  # noqa: E402
from tests.frameworks.coreml.cases import some  # noqa: E402

with quiet():
    import coremltools as ct
    from coremltools.converters.mil import Builder as mb
    from coremltools.converters.mil.mil import get_new_symbol
    from coremltools.proto import Model_pb2

pytestmark = [pytest.mark.coreml, pytest.mark.onnx, pytest.mark.filterwarnings('ignore')]

STEPS, BATCH, TAKEN, SIZE = 5, 2, 3, 4
X = some(STEPS, BATCH, TAKEN)
KERNELS = np.arange(4 * 27, dtype=np.float32).reshape(4, 3, 3, 3) / 100


def program(build: Any, shapes: dict[str, Any], target: str = 'iOS17', **asked: Any) -> Any:
    """Return a converted program of MIL; ``shapes`` may have symbols, for which ``inputs`` are then told."""
    system = getattr(ct.target, target)
    with quiet():
        specs = [mb.TensorSpec(shape=shape) for shape in shapes.values()]
        made = mb.program(input_specs=specs, opset_version=system)(build)
        return ct.convert(
            made, convert_to='mlprogram', compute_precision=ct.precision.FLOAT32, skip_model_load=True,
            minimum_deployment_target=system, **asked,
        )  # fmt: skip


def saved(model: Any, folder: Path) -> Contract:
    """Save a converted program as the source leaves it; return its contract."""
    model.save(str(folder / 'model.mlpackage'))
    return read.opened(folder / 'model.mlpackage').contract


def answered(model: Any, folder: Path, *given: Any) -> list[Any]:
    contract = saved(model, folder)
    feed = {port.name: array for port, array in zip(contract.inputs, given, strict=True)}
    return [*reader.load(folder, contract, reader.Options(), 1).run(feed).values()]


def of_torch(module: Any, side: str = '') -> dict[str, Any]:
    """Weights of an LSTM of torch in Core ML's order of gates, i, f, o, g; of other modules as they are."""
    held = {name: value.detach().numpy() for name, value in module.named_parameters()}

    def ordered(array: Any) -> Any:
        if type(module).__name__ != 'LSTM':
            return array
        i, f, g, o = np.split(array, 4)
        return np.concatenate([i, f, o, g])

    back = '_back' if side else ''
    return {
        f'weight_ih{back}': ordered(held[f'weight_ih_l0{side}']),
        f'weight_hh{back}': ordered(held[f'weight_hh_l0{side}']),
        f'bias{back}': ordered(held[f'bias_ih_l0{side}'] + held[f'bias_hh_l0{side}']),
    }


def zeros(directions: int = 1) -> Any:
    return np.zeros((BATCH, directions * SIZE), np.float32)


@pytest.mark.torch
@pytest.mark.parametrize('every', [True, False])
@pytest.mark.parametrize('direction', ['forward', 'reverse', 'bidirectional'])
def test_an_lstm_is_that_of_torch_with_its_states(direction: str, every: bool, tmp_path: Path) -> None:
    import torch

    torch.manual_seed(0)
    both = direction == 'bidirectional'
    module = torch.nn.LSTM(TAKEN, SIZE, bidirectional=both)
    told = of_torch(module) | (of_torch(module, '_reverse') if both else {})
    first, cells = some(1 + both, BATCH, SIZE), some(1 + both, BATCH, SIZE)
    flat = [state.transpose(1, 0, 2).reshape(BATCH, -1) for state in (first, cells)]
    model = program(
        lambda x, h, c: mb.lstm(x=x, initial_h=h, initial_c=c, direction=direction, output_sequence=every, **told),
        {'x': X.shape, 'h': flat[0].shape, 'c': flat[1].shape},
    )

    given = answered(model, tmp_path, X, *flat)

    turned = torch.from_numpy(X[::-1].copy() if direction == 'reverse' else X)
    with torch.no_grad():
        steps, states = module(turned, (torch.from_numpy(first), torch.from_numpy(cells)))
    ends = [state.permute(1, 0, 2).reshape(BATCH, -1).numpy() for state in states]
    for got, wanted in zip(given, [steps.numpy() if every else ends[0][None], *ends], strict=True):
        np.testing.assert_allclose(got, wanted, rtol=1e-5, atol=1e-6)


@pytest.mark.torch
@pytest.mark.parametrize('direction', ['forward', 'reverse'])
def test_a_simple_recurrence_is_that_of_torch(direction: str, tmp_path: Path) -> None:
    import torch

    torch.manual_seed(0)
    module = torch.nn.RNN(TAKEN, SIZE, nonlinearity='relu')
    model = program(
        lambda x: mb.rnn(
            x=x, initial_h=zeros(), direction=direction, output_sequence=True, activation='relu', **of_torch(module)
        ),
        {'x': X.shape},
    )

    steps, last = answered(model, tmp_path, X)

    with torch.no_grad():
        wanted, end = module(torch.from_numpy(X[::-1].copy() if direction == 'reverse' else X))
    np.testing.assert_allclose(steps, wanted.numpy(), rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(last, end[0].numpy(), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize('direction', ['forward', 'reverse'])
def test_a_gru_resets_its_state_before_the_product(direction: str, tmp_path: Path) -> None:
    inputs, states, bias = some(3 * SIZE, TAKEN), some(3 * SIZE, SIZE), some(3 * SIZE)
    first = some(BATCH, SIZE)
    model = program(
        lambda x: mb.gru(
            x=x,
            initial_h=first,
            weight_ih=inputs,
            weight_hh=states,
            bias=bias,
            direction=direction,
            output_sequence=True,
        ),
        {'x': X.shape},
    )

    steps, last = answered(model, tmp_path, X)

    (ir, io, iz), (hr, ho, hz), (br, bo, bz) = (np.split(each, 3) for each in (inputs, states, bias))
    state, wanted = first, []
    for x in X[::-1] if direction == 'reverse' else X:
        reset, update = (1 / (1 + np.exp(-(x @ i.T + state @ h.T + b))) for i, h, b in ((ir, hr, br), (iz, hz, bz)))
        state = (1 - update) * np.tanh(x @ io.T + (reset * state) @ ho.T + bo) + update * state
        wanted.append(state)
    np.testing.assert_allclose(steps, wanted, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(last, wanted[-1], rtol=1e-5, atol=1e-6)


@pytest.mark.torch
def test_a_gru_of_ios_18_that_resets_after_the_product_is_that_of_torch(tmp_path: Path) -> None:
    import torch

    torch.manual_seed(0)
    module = torch.nn.GRU(TAKEN, SIZE)

    def ordered(array: Any) -> Any:
        reset, update, new = np.split(array.detach().numpy(), 3)
        return np.concatenate([reset, new, update])

    held = {name.removesuffix('_l0'): ordered(value) for name, value in module.named_parameters()}
    model = program(
        lambda x: mb.gru(
            x=x, initial_h=zeros(), weight_ih=held['weight_ih'], weight_hh=held['weight_hh'], bias=held['bias_hh'],
            input_bias=held['bias_ih'], reset_after=True, output_sequence=True,
        ),
        {'x': X.shape}, target='iOS18',
    )  # fmt: skip

    steps, _ = answered(model, tmp_path, X)

    with torch.no_grad():
        np.testing.assert_allclose(steps, module(torch.from_numpy(X))[0].numpy(), rtol=1e-5, atol=1e-6)


def lstm_equations(told: dict[str, Any], x: Any, limit: float) -> Any:
    """All steps of an LSTM with peepholes; its cells are held to ``limit``."""
    weights = [np.split(told[name], 4) for name in ('weight_ih', 'weight_hh', 'bias')]
    peep = np.split(told['peephole'], 3)

    def gate(place: int, given: Any, state: Any) -> Any:
        return given @ weights[0][place].T + state @ weights[1][place].T + weights[2][place]

    def sigmoid(value: Any) -> Any:
        return 1 / (1 + np.exp(-value))

    state, cell, found = np.zeros((BATCH, SIZE)), np.zeros((BATCH, SIZE)), []
    for given in x:
        enters, forgets = (sigmoid(gate(place, given, state) + cell * peep[place]) for place in (0, 1))
        cell = np.clip(forgets * cell + enters * np.tanh(gate(3, given, state)), -limit, limit)
        state = sigmoid(gate(2, given, state) + cell * peep[2]) * np.tanh(cell)
        found.append(state)
    return found


def test_peepholes_are_read_and_a_limit_that_cells_could_reach_is_refused(tmp_path: Path) -> None:
    told = {'weight_ih': some(4 * SIZE, TAKEN), 'weight_hh': some(4 * SIZE, SIZE), 'bias': some(4 * SIZE)}
    told['peephole'] = some(3 * SIZE)

    def limited(limit: float) -> Any:
        return program(
            lambda x: mb.lstm(
                x=x, initial_h=zeros(), initial_c=zeros(), output_sequence=True, clip=np.float32(limit), **told
            )[0],
            {'x': X.shape},
        )

    [steps] = answered(limited(50), tmp_path, X)

    np.testing.assert_allclose(steps, lstm_equations(told, X, 50), rtol=1e-5, atol=1e-6)
    with pytest.raises(UnsupportedError, match=r'holds its cells to 0\.5, which ONNX has no word for'):
        (tmp_path / 'low').mkdir()
        answered(limited(0.5), tmp_path / 'low', X)


def flexible(folder: Path, shape: Any, first: int | None = None) -> Contract:
    """A picture to the means of its maps, for whatever sizes ``shape`` tells of; ``first``: how many pictures."""
    sizes = (first or get_new_symbol(), 3, get_new_symbol(), get_new_symbol())

    def build(x: Any) -> Any:
        maps = mb.conv(x=x, weight=KERNELS, pad_type='same', strides=[2, 2])
        rows = mb.concat(values=[mb.slice_by_index(x=mb.shape(x=maps), begin=[0], end=[2]), [-1]], axis=0)
        return mb.reduce_mean(x=mb.reshape(x=maps, shape=rows), axes=[2], name='means')

    return saved(program(build, {'x': sizes}, inputs=[ct.TensorType(name='x', shape=shape)]), folder)


def sized_means(x: Any) -> Any:
    before = [(max((-(-size // 2) - 1) * 2 + 3 - size, 0)) for size in x.shape[2:]]
    padded = np.pad(x, [(0, 0), (0, 0), *((each // 2, each - each // 2) for each in before)])
    windows = np.lib.stride_tricks.sliding_window_view(padded, (3, 3), (2, 3))[:, :, ::2, ::2]
    return np.einsum('nchwij,ocij->nohw', windows, KERNELS).mean((2, 3))


def test_ranges_are_open_sizes_with_the_defaults_of_the_file(tmp_path: Path) -> None:
    sides = [ct.RangeDim(8, 64, default=16), ct.RangeDim(8, 256, default=24)]

    found = flexible(tmp_path, ct.Shape((ct.RangeDim(1, 4, default=1), 3, *sides)))

    assert [port.shape for port in found.inputs] == [('x_0', 3, 'x_2', 'x_3')]
    assert found.sizes == {'x_0': 1, 'x_2': 16, 'x_3': 24}
    assert 'axis 2 of x is 8 to 64 in Core ML' in found.notes and 'axis 3 of x is 8 to 256 in Core ML' in found.notes

    contract = matched('net', found, Contract((Port('x', ('batch', 3, 'height', 'width'), 'float32'),)))
    assert contract.sizes == {'height': 16, 'width': 24}
    assert contract.outputs[0].shape[0] == 'batch'
    session = reader.load(tmp_path, contract, reader.Options(), 1)
    for shape in ((1, 3, 16, 24), (3, 3, 9, 30)):
        x = some(*shape)
        np.testing.assert_allclose(session.run({'x': x})['means'], sized_means(x), rtol=1e-4, atol=1e-5)


def test_listed_shapes_are_open_sizes_and_are_told(tmp_path: Path) -> None:
    shapes = [(1, 3, 16, 24), (1, 3, 32, 32)]

    found = flexible(tmp_path, ct.EnumeratedShapes(shapes=shapes, default=shapes[0]), 1)

    assert [port.shape for port in found.inputs] == [(1, 3, 'x_2', 'x_3')]
    assert found.sizes == {'x_2': 16, 'x_3': 24}
    assert 'x is one of [1, 3, 16, 24], [1, 3, 32, 32] in Core ML' in found.notes
    session = reader.load(tmp_path, found, reader.Options(), 1)
    for shape in shapes:
        np.testing.assert_allclose(session.run({'x': X4(shape)})['means'], sized_means(X4(shape)), rtol=1e-4, atol=1e-5)


def X4(shape: tuple[int, ...]) -> Any:
    return np.random.default_rng(1).standard_normal(shape).astype(np.float32)


@pytest.mark.parametrize('told', [[], [1, 3], [0, 3, 16, 24], [1, 3, 1 << 40, 24]])
def test_a_description_that_does_not_fit_its_program_is_refused(told: list[int], tmp_path: Path) -> None:
    flexible(tmp_path, ct.Shape((ct.RangeDim(1, 4), 3, ct.RangeDim(8, 64), ct.RangeDim(8, 64))))
    path = tmp_path / 'model.mlpackage' / MODEL
    spec = Model_pb2.Model()
    spec.ParseFromString(path.read_bytes())
    array = spec.description.input[0].type.multiArrayType
    del array.shape[:]
    array.shape.extend(told)
    path.write_bytes(spec.SerializeToString())

    with pytest.raises(IntegrityError, match='its description has the shape'):
        _ = read.opened(tmp_path / 'model.mlpackage').contract
