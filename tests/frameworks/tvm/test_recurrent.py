"""Recurrent layers compiled by TVM compute what ONNX Runtime computes."""

from __future__ import annotations

from dataclasses import replace
from itertools import product

import numpy as np
import pytest

from stages.errors import UnsupportedError
from stages.frameworks.tvm.graph.recurrent.scan import GATES, cut
from stages.frameworks.tvm.target import TARGETS, target_for

pytestmark = pytest.mark.tvm
for name in ('tvm', 'onnx', 'onnxruntime'):
    pytest.importorskip(name, reason='needs modelkiln[tvm,onnx]: pip install "modelkiln[tvm,onnx]"')

DIRECTIONS = ('forward', 'reverse', 'bidirectional')
NATIVE = replace(target_for('native'), attributes=())
CELLS = [('LSTM', {}), ('GRU', {'linear_before_reset': 0}), ('GRU', {'linear_before_reset': 1}), ('RNN', {})]


class Layers:
    """A model of recurrent layers, side by side, and numbers for its inputs."""

    def __init__(self):
        self.random = np.random.default_rng(7)
        self.nodes, self.weights, self.outputs, self.feed = [], [], [], {}

    def add(self, cell, batch=2, hidden=5, direction='forward', states=False, constants=None, **attributes):
        """Add a layer over 6 steps of 4 features, with first states or without; ``constants`` are further inputs."""
        from onnx import helper

        directions, gates = 2 if direction == 'bidirectional' else 1, GATES[cell]
        given = {
            'X': self.input((batch, 6, 4) if attributes.get('layout') else (6, batch, 4)),
            'W': self.constant(self.numbers(directions, gates * hidden, 4)),
            'R': self.constant(self.numbers(directions, gates * hidden, hidden)),
            'B': self.constant(self.numbers(directions, 2 * gates * hidden)),
            **{name: self.constant(array) for name, array in (constants or {}).items()},
        }
        for name in ('initial_h', 'initial_c')[: 2 if cell == 'LSTM' else 1] if states else ():
            given[name] = self.input((directions, batch, hidden))
        order = ('X', 'W', 'R', 'B', 'sequence_lens', 'initial_h', 'initial_c', 'P')[: 8 if cell == 'LSTM' else 6]
        outputs = [f'{cell}_{len(self.nodes)}_{i}' for i in range(3 if cell == 'LSTM' else 2)]
        inputs = [given.get(name, '') for name in order]
        self.nodes += [helper.make_node(cell, inputs, outputs, hidden_size=hidden, direction=direction, **attributes)]
        self.outputs += outputs
        return self

    def numbers(self, *shape):
        # weights as a trained layer has them: with larger ones, a difference would grow from step to step
        return (self.random.uniform(-1, 1, shape) / np.sqrt(shape[-1])).astype('float32')

    def constant(self, array):
        from onnx import numpy_helper

        self.weights += [numpy_helper.from_array(array, f'constant_{len(self.weights)}')]
        return self.weights[-1].name

    def input(self, shape):
        name = f'input_{len(self.feed)}'
        self.feed[name] = self.numbers(*shape)
        return name

    def model(self):
        from onnx import TensorProto, helper

        inputs = [helper.make_tensor_value_info(name, TensorProto.FLOAT, v.shape) for name, v in self.feed.items()]
        outputs = [helper.make_tensor_value_info(name, TensorProto.FLOAT, None) for name in self.outputs]
        graph = helper.make_graph(self.nodes, 'layers', inputs, outputs, self.weights)
        return helper.make_model(graph, opset_imports=[helper.make_opsetid('', 17)], ir_version=8)

    def tvm(self, target=NATIVE):
        import tvm
        from tvm import relax
        from tvm.relax.frontend.onnx import from_onnx

        from stages.frameworks.tvm.graph.recurrent import converters
        from stages.frameworks.tvm.lower import compiled

        with converters(target):
            module = from_onnx(self.model())
        machine = relax.VirtualMachine(compiled(module, target), tvm.cpu())
        return [value.numpy() for value in machine['main'](*map(tvm.runtime.tensor, self.feed.values()))]

    def onnxruntime(self):
        import onnxruntime

        return onnxruntime.InferenceSession(self.model().SerializeToString()).run(None, self.feed)


def furthest(one, other):
    assert [value.shape for value in one] == [value.shape for value in other]
    return max(float(np.abs(a - b).max()) for a, b in zip(one, other, strict=True))


@pytest.mark.parametrize(('cell', 'attributes'), CELLS)
def test_every_batch_width_and_direction_agrees_with_onnxruntime(cell, attributes):
    layers = Layers()
    for batch, place in product((1, 2, 3), (0, 1, 2)):  # every two of batch, width and direction come together
        states = (batch + place) % 2 == 0
        layers.add(cell, batch, (5, 17, 64)[place], DIRECTIONS[(batch + place) % 3], states, **attributes)

    assert furthest(layers.tvm(), layers.onnxruntime()) < 1e-5


@pytest.mark.parametrize('level', ['x86-64-v2', 'x86-64-v3', 'x86-64-v4'])
def test_the_same_comes_out_of_every_vector_width(level):
    if not set(TARGETS[level].needs) <= set(NATIVE.needs):
        pytest.skip(f'this CPU is below {level}')
    layers = Layers()
    for cell, attributes in CELLS:
        layers.add(cell, 7, 33, 'bidirectional', states=True, **attributes)

    assert furthest(layers.tvm(TARGETS[level]), layers.onnxruntime()) < 1e-5


def test_batch_first_is_the_same_with_time_and_batch_swapped():
    first, second = (Layers().add('LSTM', direction='bidirectional', states=True, layout=layout) for layout in (0, 1))
    second.feed = {name: value.swapaxes(0, 1) for name, value in first.feed.items()}

    every, hidden, cell = second.tvm()

    assert furthest([every.transpose(1, 2, 0, 3), hidden.swapaxes(0, 1), cell.swapaxes(0, 1)], first.tvm()) == 0


def test_samples_that_all_last_to_the_end_may_say_so():
    layers = Layers().add('GRU', constants={'sequence_lens': np.array([6, 6], 'int32')})

    assert furthest(layers.tvm(), layers.onnxruntime()) < 1e-5


@pytest.mark.parametrize(
    ('what', 'layer'),
    [
        ('clip', {'clip': 1.0}),
        ('input_forget', {'input_forget': 1}),
        ('Relu', {'activations': ['Sigmoid', 'Relu', 'Tanh']}),
        ('peepholes', {'constants': {'P': np.zeros((1, 15), 'float32')}}),
        ('sequence_lens', {'constants': {'sequence_lens': np.array([6, 4], 'int32')}}),
    ],
)
def test_what_has_no_loop_is_refused_by_name(what, layer):
    with pytest.raises(UnsupportedError, match=what):
        Layers().add('LSTM', **layer).tvm()


def test_weights_that_are_computed_are_refused():
    layers = Layers().add('LSTM')
    layers.nodes[0].input[1] = layers.input((1, 20, 4))

    with pytest.raises(UnsupportedError, match='weights'):
        layers.tvm()


def test_nan_stays_nan():
    layers = Layers().add('LSTM', batch=1)
    layers.feed['input_0'][3:] = np.nan

    every = layers.tvm()[0]

    assert np.isfinite(every[:3]).all()
    assert np.isnan(every[3:]).all()


@pytest.mark.parametrize('level', TARGETS)
@pytest.mark.parametrize('cell', GATES)
def test_the_sums_of_a_panel_fit_into_the_registers(cell, level):
    for batch, hidden in product(range(1, 40), (1, 5, 17, 64, 208, 256)):
        vectors, rows = cut(cell, batch, hidden, TARGETS[level])

        assert vectors * rows * GATES[cell] <= TARGETS[level].registers * 3 // 4


def test_converters_are_known_inside_only():
    from tvm.relax.frontend.onnx import onnx_frontend

    from stages.frameworks.tvm.graph.recurrent import converters

    with converters():
        assert set(GATES) <= set(onnx_frontend._get_convert_map())
    assert not set(GATES) & set(onnx_frontend._get_convert_map())
