"""From a model file to a project and back: what is read, what is written, what is refused with nothing left."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path
from types import SimpleNamespace

import pytest

from stages.begin import text
from stages.begin.text import preprocessing
from stages.command.answers import DOCUMENTS
from stages.command.main import main
from stages.contract.port import Contract, Port
from stages.deliver.schemas import against
from stages.recipe.read import read_recipes

onnx = pytest.importorskip('onnx', reason='needs modelkiln[onnx]: pip install "modelkiln[onnx]"')
pytest.importorskip('onnxruntime')
np = pytest.importorskip('numpy')

from onnx import TensorProto, helper, numpy_helper  # noqa: E402

pytestmark = pytest.mark.onnx


def write_net(path: Path, rows: int | str = 'batch', width: int | str = 4, *, apart: bool = False) -> Path:
    """Write y = relu(x): a model whose sizes are as given; ``apart``: with a weight in a file of its own."""
    weight = numpy_helper.from_array(np.ones(400, 'float32'), 'w')
    nodes = [helper.make_node('Relu', ['x'], ['r']), helper.make_node('ReduceSum', ['w'], ['s'], keepdims=0)]
    nodes.append(helper.make_node('Add', ['r', 's'], ['y']))
    ports = [helper.make_tensor_value_info(n, TensorProto.FLOAT, [rows, width]) for n in 'xy']
    graph = helper.make_graph(nodes, 'g', ports[:1], ports[1:], [weight])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid('', 17)], ir_version=8)
    path.parent.mkdir(exist_ok=True)
    onnx.save(model, path, save_as_external_data=apart, location='w.bin', size_threshold=0)
    return path


@pytest.fixture
def here(tmp_path, monkeypatch) -> Path:
    """An empty folder, the current one."""
    (tmp_path / 'work').mkdir()
    monkeypatch.chdir(tmp_path / 'work')
    return tmp_path / 'work'


def test_a_project_is_written_whose_recipe_is_right_and_names_the_model_by_its_digest(here, tmp_path, capsys):
    model = write_net(tmp_path / 'elsewhere/net.onnx')

    assert main(['new', 'Face Finder', '--from', str(model)]) == 0

    root = here / 'Face Finder'
    [recipe] = read_recipes(root, verify=True)
    assert (recipe.model, recipe.source.format, recipe.inputs[0].shape) == ('face-finder', 'onnx', ('batch', 4))
    assert json.loads((root / 'recipes/recipe.schema.json').read_text())['title'] == 'Modelkiln recipe'
    assert 'doit' in (root / '.github/workflows/models.yml').read_text()
    assert (root / 'dodo.py').read_text() == (Path(__file__).parents[2] / 'dodo.py').read_text()
    assert main(['check', str(root / 'recipes/face-finder.yaml')]) == 0


def test_the_format_is_told_by_content_whatever_the_file_is_called(here, tmp_path):
    write_net(tmp_path / 'net.onnx').rename(tmp_path / 'net.tflite')

    assert main(['new', '.', '--from', str(tmp_path / 'net.tflite')]) == 0

    assert [file.name for file in (here / 'recipes/files/work').iterdir()] == ['model.onnx']


def test_weights_in_a_file_of_their_own_come_along(here, tmp_path):
    model = write_net(tmp_path / 'm/net.onnx', apart=True)

    assert main(['new', 'p', '--from', str(model)]) == 0

    assert {file.name for file in (here / 'p/recipes/files/p').iterdir()} == {'net.onnx', 'w.bin'}
    assert len(read_recipes(here / 'p', verify=True)[0].source.files) == 2


def test_the_weights_that_lie_beside_a_net_and_bear_its_name_come_along(here, tmp_path, capsys):
    seeded = Path(__file__).parents[2] / 'recipes/legacy/recipes/seeded'
    for name in ('tiny.cfg', 'tiny.weights'):
        shutil.copyfile(seeded / name, tmp_path / name)
    (tmp_path / 'other.weights').write_bytes(b'of another net')

    assert main(['new', 'p', '--from', str(tmp_path / 'tiny.cfg')]) == 0, capsys.readouterr().err

    [recipe] = read_recipes(here / 'p', verify=True)
    assert recipe.source.format == 'darknet'
    assert sorted(file.name for file in (here / 'p/recipes/files/p').iterdir()) == ['tiny.cfg', 'tiny.weights']


def test_what_the_file_leaves_open_is_found_by_running_it(here, tmp_path, capsys):
    model = write_net(tmp_path / 'net.onnx', rows='n', width='w')

    assert main(['inspect', str(model), '--json']) in (3, 4)  # a kind refuses it: nothing to quantize

    told = json.loads(capsys.readouterr().out)
    assert against(DOCUMENTS['inspect'](), {'net.onnx': told}) == []
    assert told['batch_shown_by_running'] is True
    assert told['contract']['inputs'][0]['shape'] == ['batch', 'w']
    assert told['sizes_tried'] == {'w': 64}
    assert told['operators'] == {'Relu': 1, 'ReduceSum': 1, 'Add': 1}


def test_nothing_is_overwritten_and_nothing_half_written(here, tmp_path, capsys):
    (here / 'p').mkdir()
    (here / 'p/dodo.py').write_text('mine')

    assert main(['new', 'p', '--from', str(write_net(tmp_path / 'net.onnx'))]) == 2

    assert 'dodo.py is there already' in capsys.readouterr().err
    assert [path.name for path in here.rglob('*')] == ['p', 'dodo.py']


@pytest.mark.parametrize('content', [b'', b'not a model', b'\x08\x08\x3a\xff\xff\xff\xff\x0f', b'PK\x03\x04'])
def test_a_file_that_is_no_model_gets_one_message_and_nothing_is_written(here, tmp_path, capsys, content):
    (tmp_path / 'x.onnx').write_bytes(content)

    assert main(['new', 'p', '--from', str(tmp_path / 'x.onnx')]) == 2

    assert 'its content is no model of' in capsys.readouterr().err
    assert os.listdir(here) == []


def test_a_model_that_names_a_file_outside_is_refused(here, tmp_path, capsys):
    model = onnx.load(write_net(tmp_path / 'm/net.onnx', apart=True), load_external_data=False)
    model.graph.initializer[0].external_data[0].value = '../../etc/passwd'
    (tmp_path / 'm/net.onnx').write_bytes(model.SerializeToString())

    assert main(['new', 'p', '--from', str(tmp_path / 'm/net.onnx')]) == 4

    assert '../../etc/passwd' in capsys.readouterr().err
    assert os.listdir(here) == []


def test_a_recipe_is_added_to_a_project_and_its_name_is_taken_then(here, tmp_path, capsys):
    model = write_net(tmp_path / 'net.onnx')
    assert main(['new', '.']) == 0

    assert main(['new', 'recipe', 'one', '--from', str(model)]) == 0
    assert main(['new', 'recipe', 'one', '--from', str(model)]) == 2

    assert 'recipes/one.yaml' in capsys.readouterr().err
    assert [recipe.model for recipe in read_recipes(here)] == ['one']


def test_a_folder_that_can_be_read_in_two_ways_is_refused_with_both_named(here, tmp_path, capsys):
    write_net(tmp_path / 'm/a.onnx')
    write_net(tmp_path / 'm/b.onnx')

    assert main(['inspect', str(tmp_path / 'm')]) == 2

    said = capsys.readouterr().err
    assert 'a.onnx' in said and 'b.onnx' in said


def test_samples_are_read_by_whichever_reader_reads_them_and_judge_by_their_labels(here, tmp_path):
    model = write_net(tmp_path / 'net.onnx')
    rows = np.random.default_rng(0).standard_normal((60, 4)).astype('float32')
    np.savez(tmp_path / 'rows.npz', x=rows, labels=rows.argmax(1))

    assert main(['new', 'p', '--from', str(model), '--data', str(tmp_path / 'rows.npz')]) == 0

    [recipe] = read_recipes(here / 'p', verify=True)
    assert {role: one.reader for role, one in recipe.data.items()} == {'calibrate': 'npz', 'evaluate': 'npz'}
    assert recipe.data['evaluate'].metric.of == 'top1'
    assert 'onnx-quantize-static' in [variant.name for variant in recipe.variants]


def test_samples_that_do_not_fit_the_model_are_refused_with_the_words_of_each_reader(here, tmp_path, capsys):
    model, rows = write_net(tmp_path / 'net.onnx'), tmp_path / 'rows.npz'
    np.savez(rows, x=np.zeros((60, 5), 'float32'))

    assert main(['new', 'p', '--from', str(model), '--data', str(rows)]) == 2

    assert 'npz: x: the data has 5 where the model takes 4' in capsys.readouterr().err
    assert os.listdir(here) == []


def test_a_variant_that_its_kind_is_known_to_refuse_is_a_comment_with_the_reason(here, tmp_path):
    assert main(['new', 'p', '--from', str(write_net(tmp_path / 'net.onnx'))]) == 0

    text = (here / 'p/recipes/p.yaml').read_text()
    assert 'onnx-quantize' not in [variant.name for variant in read_recipes(here / 'p')[0].variants]
    assert '# nothing to quantize in dynamic mode: it holds Add, ReduceSum, Relu' in text


def test_a_checkpoint_is_told_by_its_keys_and_its_module_is_asked_for(here, tmp_path, capsys):
    torch = pytest.importorskip('torch', reason='needs modelkiln[torch]: pip install "modelkiln[torch]"')
    state = {f'module.{name}': tensor for name, tensor in torch.nn.Linear(3, 2).state_dict().items()}
    torch.save({'epoch': 1, 'ema': {'model': state}}, tmp_path / 'last')

    assert main(['new', 'p', '--from', str(tmp_path / 'last')]) == 0

    [recipe] = read_recipes(here / 'p', verify=True)
    assert recipe.source.options == {'key': 'ema.model', 'prefix': 'module.'}
    assert '# module.weight [2, 3] float32' in (here / 'p/recipes/models/p.py').read_text()
    assert 'how their module is built' in capsys.readouterr().out


@pytest.mark.parametrize(
    ('port', 'words'),
    [
        (Port('x', ('batch', 3, 8, 8), 'float32'), 'RGB, values 0 to 1, channels first'),
        (Port('x', ('batch', 28, 28, 1), 'uint8'), 'grey, values 0 to 255, channels last'),
        (Port('x', ('batch', 'length'), 'int64'), 'tokens of the tokenizer'),
        (Port('x', ('batch', 4), 'float32'), 'the columns in the order of the training'),
    ],
)
def test_what_a_recipe_may_say_of_its_inputs_is_shown_by_what_they_are(port, words):
    assert preprocessing(Contract((port,))).startswith(words)


def test_a_model_that_could_not_be_run_gets_sizes_to_be_written_over():
    asked = [
        *text._asks(
            SimpleNamespace(contract=Contract((Port('x', ('batch', 'length'), 'int64'),)), sizes={}, unrun='no')
        )
    ]

    assert any('write the one that you serve' in line for line in asked)
    assert any(line.startswith('benchmark: ') and 'sizes: {length: 1}' in line for line in asked)
