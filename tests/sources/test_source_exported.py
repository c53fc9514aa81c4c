"""Programs of torch.export from outside: what torch itself would run in such a file never runs here."""

from __future__ import annotations

import contextlib
import io
import json
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from stages.contract.port import Port
from stages.errors import StepError
from stages.sources import exported as source
from tests.sources.sources_helpers import job

pytestmark = pytest.mark.torch
torch = pytest.importorskip('torch', reason='needs modelkiln[torch]: pip install "modelkiln[torch]"')

IMAGE = (Port('image', ('batch', 4), 'float32'),)
GRAPH, WEIGHTS = 'models/model.json', 'data/weights/model_weights_config.json'


@pytest.fixture(scope='module')
def program(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp('export') / 'theirs.pt2'
    module = torch.nn.Sequential(torch.nn.Linear(4, 3), torch.nn.Flatten(0)).eval()
    batch = torch.export.Dim('n')
    torch.export.save(torch.export.export(module, (torch.zeros(2, 4),), dynamic_shapes=({0: batch},)), path)
    return path


def rewritten(program: Path, folder: Path, **records: Callable[[bytes], bytes]) -> Path:
    """Return the program with some records changed, in a folder of its own."""
    folder.mkdir()
    path = folder / 'theirs.pt2'
    changes = {
        {'graph': GRAPH, 'weights': WEIGHTS, 'examples': 'data/sample_inputs/model.pt'}[k]: f
        for k, f in records.items()
    }
    with zipfile.ZipFile(program) as old, zipfile.ZipFile(path, 'w') as new:
        for name in old.namelist():
            content = changes.pop(name.partition('/')[2], lambda same: same)(old.read(name))
            new.writestr(name, content)
    assert not changes
    return path


def edited(edit: Callable[[Any], None]) -> Callable[[bytes], bytes]:
    def change(content: bytes) -> bytes:
        read = json.loads(content)
        edit(read)
        return json.dumps(read).encode()

    return change


def take(tmp_path: Path, file: Path, signature: tuple[Port, ...] = IMAGE) -> Path:
    done = job(tmp_path / 'out', signature, file=file.parent)
    source.run(source.Params(), done)
    return done.output / 'model.pt2'


def test_a_program_arrives_without_what_its_machine_left_in_it(tmp_path: Path, program: Path) -> None:
    made = take(tmp_path, program)
    content = made.read_bytes()
    image = torch.randn(7, 4)

    wanted = torch.export.load(program).module()(image)

    assert torch.equal(torch.export.load(made).module()(image), wanted)
    assert b'stack_trace' in program.read_bytes() and b'stack_trace' not in content


class Trap:
    def __init__(self, marker: Path) -> None:
        self.marker = str(marker)

    def __reduce__(self) -> Any:
        return (open, (self.marker, 'w'))


def pickled(marker: Path) -> bytes:
    memory = io.BytesIO()
    torch.save({'weight': Trap(marker)}, memory)
    return memory.getvalue()


@pytest.mark.filterwarnings('ignore')
def test_example_inputs_that_torch_would_unpickle_are_dropped(tmp_path: Path, program: Path) -> None:
    marker = tmp_path / 'marker'
    hostile = rewritten(program, tmp_path / 'hostile', examples=lambda _: pickled(marker))
    with contextlib.suppress(Exception):
        torch.export.load(hostile)
    assert marker.exists(), 'torch itself runs it: that is why no file from outside is given to it'
    marker.unlink()

    take(tmp_path, hostile)

    assert not marker.exists()


def test_weights_that_are_pickles_are_refused(tmp_path: Path, program: Path) -> None:
    def pickle_first(config: Any) -> None:
        next(iter(config['config'].values()))['use_pickle'] = True

    hostile = rewritten(program, tmp_path / 'hostile', weights=edited(pickle_first))

    with pytest.raises(StepError, match='as a Python object'):
        take(tmp_path, hostile)


def operator(word: str) -> Callable[[Any], None]:
    return lambda graph: graph['graph_module']['graph']['nodes'][0].update(target=word)


def size(text: str) -> Callable[[Any], None]:
    def edit(graph: Any) -> None:
        sizes = graph['graph_module']['graph']['tensor_values']['input']['sizes']
        sizes[0] = {'as_expr': {'expr_str': text, 'hint': {'as_int': 2}}}

    return edit


def renamed(graph: Any) -> None:
    graph['graph_module']['graph']['nodes'][0]['name'] = 'x = __import__("os")'


@pytest.mark.parametrize(
    ('edit', 'said'),
    [
        (operator('torch.os.system'), 'torch.os.system'),
        (operator('torch.ops.load_library'), 'load_library'),
        (operator('torch.ops.aten.__class__'), '__class__'),
        (operator('_operator.methodcaller'), 'methodcaller'),
        (operator('torch.ops.aten.from_file.default'), 'from_file'),
        (size('__import__("os").system("true")'), 'the size'),
        (size('open(chr(97))'), 'the size'),
        (size('ｏpen(1)'), 'the size'),  # Python reads a full-width letter as the plain one
        (renamed, '__import__'),
    ],
    ids=lambda value: value if isinstance(value, str) else '',
)
def test_what_could_be_code_is_refused(tmp_path: Path, program: Path, edit: Any, said: str) -> None:
    hostile = rewritten(program, tmp_path / 'hostile', graph=edited(edit))

    with pytest.raises(StepError, match=said):
        take(tmp_path, hostile)

    assert not list((tmp_path / 'out').iterdir())


def test_guards_which_are_python_text_are_dropped(tmp_path: Path, program: Path) -> None:
    marker = tmp_path / 'marker'
    text = f'open({str(marker)!r}, "w")'
    hostile = rewritten(program, tmp_path / 'hostile', graph=edited(lambda graph: graph.update(guards_code=[text])))

    torch.export.load(take(tmp_path, hostile)).module()(torch.zeros(2, 4))

    assert not marker.exists()


def test_a_plain_pickle_is_refused_with_advice(tmp_path: Path) -> None:
    marker = tmp_path / 'marker'
    (tmp_path / 'theirs').mkdir()
    (tmp_path / 'theirs/model.pt2').write_bytes(pickled(marker))

    with pytest.raises(StepError, match=r'no archive of torch.export(.|\n)*safetensors'):
        take(tmp_path, tmp_path / 'theirs/model.pt2')

    assert not marker.exists()


def test_another_signature_than_the_recipes_is_said(tmp_path: Path, program: Path) -> None:
    with pytest.raises(StepError, match='float32'):
        take(tmp_path, program, (Port('image', ('batch', 5), 'float32'),))


def test_a_structure_of_another_package_is_never_imported(tmp_path: Path, program: Path) -> None:
    def foreign(graph: Any) -> None:
        call = graph['graph_module']['module_call_graph'][0]['signature']
        call['in_spec'] = call['in_spec'].replace('builtins.dict', 'collections.defaultdict')

    made = take(tmp_path, rewritten(program, tmp_path / 'foreign', graph=edited(foreign)))

    assert b'defaultdict' not in made.read_bytes()
    assert torch.export.load(made).module()(torch.zeros(2, 4)).shape == (6,)


class Wrapped(torch.nn.Module):
    def forward(self, pair: Any, scale: Any = None, *, gain: Any) -> dict[str, Any]:
        return {'far': pair['a'] - 2 * pair['b'][0], 'none': None, 'near': (gain * 3, 7)}


def test_keywords_dicts_and_nested_outputs_go_by_their_paths(tmp_path: Path) -> None:
    from stages.engines import torch as engine

    (tmp_path / 'theirs').mkdir()
    rows = torch.export.Dim('rows')
    given = ({'a': torch.zeros(2, 3), 'b': [torch.zeros(2, 3)]},)
    shapes = {'pair': {'a': {0: rows}, 'b': [{0: rows}]}, 'gain': {0: rows}}
    exported = torch.export.export(Wrapped(), given, {'gain': torch.zeros(2, 5)}, dynamic_shapes=shapes)
    torch.export.save(exported, tmp_path / 'theirs/net.pt2')
    ports = tuple(Port(n, ('batch', size), 'float32') for n, size in (('gain', 5), ('pair.b.0', 3), ('pair.a', 3)))

    done = job(tmp_path / 'out', ports, ('near_0', 'far'), file=tmp_path / 'theirs')
    contract = source.run(source.Params(), done)
    gain, b, a = torch.randn(4, 5), torch.randn(4, 3), torch.randn(4, 3)
    feed = {'gain': gain.numpy(), 'pair.b.0': b.numpy(), 'pair.a': a.numpy()}
    got = engine.load(done.output, contract, engine.Options(), 1).run(feed)

    assert [(port.name, port.shape) for port in contract.outputs] == [('near_0', ('batch', 5)), ('far', ('batch', 3))]
    assert (got['near_0'] == (gain * 3).numpy()).all()
    assert (got['far'] == (a - 2 * b).numpy()).all()


def test_an_input_that_the_program_has_not_is_refused_with_those_it_has(tmp_path: Path, program: Path) -> None:
    with pytest.raises(StepError, match=r'has 1 inputs \(input\); the recipe names 2 \(image, mask\)'):
        take(tmp_path, program, (*IMAGE, Port('mask', ('batch', 4), 'float32')))
