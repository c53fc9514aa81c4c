"""Exported programs, code compiled ahead of time, pruned modules, and TFLite straight from torch."""

from __future__ import annotations

import dataclasses
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from stages.contract.port import read_contract
from stages.errors import StepError, UnsupportedError

pytestmark = pytest.mark.torch
pytest.importorskip('torch', reason='needs modelkiln[torch]: pip install "modelkiln[torch]"')

HOUSE = Path(__file__).parents[2]


def prune_tool():
    pytest.importorskip('torch_pruning', reason='needs modelkiln[torch]: pip install "modelkiln[torch]"')


def changed(model, folder, old, new):
    """Return ``model`` with a line of its Python replaced."""
    shutil.copytree(model.folder, folder)
    net = folder / 'python/models/net.py'
    assert old in net.read_text()
    net.write_text(net.read_text().replace(old, new))
    return dataclasses.replace(model, folder=folder)


def test_an_exported_program_keeps_the_outputs_at_any_batch_size(chain, conv_net, error_of):
    made = chain(conv_net, ('exported', {}))

    for batch in (1, 2, 7):
        assert error_of(conv_net, made, 'torch', {'batch': batch}) < 1e-5


def test_exported_gives_the_same_bytes_elsewhere(same_twice, conv_net):
    same_twice('exported', conv_net)


def test_nothing_of_this_machine_is_in_an_exported_program(chain, conv_net):
    content = (chain(conv_net, ('exported', {})).folder / 'model.pt2').read_bytes()

    assert b'stack_trace' not in content
    assert b'site-packages' not in content


def test_a_recurrent_net_of_any_length_is_refused_with_advice(chain, lstm_net):
    with pytest.raises(UnsupportedError, match='shape: static'):
        chain(lstm_net, ('exported', {}))


def test_a_recurrent_net_of_one_length_is_exported(chain, lstm_net, error_of):
    made = chain(lstm_net, ('exported', {'shape': 'static'}))

    assert error_of(lstm_net, made, 'torch', {'batch': 1, 'time': 1}) < 1e-5


@pytest.mark.onnx
def test_an_exported_program_becomes_onnx_with_the_recipes_names(chain, conv_net, error_of):
    onnx = pytest.importorskip('onnx', reason='needs modelkiln[onnx]: pip install "modelkiln[onnx]"')
    made = chain(conv_net, ('exported', {}), ('onnx', {}))
    graph = onnx.load(made.folder / 'model.onnx').graph

    assert [v.name for v in (*graph.input, *graph.output)] == ['image', 'logits']
    assert {v.type.tensor_type.shape.dim[0].dim_param for v in (*graph.input, *graph.output)} == {'batch'}
    for batch in (1, 7):
        assert error_of(conv_net, made, 'onnxruntime', {'batch': batch}) < 1e-5


@pytest.mark.openvino
@pytest.mark.parametrize('params', [{}, {'compress': 'f16'}, {'shape': 'static', 'batch': 3}], ids=str)
def test_an_exported_program_becomes_openvino(chain, conv_net, error_of, params):
    openvino = pytest.importorskip('openvino', reason='needs modelkiln[openvino]: pip install "modelkiln[openvino]"')
    made = chain(conv_net, ('exported', {}), ('openvino', params))
    model = openvino.Core().read_model(made.folder / 'model.xml')

    assert ([p.any_name for p in model.inputs], [p.any_name for p in model.outputs]) == (['image'], ['logits'])
    assert error_of(conv_net, made, 'openvino', {'batch': 3}) < (2e-3 if 'compress' in params else 1e-5)


@pytest.mark.slow
def test_code_compiled_ahead_of_time_takes_any_batch_size(chain, conv_net, error_of):
    if not (shutil.which('g++') or shutil.which('clang++')):
        pytest.skip('needs a C++ compiler: apt-get install g++')
    made = chain(conv_net, ('exported', {}), ('aoti', {}))

    for batch in (1, 2, 7):
        assert error_of(conv_net, made, 'aotinductor', {'batch': batch}) < 1e-5


@pytest.mark.slow
def test_a_module_is_compiled_where_it_runs(conv_net, error_of):
    if not (shutil.which('g++') or shutil.which('clang++')):
        pytest.skip('needs a C++ compiler: apt-get install g++')

    assert error_of(conv_net, conv_net, 'torch', {'batch': 2}, compile='inductor') < 1e-5


def test_without_a_compiler_the_message_says_what_to_install(tmp_path):
    code = 'from stages.frameworks.torch import compiler; compiler.require()'
    env = {'PYTHONPATH': str(HOUSE), 'PATH': '', 'CXX': '', 'HOME': str(tmp_path), 'TMPDIR': str(tmp_path)}

    done = subprocess.run([sys.executable, '-c', code], cwd=tmp_path, env=env, capture_output=True, text=True)

    assert 'ToolError: torch inductor writes C++' in done.stderr
    assert 'apt-get install g++' in done.stderr


def parameters(model):
    from stages.frameworks.torch import module as torch_module

    return sum(p.numel() for p in torch_module.load(model.folder).parameters())


def test_channels_that_are_cut_are_gone(chain, conv_net):
    prune_tool()
    made = chain(conv_net, ('torch-prune', {'ratio': 0.5}))

    assert parameters(made) < 0.4 * parameters(conv_net)


def test_a_pruned_module_loads_without_the_tool_that_pruned_it(chain, conv_net):
    prune_tool()
    made = chain(conv_net, ('torch-prune', {}))
    code = """
import sys
sys.modules['torch_pruning'] = None   # an import of it fails
from pathlib import Path
from stages.frameworks.torch import module as torch_module
import torch
print(tuple(torch_module.load(Path(sys.argv[1]))(torch.zeros(3, 3, 16, 16)).shape))
"""

    done = subprocess.run(
        [sys.executable, '-c', code, str(made.folder)], cwd=HOUSE, capture_output=True, text=True, check=True
    )

    assert done.stdout.strip() == '(3, 5)'


@pytest.mark.onnx
@pytest.mark.openvino
@pytest.mark.parametrize(
    ('engine', 'stages'),
    [
        ('torchscript', ('torchscript',)),
        ('torch', ('exported',)),
        ('onnxruntime', ('onnx',)),
        ('openvino', ('openvino',)),
    ],
    ids=str,
)
def test_a_pruned_module_goes_every_way(chain, conv_net, error_of, engine, stages):
    prune_tool()
    pytest.importorskip('onnxscript' if engine == 'onnxruntime' else engine.removesuffix('script'))
    pruned = chain(conv_net, ('torch-prune', {}))

    made = chain(pruned, *((kind, {}) for kind in stages))

    assert error_of(pruned, made, engine, {'batch': 3}) < 1e-5


@pytest.mark.parametrize('mode', ['dynamic', 'static'])
def test_a_pruned_module_is_quantized_and_loads_again(chain, conv_net, error_of, mode):
    prune_tool()
    pruned = chain(conv_net, ('torch-prune', {}))

    made = chain(pruned, ('torch-quantize', {'mode': mode}))

    assert [t['kind'] for t in json.loads((made.folder / 'module.json').read_text())['transforms']] == [
        'prune',
        'quantize',
    ]
    assert 0 < error_of(pruned, made, 'torch', {'batch': 3}) < 0.15


def test_pruning_twice_cuts_twice(chain, conv_net):
    prune_tool()

    twice = chain(conv_net, ('torch-prune', {'ratio': 0.3}), ('torch-prune', {'ratio': 0.3}))
    once = dataclasses.replace(twice, folder=twice.folder.with_name('0-torch-prune'))

    assert parameters(twice) < parameters(once) < parameters(conv_net)


def test_a_channel_that_python_code_counts_on_stays(chain, conv_net, tmp_path):
    prune_tool()
    from stages.frameworks.torch import module as torch_module

    fixed = changed(conv_net, tmp_path / 'fixed', '.flatten(1))', '.reshape(-1, 8))')
    made = torch_module.load(chain(fixed, ('torch-prune', {})).folder)

    assert (made.head.in_features, made.body[0].one.out_channels) == (8, 4)


def test_a_net_that_can_lose_nothing_is_refused(chain, bare_conv_net, tmp_path):
    prune_tool()
    single = changed(bare_conv_net, tmp_path / 'single', ', nn.ReLU(), nn.Conv2d(4, 4, 3)', '')

    with pytest.raises(UnsupportedError, match='nothing to prune'):
        chain(single, ('torch-prune', {}))


def test_a_channel_is_cut_only_where_that_is_the_same_as_silence(chain, conv_net, tmp_path):
    """Flattened with its channels last, a tool that reckons with channels first cuts the wrong columns."""
    prune_tool()
    from stages.frameworks.torch import module as torch_module

    permuted = changed(conv_net, tmp_path / 'permuted', '.pool(self', '.norm(self')
    net = permuted.folder / 'python/models/net.py'
    net.write_text(
        net.read_text()
        .replace('self.pool = nn.AdaptiveAvgPool2d(1)', 'self.norm = nn.AdaptiveAvgPool2d(2)')
        .replace('.flatten(1)', '.permute(0, 2, 3, 1).flatten(1)')
        .replace('nn.Linear(8, 5)', 'nn.Linear(32, 5)')
    )
    (permuted.folder / 'weights.safetensors').unlink()

    made = torch_module.load(chain(permuted, ('torch-prune', {'ratio': 0.5})).folder)

    assert made.head.in_features == 32  # the trunk that is flattened stays whole
    assert made.body[0].one.out_channels == 4  # what lies inside a block does not


def test_zeroed_weights_keep_their_shape(chain, conv_net):
    from stages.frameworks.torch import module as torch_module

    made = torch_module.load(chain(conv_net, ('torch-prune', {'method': 'unstructured', 'ratio': 0.8})).folder)
    weights = [m.weight for m in made.modules() if type(m).__name__ in ('Conv2d', 'Linear')]
    zeros = sum(int((w == 0).sum()) for w in weights) / sum(w.numel() for w in weights)

    assert zeros == pytest.approx(0.8, abs=0.01)
    assert parameters(conv_net) == sum(p.numel() for p in made.parameters())


TRAIN = """
def build():
    return Net()

def train(module, data):
    assert data['image'].shape == (16, 3, 16, 16) and len(data['labels']) == 16
    optimizer = torch.optim.SGD(module.parameters(), 0.05)
    for _ in range(3):
        optimizer.zero_grad()
        module(torch.from_numpy(data['image'])).square().mean().backward()
        optimizer.step()
"""


def test_what_is_left_is_trained_by_the_models_own_function(chain, conv_net, tmp_path):
    prune_tool()
    from stages.frameworks.torch import module as torch_module

    trained = changed(conv_net, tmp_path / 'trained', 'def build():\n    return Net()\n', TRAIN)
    made = torch_module.load(chain(trained, ('torch-prune', {'finetune': 'train'})).folder).head.weight
    before = torch_module.load(trained.folder).head.weight

    assert made.shape == (5, 4)
    # a column that was only kept would be found again
    assert not any((made[:, i : i + 1] == before).all(0).any() for i in range(4))


def test_training_leaves_zeros_as_they_are(chain, conv_net, tmp_path):
    from stages.frameworks.torch import module as torch_module

    trained = changed(conv_net, tmp_path / 'trained', 'def build():\n    return Net()\n', TRAIN)
    params = {'method': 'unstructured', 'ratio': 0.5, 'finetune': 'train'}
    made, old = (torch_module.load(m.folder) for m in (chain(trained, ('torch-prune', params)), trained))

    assert (made.head.weight == 0).any()
    assert (made.body[0].one.weight == 0).float().mean() > 0.3
    assert (made.head.weight != old.head.weight)[made.head.weight != 0].all()


@pytest.mark.parametrize('params', [{}, {'method': 'unstructured'}], ids=str)
def test_torch_prune_gives_the_same_bytes_elsewhere(same_twice, conv_net, params):
    prune_tool()
    same_twice('torch-prune', conv_net, **params)


def test_an_int8_module_is_not_pruned(chain, conv_net):
    with pytest.raises(UnsupportedError, match='torch-prune, torch-quantize'):
        chain(conv_net, ('torch-quantize', {}), ('torch-prune', {}))


def test_a_ratio_that_leaves_nothing_is_refused(chain, conv_net):
    with pytest.raises(StepError, match='less than 1'):
        chain(conv_net, ('torch-prune', {'ratio': 1.0}))


def test_a_pruned_model_stays_pruned_when_it_is_quantized():
    from stages.kinds import torch_prune, torch_quantize

    assert torch_prune.precision(torch_prune.Params(), 'f32') == 'pruned'
    assert torch_quantize.precision(torch_quantize.Params(), 'pruned') == 'pruned'


CONVERT = """
import sys
from pathlib import Path
sys.path.insert(0, sys.argv[1])
from stages.kinds import tflite_from_torch as kind
from stages.contract.job import Job
from stages.contract.port import Contract, Port, write_contract
image, logits = Port('image', ('batch', 3, 16, 16), 'float32'), Port('logits', ('batch', 5), 'float32', '.')
model, out = map(Path, sys.argv[2:])
made = kind.run(kind.Params(batch=3), Job({'model': model}, out, Contract((image,), (logits,)), print))
write_contract(made, out)
"""


@pytest.mark.slow
def test_torch_becomes_tflite_in_an_environment_of_its_own(conv_net, tmp_path):
    pytest.importorskip('ai_edge_litert.interpreter', reason='needs modelkiln[tflite]')
    places = (HOUSE / '.modelkiln/environments', Path(os.environ['MODELKILN_ENVIRONMENTS']))
    made = [path for place in places for path in sorted(place.glob('litert-torch-*/bin/python'))]
    python = os.environ.get('MODELKILN_TEST_LITERT_TORCH') or (str(made[-1]) if made else '')
    if not python:
        pytest.skip('needs MODELKILN_ENVIRONMENTS, and there: modelkiln doctor --make litert-torch')
    import torch

    from stages.frameworks.torch import module as torch_module

    files = []
    for name in ('one', 'two'):
        out = tmp_path / name
        out.mkdir()
        command = [python, '-I', '-c', CONVERT, str(HOUSE), str(conv_net.folder), str(out)]
        subprocess.run(command, check=True, capture_output=True)
        files.append((out / 'model.tflite').read_bytes())
    assert files[0] == files[1]
    from stages.engines import litert as engine

    session = engine.load(out, read_contract(out), engine.Options(), 1)  # by what the kind says of the file
    image = torch.randn(3, 3, 16, 16)
    got = torch.from_numpy(session.run({'image': image.numpy()})['logits'])
    with torch.no_grad():
        assert torch.allclose(got, torch_module.load(conv_net.folder)(image), atol=1e-5)


def test_a_free_dimension_that_a_module_has_bounds_for_stays_free_within_them_and_one_that_it_fixes_is_refused():
    torch = pytest.importorskip('torch')
    from stages.contract.port import Contract, Port
    from stages.frameworks.torch import exported

    class Places(torch.nn.Module):
        def __init__(self, places, most=None):
            super().__init__()
            self.table, self.most = torch.nn.Parameter(torch.zeros(places, 4)), most

        def forward(self, x):
            return x + self.table[: self.most or x.shape[1]]

    contract = Contract((Port('x', ('batch', 'length', 4), 'float32'),))
    program = exported.program_of(Places(64), contract, (torch.ones(2, 8, 4),), dynamic=True)

    assert program.module()(torch.ones(3, 64, 4)).shape == (3, 64, 4)
    with pytest.raises(torch._dynamo.exc.UserError, match='length'):
        exported.program_of(Places(8, most=8), contract, (torch.ones(2, 8, 4),), dynamic=True)
