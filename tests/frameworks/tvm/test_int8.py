"""Quantized models compiled by TVM compute, in integers, what ONNX Runtime computes."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from stages.frameworks.tvm.target import target_for

pytestmark = pytest.mark.tvm
for name in ('tvm', 'onnx', 'onnxruntime'):
    pytest.importorskip(name, reason='needs modelkiln[tvm,onnx]: pip install "modelkiln[tvm,onnx]"')

NATIVE = target_for('native')
runs_here = pytest.mark.skipif(not NATIVE.vnni, reason='this CPU has no AVX-512 VNNI')


class Layers:
    """A float model, layer after layer, and its quantized version."""

    def __init__(self, *shape):
        self.random = np.random.default_rng(3)
        self.shape, self.nodes, self.weights, self.last = shape, [], [], 'x'

    def add(self, operator, *more, **attributes):
        """Add a layer on the last one; ``more`` are names of other results, or arrays."""
        from onnx import helper, numpy_helper

        inputs = [self.last]
        for value in more:
            if isinstance(value, np.ndarray):
                self.weights.append(numpy_helper.from_array(value.astype('float32'), f'w{len(self.weights)}'))
                value = self.weights[-1].name
            inputs.append(value)
        self.last = f'{operator}_{len(self.nodes)}'
        self.nodes.append(helper.make_node(operator, inputs, [self.last], **attributes))
        return self

    def conv(self, filters, channels, kernel=(3, 3), bias=True, **attributes):
        numbers = self.random.standard_normal
        return self.add('Conv', numbers((filters, channels, *kernel)), *[numbers(filters)] * bias, **attributes)

    def gemm(self, channels, filters):
        return self.add('MatMul', self.random.standard_normal((channels, filters)))

    def dynamic(self, folder):
        """Return the path of the model with weights in bytes, and activations in bytes once they are there."""
        from onnxruntime.quantization import QuantType, quantize_dynamic

        quantize_dynamic(self.saved(folder), folder / 'int8.onnx', weight_type=QuantType.QInt8, per_channel=True)
        return folder / 'int8.onnx'

    def saved(self, folder):
        """Return the path of the float model."""
        from onnx import helper, save

        ends = [helper.make_tensor_value_info(n, 1, s) for n, s in (('x', self.shape), (self.last, None))]
        graph = helper.make_graph(self.nodes, 'layers', ends[:1], ends[1:], self.weights)
        save(helper.make_model(graph, opset_imports=[helper.make_opsetid('', 17)], ir_version=8), folder / 'float.onnx')
        return folder / 'float.onnx'

    def quantized(self, folder, activations='QUInt8', **options):
        """Return the path of the model, in bytes by what these numbers need."""
        from onnxruntime.quantization import CalibrationDataReader, QuantFormat, QuantType, quantize_static

        class Reader(CalibrationDataReader):
            feeds = iter([{'x': self.numbers()}])

            def get_next(self):
                return next(self.feeds, None)

        options = {'per_channel': True, 'quant_format': QuantFormat.QDQ, **options}
        kinds = {'activation_type': QuantType[activations], 'weight_type': QuantType.QInt8}
        quantize_static(self.saved(folder), folder / 'int8.onnx', Reader(), **kinds, **options)
        return folder / 'int8.onnx'

    def numbers(self):
        """Return what the model is tried with."""
        return np.random.default_rng(4).standard_normal(self.shape).astype('float32')


def imported(path):
    import onnx
    from tvm.relax.frontend.onnx import from_onnx

    return from_onnx(onnx.load(path))


def by_tvm(path, numbers):
    import tvm
    from tvm import relax

    from stages.frameworks.tvm.lower import compiled

    machine = relax.VirtualMachine(compiled(imported(path), NATIVE), tvm.cpu())
    return machine['main'](tvm.runtime.tensor(numbers)).numpy()


def by_onnxruntime(path, numbers):
    import onnxruntime

    options = onnxruntime.SessionOptions()
    # as the file says it, not as the optimizer has it: that one rounds elsewhere
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    return onnxruntime.InferenceSession(path, options).run(None, {'x': numbers})[0]


def agree(layers, path):
    """Check that hardly a number differs, and none by more than a step, of which a result has a hundred and more."""
    ours, theirs = by_tvm(path, layers.numbers()), by_onnxruntime(path, layers.numbers())
    assert ours.shape == theirs.shape
    assert np.abs(ours - theirs).max() <= np.ptp(theirs) / 100
    assert np.isclose(ours, theirs, atol=np.ptp(theirs) / 1000).mean() > 0.98


def unquantized(path):
    """Make the model end before its last two nodes, ``QuantizeLinear`` and ``DequantizeLinear``, in a relu."""
    import onnx
    from onnx import helper

    model = onnx.load(path)
    *kept, quantize, dequantize = model.graph.node
    assert (quantize.op_type, dequantize.op_type) == ('QuantizeLinear', 'DequantizeLinear')
    del model.graph.node[:]
    model.graph.node.extend([*kept, helper.make_node('Relu', quantize.input[:1], dequantize.output)])
    onnx.save(model, path)


def operators(path, target=NATIVE):
    """Return the operators of ``main``, after the pass; and how many integer products it calls."""
    from stages.frameworks.tvm.graph.int8 import integer

    text = integer(imported(path), target)['main'].script(show_meta=False)
    return {word for word in ('nn.conv2d', 'matmul', 'R.quantize') if word in text}, text.count('call_tir(int8_product')


@runs_here
@pytest.mark.parametrize(('channels', 'filters', 'options'), [
    (32, 64, {'pads': [1, 1, 1, 1]}),
    (3, 40, {'strides': [2, 2], 'pads': [0, 1, 2, 1]}),
    (5, 10, {'kernel': (2, 3), 'dilations': [2, 1], 'bias': False}),
    (16, 24, {'kernel': (1, 1)}),
    (8, 3, {}),
])  # fmt: skip
def test_a_convolution_of_any_size_is_one_integer_kernel(tmp_path, channels, filters, options):
    layers = Layers(2, channels, 11, 13).conv(filters, channels, **options)

    path = layers.quantized(tmp_path)

    assert operators(path) == (set(), 1)
    agree(layers, path)


@runs_here
@pytest.mark.parametrize(('channels', 'groups'), [(32, 4), (48, 48), (10, 10), (24, 24)])
def test_grouped_and_depthwise_convolutions_are_integer_kernels(tmp_path, channels, groups):
    layers = Layers(1, channels, 9, 9).conv(channels, channels // groups, group=groups, pads=[1, 1, 1, 1])

    path = layers.quantized(tmp_path)

    assert operators(path) == (set(), 1)
    agree(layers, path)


@runs_here
def test_groups_of_channels_that_the_kernel_cannot_read_stay_float(tmp_path):
    layers = Layers(1, 12, 9, 9).conv(24, 6, group=2)

    path = layers.quantized(tmp_path)

    assert operators(path) == ({'nn.conv2d'}, 0)
    agree(layers, path)


@runs_here
@pytest.mark.parametrize('shape', [(1, 30), (7, 30), (2, 5, 30)])
def test_a_matrix_multiplication_is_an_integer_kernel(tmp_path, shape):
    layers = Layers(*shape).gemm(30, 50).gemm(50, 4)

    path = layers.quantized(tmp_path)

    assert operators(path) == (set(), 2)
    agree(layers, path)


@runs_here
@pytest.mark.parametrize('activations', ['QUInt8', 'QInt8'])
def test_a_residual_block_stays_in_bytes_from_end_to_end(tmp_path, activations):
    layers = Layers(1, 16, 12, 12).conv(16, 16, pads=[1, 1, 1, 1]).add('Relu')
    start = layers.last
    layers.conv(16, 16, pads=[1, 1, 1, 1]).add('Add', start).add('Relu')
    layers.add('MaxPool', kernel_shape=[3, 3], strides=[2, 2], pads=[1, 1, 1, 1]).conv(32, 16, kernel=(1, 1))

    path = layers.quantized(tmp_path, activations)

    found, products = operators(path)
    assert products == 3
    assert not found & {'nn.conv2d', 'R.quantize'}
    agree(layers, path)


@runs_here
def test_one_scale_for_all_weights_does_as_well(tmp_path):
    layers = Layers(1, 8, 6, 6).conv(20, 8)

    path = layers.quantized(tmp_path, per_channel=False)

    assert operators(path) == (set(), 1)
    agree(layers, path)


@runs_here
def test_what_is_not_known_stays_float_between_integer_kernels(tmp_path):
    layers = Layers(1, 8, 6, 6).conv(16, 8).add('Softmax', axis=1)
    layers.conv(16, 16, kernel=(1, 1)).add('Transpose', perm=[0, 3, 1, 2])

    path = layers.quantized(tmp_path)

    assert operators(path)[1] == 2
    agree(layers, path)


@runs_here
@pytest.mark.parametrize('shape', [(1, 30), (2, 5, 30)])
def test_bytes_whose_scale_is_found_in_the_run_are_multiplied_as_integers_too(tmp_path, shape):
    layers = Layers(*shape).gemm(30, 50).add('Relu').gemm(50, 4)

    path = layers.dynamic(tmp_path)

    assert operators(path) == ({'R.quantize'}, 2)
    agree(layers, path)


@runs_here
def test_a_product_that_is_not_quantized_again_ends_in_numbers_within_its_limits(tmp_path):
    layers = Layers(1, 8, 6, 6).conv(16, 8).add('Relu')
    path = layers.quantized(tmp_path)

    unquantized(path)

    assert operators(path) == (set(), 1)
    agree(layers, path)


def test_without_the_instruction_the_model_stays_as_it_was(tmp_path):
    path = Layers(1, 8, 6, 6).conv(16, 8).quantized(tmp_path)

    assert operators(path, replace(NATIVE, attributes=())) == ({'nn.conv2d', 'R.quantize'}, 0)


def test_a_tile_fits_into_the_registers_and_covers_the_output():
    from stages.frameworks.tvm.graph.int8.product import REGISTERS, Product, first_filter, panels, tile_for

    for high, wide, filters in ((1, 1, 1000), (56, 56, 64), (7, 7, 40), (1, 13, 3), (1, 127, 17)):
        product = Product(1, high, wide, 16, filters)
        tile = tile_for(product)

        assert tile.registers <= REGISTERS
        assert (tile.high <= high, tile.wide <= wide) == (True, True)
        assert first_filter(product, tile, panels(product, tile) - 1) + tile.filters >= filters


@runs_here
def test_the_machine_code_multiplies_64_bytes_at_once():
    import tvm

    from stages.frameworks.tvm.graph.int8.kernel import Result, function
    from stages.frameworks.tvm.graph.int8.product import Product, tile_for
    from stages.frameworks.tvm.target import tvm_target

    product = Product(1, 14, 14, 64, 64)
    kernel = function(product, tile_for(product), 0, Result('uint8')).with_attr('global_symbol', 'product')
    code = tvm.compile(tvm.IRModule({'product': kernel}), target=tvm_target(NATIVE)).mod.inspect_source('asm')

    assert 'vpdpbusd' in code and 'zmm' in code
