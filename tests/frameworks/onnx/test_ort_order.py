"""Files of ONNX Runtime's own format: equal models are equal bytes, and nothing of a model is lost on the way."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from stages.errors import IntegrityError
from stages.frameworks.onnx import ort_file, ort_order

onnx = pytest.importorskip('onnx')
pytest.importorskip('onnxruntime')
np = pytest.importorskip('numpy')
pytestmark = pytest.mark.onnx

BLOCK = 't{n} = Conv <pads = [1, 1, 1, 1]> (x, w{n})  r{n} = Relu (t{n})  y{n} = ReduceSum <keepdims = 0> (r{n}, axes)'
COUNT = 12
ASK = """
import sys
from pathlib import Path
from stages.frameworks.onnx import ort_file, ort_order, runtime
runtime.opened(Path(sys.argv[1]), 'all', saved=Path(sys.argv[2]), form='ORT')
"""
RUN = """
import importlib, sys
from pathlib import Path
from stages.contract.job import Job
from stages.contract.port import Contract, Port
kind = importlib.import_module(f'stages.kinds.{sys.argv[1]}')
contract = Contract(
    (Port('x', ('N', 16, 8, 8), 'float32'), Port('yes', (), 'bool')),
    tuple(Port(name, shape, 'float32') for name, shape in PORTS),
)
folder = Path(sys.argv[2])
kind.run(kind.Params(), Job({'model': folder}, Path(sys.argv[3]), contract, lambda fraction, words: None))
""".replace('PORTS', str([*((f'y{n}', ('N', 16)) for n in range(COUNT)), ('z', ('N', 16, 8, 8))]))


@pytest.fixture(scope='module')
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Convolutions beside each other, whose results are laid out anew: in the order of a hash table. And a branch."""
    path = tmp_path_factory.mktemp('net') / 'model.onnx'
    blocks = '\n'.join(BLOCK.format(n=n) for n in range(COUNT))
    outputs = ', '.join(f'float[N, 16] y{n}' for n in range(COUNT))
    text = f"""<ir_version: 8, opset_import: ["": 17]>
        g (float[N, 16, 8, 8] x, bool yes) => ({outputs}, float[N, 16, 8, 8] z) <int64[2] axes = {{2, 3}}> {{
            {blocks}
            z = If (yes) <then_branch = g1 () => (float[N, 16, 8, 8] a) {{ a = Abs (r0) }},
                          else_branch = g2 () => (float[N, 16, 8, 8] b) {{ c = Neg (r1)  b = Exp (c) }}>
        }}"""
    made = onnx.parser.parse_model(text)
    rng = np.random.default_rng(0)
    for n in range(COUNT):
        weight = rng.standard_normal((16, 16, 3, 3)).astype(np.float32) / 12
        made.graph.initializer.append(onnx.numpy_helper.from_array(weight, f'w{n}'))
    onnx.save(made, path)
    return path


@pytest.fixture(scope='module')
def written(model: Path) -> list[Path]:
    """What ONNX Runtime itself writes, in processes whose addresses differ."""
    found = [model.with_name(f'{n}.ort') for n in range(4)]
    for path in found:
        subprocess.run([sys.executable, '-c', ASK, str(model), str(path)], check=True, cwd=Path(__file__).parents[3])
    return found


def names(model: Path) -> frozenset[str]:
    from stages.frameworks.onnx import walk

    read = onnx.load(model)
    return frozenset(walk.names(read) | {node.name for node in walk.nodes(read.graph)})


def test_one_model_is_one_file_whatever_order_it_was_optimized_in(model, written):
    told = [path.read_bytes() for path in written]
    assert len(set(told)) > 1, 'ONNX Runtime has mended it: this room can go'

    assert len({ort_file.written(ort_order.ordered(ort_file.read(data), names(model))) for data in told}) == 1


def test_the_file_in_order_answers_as_the_one_that_onnxruntime_wrote(model, written, tmp_path):
    import onnxruntime

    made = tmp_path / 'model.ort'
    made.write_bytes(ort_file.written(ort_order.ordered(ort_file.read(written[0].read_bytes()), names(model))))
    x = np.random.default_rng(1).standard_normal((3, 16, 8, 8)).astype(np.float32)
    for yes in (True, False):
        answers = [
            onnxruntime.InferenceSession(str(path), providers=['CPUExecutionProvider']).run(
                None, {'x': x, 'yes': np.array(yes)}
            )
            for path in (written[0], made)
        ]
        for one, other in zip(*answers, strict=True):
            np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize('kind', ['ort', 'onnx_optimize'])
def test_a_kind_leaves_the_same_bytes_in_every_process(kind, model, tmp_path):
    for n in range(3):
        (tmp_path / f'{n}').mkdir()
        argv = [sys.executable, '-c', RUN, kind, str(model.parent), str(tmp_path / f'{n}')]
        subprocess.run(argv, check=True, cwd=Path(__file__).parents[3])

    left = [{path.name: path.read_bytes() for path in (tmp_path / f'{n}').iterdir()} for n in range(3)]
    assert left[0] == left[1] == left[2] and len(left[0]) == 1


def test_what_is_read_is_written_whole(written):
    read = ort_file.read(written[0].read_bytes())

    assert ort_file.read(ort_file.written(read)) == read
    assert len(ort_file.written(read)) <= len(written[0].read_bytes())


@pytest.mark.parametrize('harm', ['head', 'cut', 'field'])
def test_a_damaged_file_and_one_with_more_in_it_are_refused(harm, written):
    data = bytearray(written[0].read_bytes())
    if harm == 'head':
        data[4:8] = b'TFL3'
    elif harm == 'cut':
        data = data[: len(data) // 3]
    else:
        root = int.from_bytes(data[:4], 'little')
        slots = root - int.from_bytes(data[root : root + 4], 'little', signed=True)
        data[slots + 8 : slots + 10] = data[slots + 6 : slots + 8]  # a field that nobody knows, where none was
    with pytest.raises(IntegrityError, match=r'format|damaged'):
        ort_file.read(bytes(data))
