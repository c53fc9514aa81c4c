"""What a variant's run options do, told by the engines themselves."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

np = pytest.importorskip('numpy')

from stages.contract.port import Contract, Port  # noqa: E402
from stages.errors import StepError  # noqa: E402
from stages.measure import scenario  # noqa: E402

CONTRACT = Contract(
    (Port('x', ('batch', 3, 'h', 32), 'float32'),), (Port('y', ('batch', 8, 'h', 32), 'float32'),), sizes={'h': 16}
)
FEED: dict[str, Any] = {'x': np.random.default_rng(0).random((1, 3, 16, 32), np.float32)}


@pytest.fixture(scope='module')
def ir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A convolution over images of any height."""
    ov = pytest.importorskip('openvino', reason='needs modelkiln[openvino]')
    from openvino import opset13 as o

    x = o.parameter([-1, 3, -1, 32], np.float32, name='x')
    x.output(0).get_tensor().set_names({'x'})
    weights = o.constant(np.random.default_rng(1).random((8, 3, 3, 3), np.float32))
    y = o.relu(o.convolution(x, weights, [1, 1], [1, 1], [1, 1], [1, 1]))
    y.output(0).get_tensor().set_names({'y'})
    folder = tmp_path_factory.mktemp('ir')
    ov.save_model(ov.Model([y], [x], 'm'), folder / 'model.xml', compress_to_fp16=False)
    return folder


@pytest.mark.openvino
@pytest.mark.parametrize(
    ('options', 'streams', 'requests'),
    [
        ({}, 1, 1),
        ({'hint': 'throughput'}, 2, 2),
        ({'hint': 'cumulative_throughput', 'requests': 3}, 2, 3),
        ({'streams': 2}, 2, 2),
        ({'shape': 'static', 'hint': 'throughput'}, 2, 2),
        ({'call': 'sync', 'hint': 'throughput'}, 2, 1),
    ],
)
def test_openvino_has_the_streams_and_requests_that_it_is_asked_for(
    ir: Path, options: dict[str, Any], streams: int, requests: int
) -> None:
    from stages.engines import openvino

    session = openvino.load(ir, CONTRACT, openvino.Options(**options), 2)
    line = openvino.line(session)
    plain = openvino.load(ir, CONTRACT, openvino.Options(), 1).run(FEED)
    compiled = next(iter(session.kept.values())).compiled if options.get('shape') else session.compiled

    assert (compiled.get_property('NUM_STREAMS'), line.requests) == (streams, requests)
    assert np.allclose(scenario.answer(line, FEED)['y'], plain['y'], 1e-6)
    assert np.allclose(session.run(FEED)['y'], plain['y'], 1e-6)


@pytest.mark.openvino
def test_static_openvino_is_compiled_for_what_it_is_fed_and_takes_other_sizes_too(ir: Path) -> None:
    from stages.engines import openvino

    session = openvino.load(ir, CONTRACT, openvino.Options(shape='static'), 1)
    shapes = [str(one.compiled.inputs[0].partial_shape) for one in session.kept.values()]
    outputs = [session.run({'x': np.zeros((2, 3, height, 32), np.float32)})['y'].shape for height in range(8, 16)]

    assert shapes == ['[1,3,16,32]']
    assert outputs == [(2, 8, height, 32) for height in range(8, 16)]
    assert len(session.kept) == openvino.SHAPES


@pytest.mark.openvino
def test_a_precision_that_the_cpu_lacks_is_refused_and_not_replaced() -> None:
    from stages.engines import openvino

    class Fallen:
        def get_property(self, name: str) -> Any:
            import openvino as ov

            return {'INFERENCE_PRECISION_HINT': ov.Type.f32, 'PERFORMANCE_HINT': 'LATENCY', 'NUM_STREAMS': 1}[name]

    with pytest.raises(StepError, match='computes in f32 where bf16 is asked for: this CPU has no bf16'):
        openvino._held(Fallen(), openvino.Options(precision='bf16'), 1)


@pytest.mark.onnx
def test_callers_of_onnxruntime_divide_its_threads_and_answer_alike(tmp_path: Path) -> None:
    from stages.engines import onnxruntime
    from tests.measure.test_cycle import tiny_onnx

    folder = tiny_onnx(tmp_path / 'model')
    contract = Contract((Port('x', ('batch', 3), 'float32'),), (Port('y', ('batch', 3), 'float32'),))
    session = onnxruntime.load(folder, contract, onnxruntime.Options(requests=2, arena=False), 2)
    chosen = session.session.get_session_options()
    line = onnxruntime.line(session)

    assert (chosen.intra_op_num_threads, chosen.enable_cpu_mem_arena, line.requests) == (1, False, 2)
    assert scenario.answer(line, {'x': np.ones((1, 3), np.float32)})['y'].tolist() == [[2, 2, 2]]


@pytest.mark.torch
@pytest.mark.parametrize('how', ['script', 'trace'])
@pytest.mark.parametrize('frozen', [True, False])
def test_torchscript_with_fusion_gives_what_the_module_gives_at_any_size(
    tmp_path: Path, how: str, frozen: bool
) -> None:
    torch = pytest.importorskip('torch', reason='needs modelkiln[torch]')
    from stages.engines import torchscript

    module = torch.nn.Sequential(torch.nn.Conv2d(3, 8, 3, 2, 1), torch.nn.ReLU()).eval()
    with torch.no_grad():
        made = torch.jit.script(module) if how == 'script' else torch.jit.trace(module, torch.zeros(1, 3, 16, 32))
        (torch.jit.freeze(made) if frozen else made).save(str(tmp_path / 'model.pt'))
    contract = Contract((Port('x', ('batch', 3, 'h', 32), 'float32', 'input'),), (Port('y', (), 'float32', '0'),))
    session = torchscript.load(tmp_path, contract, torchscript.Options(fusion=True), 1)
    for batch, height in ((1, 16), (1, 16), (1, 16), (2, 16), (1, 20), (1, 16)):
        x = np.random.default_rng(batch + height).random((batch, 3, height, 32), np.float32)
        with torch.no_grad():
            wanted = module(torch.from_numpy(x)).numpy()
        assert np.allclose(session.run({'x': x})['y'], wanted, 1e-4, 1e-5)
    assert not torch._C._jit_llga_enabled()
