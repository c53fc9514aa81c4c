"""The engine tvm: TVM's runtime alone, inputs as they come, outputs that stay."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

np = pytest.importorskip('numpy')
tvm = pytest.importorskip('tvm', reason='needs modelkiln[tvm]: pip install "modelkiln[tvm]"')

from stages.contract.port import Port  # noqa: E402
from stages.engines import tvm as engine  # noqa: E402
from stages.errors import StepError  # noqa: E402
from stages.frameworks.tvm.emit import library, link  # noqa: E402
from stages.frameworks.tvm.target import native, tvm_target  # noqa: E402

pytestmark = pytest.mark.tvm
ROOT = Path(__file__).parents[2]


@pytest.fixture(scope='module')
def folder(tmp_path_factory):
    """A library that returns a sum, the input itself, and numbers doubled."""
    from tvm import relax

    out = tmp_path_factory.mktemp('library')
    a, n = relax.Var('a', relax.TensorType((1, 5), 'float32')), relax.Var('n', relax.TensorType((1, 5), 'int32'))
    builder = relax.BlockBuilder()
    with builder.function('main', [a, n]):
        with builder.dataflow():
            made = [builder.emit(relax.op.add(a, relax.op.astype(n, 'float32'))), a, builder.emit(relax.op.add(n, n))]
            result = builder.emit_output(relax.Tuple(made))
        builder.emit_func_output(result)
    module, target = builder.get(), native()
    link.linked(tvm.compile(module, target=tvm_target(target)), target, out)
    inputs, outputs = library.signature(module, ('sum', 'same', 'double'))
    library.write(library.Library(
        target.name, target.system, target.machine, target.triple, target.needs, inputs, outputs, 3, 'none',
        {'all': 2, 'tuned': 0}, {},
    ), out)  # fmt: skip
    return out


@pytest.fixture
def session(folder):
    return engine.load(folder, (), engine.Options(), 1)


def test_a_session_knows_its_names_and_shapes(session):
    assert session.inputs == (Port('a', (1, 5), 'float32'), Port('n', (1, 5), 'int32'))
    assert tuple(port.name for port in session.outputs) == ('sum', 'same', 'double')


def test_outputs_come_in_order_and_stay_as_they_are(session):
    a, n = np.ones((1, 5), 'float32'), np.arange(5, dtype='int32').reshape(1, 5)

    first = list(session.run({'n': n, 'a': a}).values())
    session.run({'a': a * 7, 'n': n * 7})
    a[:] = -1

    assert [f.tolist() for f in first] == [[[1, 2, 3, 4, 5]], [[1] * 5], [[0, 2, 4, 6, 8]]]


@pytest.mark.parametrize('offset', range(0, 64, 4))
def test_memory_may_begin_anywhere(session, offset):
    memory = np.zeros(256, 'uint8')
    a = memory[offset : offset + 20].view('float32').reshape(1, 5)
    a[:] = 3

    total, *_ = session.run({'a': a, 'n': np.zeros((1, 5), 'int32')}).values()
    assert total.tolist() == [[3] * 5]


def test_inputs_may_be_read_only_strided_or_of_another_type(session):
    a = np.arange(10, dtype='float64').reshape(1, 10)[:, ::2]
    n = np.arange(5).reshape(1, 5)
    a.setflags(write=False)

    total, same, double = session.run({'a': a, 'n': n}).values()

    assert same.dtype == np.float32 and double.dtype == np.int32
    assert total.tolist() == [[0, 3, 6, 9, 12]]


def test_another_shape_is_refused(session):
    with pytest.raises(StepError, match=r'shape \(2, 5\); the library is compiled for \(1, 5\)'):
        session.run({'a': np.zeros((2, 5), 'float32'), 'n': np.zeros((1, 5), 'int32')})


def test_another_number_of_threads_needs_another_process(session, folder):
    with pytest.raises(StepError, match='1 threads in this process already; 3'):
        engine.load(folder, (), engine.Options(), 3)


def test_neither_the_compiler_nor_torch_is_loaded(folder):
    code = f"""if True:
        import sys
        from pathlib import Path
        from stages.engines import tvm as engine
        engine.prepare()
        session = engine.load(Path({str(folder)!r}), (), engine.Options(), 1)
        import numpy as np
        session.run({{'a': np.ones((1, 5), 'float32'), 'n': np.ones((1, 5), 'int32')}})
        maps = Path('/proc/self/maps').read_text()
        print(sorted({{'tvm', 'torch'}} & set(sys.modules)), 'libtvm_compiler' in maps, 'libtvm_runtime' in maps)
    """

    done = subprocess.run([sys.executable, '-c', code], cwd=ROOT, capture_output=True, text=True, check=True)

    assert done.stdout.split() == ['[]', 'False', 'True']


def test_it_runs_beside_the_compiler_and_torch(folder):
    pytest.importorskip('torch', reason='needs modelkiln[torch]: pip install "modelkiln[torch]"')
    code = f"""if True:
        from pathlib import Path
        import numpy as np, torch, tvm
        from stages.engines import tvm as engine
        session = engine.load(Path({str(folder)!r}), (), engine.Options(), 1)
        total, *_ = session.run({{'a': np.ones((1, 5), 'float32'), 'n': np.ones((1, 5), 'int32')}}).values()
        print(total.sum())
    """

    done = subprocess.run([sys.executable, '-c', code], cwd=ROOT, capture_output=True, text=True, check=True)

    assert float(done.stdout) == 10
