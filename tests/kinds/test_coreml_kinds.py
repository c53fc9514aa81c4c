"""Core ML programs, as a target and as a source: written from a module, read again, and the same in ONNX."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from stages.contract.job import Job
from stages.contract.port import Contract, Port
from stages.engines import reader
from stages.errors import IntegrityError, StepError
from stages.frameworks.coreml import read
from stages.frameworks.coreml.operators import NOT_READ, OPERATORS
from stages.frameworks.coreml.spec import quiet
from stages.kinds import onnx_from_coreml
from stages.sources import coreml as source
from tests.sources.sources_helpers import job

pytestmark = [pytest.mark.onnx, pytest.mark.coreml, pytest.mark.filterwarnings('ignore')]

MAIN = 'Data/com.apple.CoreML/model.mlmodel'


def saved(folder: Path, program: object, name: str = 'a.mlpackage') -> Path:
    """Save a program of MIL as a package of float32."""
    with quiet():
        import coremltools as ct

        made = ct.convert(
            program, convert_to='mlprogram', compute_precision=ct.precision.FLOAT32,
            minimum_deployment_target=ct.target.iOS17, skip_model_load=True,
        )  # fmt: skip
        made.save(str(folder / name))
    return folder / name


def small(folder: Path) -> Path:
    """A picture through a convolution, a pool and a product: enough to have weights in a file of their own."""
    with quiet():
        import coremltools as ct
        from coremltools.converters.mil import Builder as mb

        rng = np.random.default_rng(0)

        @mb.program(input_specs=[mb.TensorSpec(shape=(1, 3, 9, 8))], opset_version=ct.target.iOS17)
        def program(x):  # type: ignore[no-untyped-def]
            weight = rng.standard_normal((8, 3, 3, 3)).astype(np.float32)
            x = mb.conv(x=x, weight=weight, strides=[2, 2], pad_type='same')
            x = mb.relu(x=x)
            x = mb.avg_pool(x=x, kernel_sizes=[2, 2], strides=[2, 2], pad_type='valid')
            x = mb.reshape(x=x, shape=[1, -1])
            x = mb.linear(x=x, weight=rng.standard_normal((5, 32)).astype(np.float32))
            return mb.softmax(x=x, axis=-1, name='prob')

    return saved(folder, program)


def fetched(folder: Path, package: Path) -> dict[str, Path]:
    return {'file': package}


def test_a_package_says_what_goes_in_and_what_comes_out(tmp_path: Path) -> None:
    done = job(tmp_path / 'out', **fetched(tmp_path, small(tmp_path)))

    contract = source.run(source.Params(), done)

    assert [(p.name, p.shape, p.dtype) for p in contract.inputs] == [('x', (1, 3, 9, 8), 'float32')]
    assert [(p.name, p.shape) for p in contract.outputs] == [('prob', (1, 5))]
    assert 'was not run' in contract.notes[-1]
    assert source.operators(done.output)['conv'] == 1
    assert source.recognise(tmp_path / 'a.mlpackage')[MAIN] == MAIN


def test_onnx_gives_what_numpy_says_of_the_same_program(tmp_path: Path) -> None:
    import onnxruntime

    done = job(tmp_path / 'out', **fetched(tmp_path, small(tmp_path)))
    contract = source.run(source.Params(), done)
    data = np.random.default_rng(1).standard_normal((1, 3, 9, 8)).astype(np.float32)
    (tmp_path / 'onnx').mkdir()
    task = Job({'model': done.output}, tmp_path / 'onnx', contract, lambda fraction, words: None)

    onnx_from_coreml.run(onnx_from_coreml.Params(), task)

    [given] = onnxruntime.InferenceSession(tmp_path / 'onnx/model.onnx').run(None, {'x': data})
    rng = np.random.default_rng(0)
    kernels, matrix = (rng.standard_normal(shape).astype(np.float32) for shape in ((8, 3, 3, 3), (5, 32)))
    padded = np.pad(data, ((0, 0), (0, 0), (1, 1), (0, 1)))  # same: the larger half at the end
    windows = np.lib.stride_tricks.sliding_window_view(padded, (3, 3), (2, 3))[:, :, ::2, ::2]
    mapped = np.maximum(np.einsum('nchwij,ocij->nohw', windows, kernels), 0)[:, :, :4, :4]
    pooled = mapped.reshape(1, 8, 2, 2, 2, 2).mean((3, 5)).reshape(1, -1)
    scores = pooled @ matrix.T
    wanted = np.exp(scores - scores.max()) / np.exp(scores - scores.max()).sum()
    np.testing.assert_allclose(given, wanted, rtol=1e-4, atol=1e-6)


@pytest.mark.torch
@pytest.mark.slow
@pytest.mark.parametrize('what', ['cnn', 'transformer', 'lstm', 'gru', 'both ways'])
def test_a_module_becomes_a_program_that_reads_back_as_the_same(what: str, tmp_path: Path) -> None:
    import torch

    from stages.kinds import coreml as kind

    torch.manual_seed(0)
    nets = {
        'cnn': (torch.nn.Sequential(torch.nn.Conv2d(3, 8, 3, padding=1), torch.nn.BatchNorm2d(8), torch.nn.ReLU(),
                                    torch.nn.MaxPool2d(3, 2, ceil_mode=True), torch.nn.Flatten(),
                                    torch.nn.Linear(8 * 16, 5)), (1, 3, 8, 8)),
        'transformer': (torch.nn.TransformerEncoderLayer(16, 2, 32, batch_first=True), (1, 6, 16)),
        'lstm': (First(torch.nn.LSTM(4, 8, batch_first=True)), (1, 5, 4)),
        'gru': (First(torch.nn.GRU(4, 8, batch_first=True, bidirectional=True)), (1, 5, 4)),
        'both ways': (First(torch.nn.LSTM(4, 8, 2, bidirectional=True)), (5, 1, 4)),
    }  # fmt: skip
    module, shape = nets[what]
    contract = Contract((Port('x', shape, 'float32'),), (Port('y', (), 'float32'),))
    data = np.random.default_rng(1).standard_normal(shape).astype(np.float32)
    with torch.no_grad():
        wanted = module.eval()(torch.from_numpy(data)).numpy()
    with quiet():
        converted = kind._converted(kind.Params(precision='f32'), module, (torch.from_numpy(data),), contract)
    converted.save(str(tmp_path / 'model.mlpackage'))

    found = read.opened(tmp_path / 'model.mlpackage').contract
    given = reader.load(tmp_path, found, reader.Options(), 1).run({'x': data})

    np.testing.assert_allclose(given['y'], wanted, rtol=1e-3, atol=1e-5)


def First(module: object) -> object:
    """Return a module that gives the first of what ``module`` gives."""
    import torch

    class Only(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.inner = module

        def forward(self, x):  # type: ignore[no-untyped-def]
            return self.inner(x)[0]

    return Only()


def edited(folder: Path, edit: object) -> Path:
    """Return the small package with its model changed by ``edit``."""
    package = small(folder)
    with quiet():
        from coremltools.proto import Model_pb2

        spec = Model_pb2.Model()
        spec.ParseFromString((package / MAIN).read_bytes())
        edit(spec)  # type: ignore[operator]
        (package / MAIN).write_bytes(spec.SerializeToString())
    return package


def _operation(spec: object, word: str) -> object:
    [block] = spec.mlProgram.functions['main'].block_specializations.values()  # type: ignore[attr-defined]
    return next(each for each in block.operations if each.type == word)


def _kind(spec: object) -> None:
    spec.treeEnsembleRegressor.SetInParent()  # type: ignore[attr-defined]


def _custom(spec: object) -> None:
    _operation(spec, 'relu').type = 'custom'  # type: ignore[attr-defined]


def _unknown(spec: object) -> None:
    _operation(spec, 'relu').type = 'made_up'  # type: ignore[attr-defined]


def _functions(spec: object) -> None:
    spec.mlProgram.functions['other'].CopyFrom(spec.mlProgram.functions['main'])  # type: ignore[attr-defined]


def _nowhere(spec: object) -> None:
    _operation(spec, 'relu').inputs['x'].arguments[0].name = 'nowhere'  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ('edit', 'words'),
    [
        (_kind, 'is a treeEnsembleRegressor'), (_custom, 'custom is code from elsewhere'), (_unknown, 'made_up is'),
        (_functions, 'expected main alone'), (_nowhere, 'not to be read'),
    ],
)  # fmt: skip
def test_a_program_that_is_not_read_is_refused_and_leaves_nothing(edit: object, words: str, tmp_path: Path) -> None:
    done = job(tmp_path / 'out', **fetched(tmp_path, edited(tmp_path, edit)))

    with pytest.raises((IntegrityError, StepError), match=words):
        source.run(source.Params(), done)
    assert [*done.output.iterdir()] == []


@pytest.mark.parametrize('case', ['cut', 'zeros', 'page', 'weights gone', 'weights cut', 'no model', 'another file'])
def test_a_damaged_package_gets_one_message_and_leaves_nothing(case: str, tmp_path: Path) -> None:
    package = small(tmp_path)
    model, weights = package / MAIN, package / 'Data/com.apple.CoreML/weights/weight.bin'
    data = model.read_bytes()
    contents = {'cut': data[: len(data) // 2], 'zeros': bytes(100), 'page': b'<html>not here</html>'}
    if case in contents:
        model.write_bytes(contents[case])
    elif case == 'weights gone':
        weights.unlink()
    elif case == 'weights cut':
        weights.write_bytes(weights.read_bytes()[:70])
    elif case == 'no model':
        model.unlink()
    else:
        (package / 'run.py').write_text('print("no")')
    done = job(tmp_path / 'out', **fetched(tmp_path, package))

    with pytest.raises((IntegrityError, StepError)) as refused:
        source.run(source.Params(), done)

    assert len(str(refused.value)) < 600
    assert [*done.output.iterdir()] == []


def test_no_operation_is_read_and_not_read() -> None:
    assert not OPERATORS.keys() & NOT_READ.keys()
