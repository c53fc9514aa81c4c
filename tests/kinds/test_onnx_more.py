"""ONNX: ONNX Runtime's own format, fused transformers, half precision, packed weights."""

from __future__ import annotations

import pytest

from stages.errors import UnsupportedError
from stages.kinds import onnx_quantize, onnx_weights

pytestmark = pytest.mark.onnx
for name in ('onnx', 'onnxruntime', 'onnxscript'):
    pytest.importorskip(name, reason='needs modelkiln[onnx]: pip install "modelkiln[onnx]"')

# attention as matmul, softmax, matmul: the one form that the optimizer knows
ENCODER = """
import math
import torch
from torch import nn

class Layer(nn.Module):
    def __init__(self, width=64, heads=4):
        super().__init__()
        self.heads, self.size = heads, width // heads
        self.query, self.key, self.value = nn.Linear(width, width), nn.Linear(width, width), nn.Linear(width, width)
        self.out, self.norm = nn.Linear(width, width), nn.LayerNorm(width)
        self.up, self.down, self.last = nn.Linear(width, 128), nn.Linear(128, width), nn.LayerNorm(width)

    def split(self, x):
        return x.view(x.size(0), x.size(1), self.heads, self.size).permute(0, 2, 1, 3)

    def forward(self, x, mask):
        q, k, v = self.split(self.query(x)), self.split(self.key(x)), self.split(self.value(x))
        scores = torch.matmul(q, k.transpose(-1, -2)) / math.sqrt(self.size) + mask
        mixed = torch.matmul(torch.softmax(scores, -1), v).permute(0, 2, 1, 3).contiguous()
        x = self.norm(self.out(mixed.view(x.size(0), x.size(1), self.heads * self.size)) + x)
        return self.last(self.down(nn.functional.gelu(self.up(x))) + x)

class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.words = nn.Embedding(50, 64)
        self.layers = nn.ModuleList([Layer(), Layer()])

    def forward(self, ids, seen):
        mask = (1.0 - seen[:, None, None, :].float()) * -10000.0
        x = self.words(ids)
        for layer in self.layers:
            x = layer(x, mask)
        return x

def build():
    torch.manual_seed(1)
    return Net()
"""


@pytest.fixture(scope='session')
def encoder(tmp_path_factory):
    """Two layers of a transformer, eager attention."""
    from stages.contract.port import Port
    from tests.kinds.conftest import Model, _folder

    signature = (Port('ids', ('batch', 'length'), 'int64'), Port('seen', ('batch', 'length'), 'int64'))
    return Model(_folder(tmp_path_factory.mktemp('encoder'), {'net.py': ENCODER}, state=False), signature, ('hidden',))


def operators(model):
    import onnx

    return [node.op_type for node in onnx.load(model.folder / 'model.onnx').graph.node]


@pytest.mark.parametrize('level', ['none', 'basic', 'all'])
def test_ort_keeps_the_outputs_and_the_names(chain, conv_net, error_of, level):
    made = chain(conv_net, ('onnx', {}), ('ort', {'level': level}))

    assert [port.name for port in (*made.told.inputs, *made.told.outputs)] == ['image', 'logits']
    assert error_of(conv_net, made, 'onnxruntime', {'batch': 4}) < 1e-5


def test_ort_gives_the_same_bytes_elsewhere(chain, same_twice, conv_net):
    same_twice('ort', chain(conv_net, ('onnx', {})))


def test_attention_is_fused(chain, encoder, error_of):
    made = chain(encoder, ('onnx', {'exporter': 'legacy', 'opset': 17}), ('onnx-fuse', {}))

    assert operators(made).count('Attention') == 2
    assert error_of(encoder, made, 'onnxruntime', {'batch': 2, 'length': 9}) < 1e-5


def test_fusing_gives_the_same_bytes_elsewhere(chain, same_twice, encoder):
    same_twice('onnx-fuse', chain(encoder, ('onnx', {'exporter': 'legacy', 'opset': 17})))


def test_attention_that_is_not_fused_is_refused_unless_a_part_is_enough(chain, encoder, tmp_path, error_of):
    from tests.kinds.conftest import run_kind

    exported = chain(encoder, ('onnx', {'exporter': 'dynamo'}))
    with pytest.raises(UnsupportedError, match=r'no attention was fused(.|\n)*exporter: legacy'):
        run_kind('onnx-fuse', exported, tmp_path / 'refused')
    made = run_kind('onnx-fuse', exported, tmp_path / 'partial', partial=True)

    assert 'Attention' not in operators(made)
    assert error_of(encoder, made, 'onnxruntime', {'batch': 2, 'length': 9}) < 1e-5


def test_nothing_to_fuse_is_refused(chain, conv_net):
    with pytest.raises(UnsupportedError, match='fused: nothing'):
        chain(conv_net, ('onnx', {}), ('onnx-fuse', {'partial': True}))


def test_half_precision_halves_the_file_and_keeps_float_io(chain, encoder, tmp_path, error_of):
    import onnx

    whole = chain(encoder, ('onnx', {}))
    made = chain(whole, ('onnx-float16', {}))
    graph = onnx.load(made.folder / 'model.onnx').graph

    assert graph.output[0].type.tensor_type.elem_type == onnx.TensorProto.FLOAT
    assert (made.folder / 'model.onnx').stat().st_size < 0.6 * (whole.folder / 'model.onnx').stat().st_size
    assert 0 < error_of(encoder, made, 'onnxruntime', {'batch': 2, 'length': 9}) < 5e-3


def test_half_precision_leaves_what_is_to_be_kept(chain, conv_net, error_of):
    import onnx

    made = chain(conv_net, ('onnx', {}), ('onnx-float16', {'keep': ('Conv',)}))
    weights = {w.name: w.data_type for w in onnx.load(made.folder / 'model.onnx').graph.initializer}

    assert set(weights.values()) >= {onnx.TensorProto.FLOAT, onnx.TensorProto.FLOAT16}
    assert 0 < error_of(conv_net, made, 'onnxruntime', {'batch': 3}) < 5e-3


def test_cells_stay_in_float_since_the_runtime_dies_of_half_ones(chain, lstm_net, error_of):
    made = chain(lstm_net, ('onnx', {}), ('onnx-float16', {}))

    assert 0 < error_of(lstm_net, made, 'onnxruntime', {'batch': 2, 'time': 9}) < 5e-3


def test_half_precision_gives_the_same_bytes_elsewhere(chain, same_twice, conv_net):
    same_twice('onnx-float16', chain(conv_net, ('onnx', {})))


@pytest.mark.parametrize(
    ('params', 'most'),
    [
        ({}, 0.02),
        ({'block': 128, 'symmetric': False}, 0.02),
        ({'compute': 'f32'}, 0.02),
        ({'bits': 4}, 0.3),
        ({'bits': 4, 'block': 16, 'symmetric': False, 'compute': 'f32'}, 0.3),
    ],
    ids=str,
)
def test_packed_weights_stay_close(chain, encoder, error_of, params, most):
    made = chain(encoder, ('onnx', {}), ('onnx-weights', params))

    assert operators(made).count('MatMulNBits') == 12
    assert 0 < error_of(encoder, made, 'onnxruntime', {'batch': 2, 'length': 9}) < most


def test_a_linear_layer_that_was_exported_as_gemm_is_packed_too(chain, conv_net, error_of):
    made = chain(conv_net, ('onnx', {}), ('onnx-weights', {'block': 16}))

    assert 'MatMulNBits' in operators(made) and 'Gemm' not in operators(made)
    assert 0 < error_of(conv_net, made, 'onnxruntime', {'batch': 3}) < 0.02


def test_packed_weights_give_the_same_bytes_elsewhere(chain, same_twice, conv_net):
    same_twice('onnx-weights', chain(conv_net, ('onnx', {})), bits=4)


def test_a_net_of_convolutions_has_no_weights_to_pack(chain, bare_conv_net):
    with pytest.raises(UnsupportedError, match=r'no product with a fixed matrix(.|\n)*mode: static'):
        chain(bare_conv_net, ('onnx', {}), ('onnx-weights', {}))


@pytest.mark.parametrize(
    ('kind', 'params', 'precision'),
    [
        (onnx_weights, {'bits': 4}, 'int4'),
        (onnx_weights, {}, 'int8'),
        (onnx_quantize, {}, 'int8'),
    ],
    ids=str,
)
def test_a_pruned_model_stays_one(kind, params, precision):
    assert kind.precision(kind.Params(**params), 'f32') == precision
    assert kind.precision(kind.Params(**params), 'pruned') == 'pruned'


def test_static_quantization_lifts_an_old_operator_set(chain, conv_net, error_of):
    import onnx

    made = chain(conv_net, ('onnx', {'exporter': 'legacy', 'opset': 12}), ('onnx-quantize', {'mode': 'static'}))

    assert onnx.load(made.folder / 'model.onnx').opset_import[0].version >= 13
    assert 0 < error_of(conv_net, made, 'onnxruntime', {'batch': 3}) < 0.15


@pytest.mark.parametrize('mode', ['static', 'dynamic'])
def test_nodes_that_are_kept_stay_float(chain, conv_net, tmp_path, calibrate, mode):
    import onnx

    from tests.kinds.conftest import run_kind

    def packed(model):
        weights = onnx.load(model.folder / 'model.onnx').graph.initializer
        return sum(w.data_type in (onnx.TensorProto.INT8, onnx.TensorProto.UINT8) and len(w.dims) > 1 for w in weights)

    float_model = chain(conv_net, ('onnx', {}))
    names = [n.name for n in onnx.load(float_model.folder / 'model.onnx').graph.node if n.op_type in ('Conv', 'Gemm')]
    params = {'mode': mode, 'conv': mode == 'dynamic'}
    every = run_kind('onnx-quantize', float_model, tmp_path / 'every', calibrate, **params)
    spared = run_kind('onnx-quantize', float_model, tmp_path / 'spared', calibrate, keep=(names[0],), **params)

    assert packed(spared) == packed(every) - 1 > 0


def test_a_name_that_no_node_has_is_a_mistake(chain, conv_net):
    from stages.errors import StepError

    with pytest.raises(StepError, match=r"no node is called 'stft-\*'; there are"):
        chain(conv_net, ('onnx', {}), ('onnx-quantize', {'keep': ('stft-*',)}))
