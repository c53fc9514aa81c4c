"""TorchScript that reads, writes or reaches out: torch alone would do it, the source refuses it before it runs."""

from __future__ import annotations

import shutil
import zipfile
from pathlib import Path
from typing import Any

import pytest

from stages.contract.job import Job
from stages.contract.port import Contract, Port
from stages.digest import file_digest
from stages.errors import IntegrityError, StepError, UnsupportedError
from stages.sources import torchscript as source
from tests.small import small_project

pytestmark = [pytest.mark.torch, pytest.mark.filterwarnings('ignore:.*deprecated')]
torch = pytest.importorskip('torch', reason='needs modelkiln[torch]: pip install "modelkiln[torch]"')

USE = '    print(_0)\n'  # or torch leaves out what nobody uses
FILE = 'torch.from_file("CANARY", True, 17, dtype=0)'
SAVED = """
  def __getstate__(self: __torch__.Net) -> int:
    return 1
  def __setstate__(self: __torch__.Net,
    state: int) -> NoneType:
    self.training = False
    STATEMENT
    print(_0)
    return None
"""
STATE = b'\x80\x02c__torch__\nNet\n)\x81K\x01b.'  # Net, made of the number 1
HOSTILE = {
    # in forward: what to put before its last line
    'plain': f'    _0 = {FILE}\n',
    'continued': '    _0 = torch.\\\nfrom_file("CANARY", True, 17, dtype=0)\n',
    'commented': '    _0 = (torch. # x\n    from_file("CANARY", True, 17, dtype=0))\n',
    'by a string': '    _0 = getattr(torch, "from_file")("CANARY", True, 17, dtype=0)\n',
    'by an escape': '    _0 = getattr(torch, "\\146rom_file")("CANARY", True, 17, dtype=0)\n',
    'by another name': '    t = torch\n    f = t.from_file\n    _0 = f("CANARY", True, 17, dtype=0)\n',
    'by its namespace': '    _0 = ops.aten.from_file("CANARY", True, 17, dtype=0)\n',
    'saved': '    _0 = torch.save(image, "CANARY")\n',
    'saved by a method': '    _0 = image.save("CANARY")\n',
}
WHILE_LOADING = {
    # in the place of forward's head, or behind forward
    'default': ('image: Tensor)', f'image: Tensor, x: Tensor={FILE})', ''),
    'constant': ('  def forward', f'  k : Final[Tensor] = {FILE}\n  def forward', ''),
    'state': ('', '', SAVED.replace('STATEMENT', f'_0 = {FILE}')),
    'state, continued': ('', '', SAVED.replace('STATEMENT', '_0 = torch.\\\nfrom_file("CANARY", True, 17, dtype=0)')),
}


class Net(torch.nn.Module):
    def forward(self, image: torch.Tensor) -> torch.Tensor:
        return torch.relu(image)


def scripted(path: Path) -> dict[str, bytes]:
    """Return the records of an honest model, whose class is called Net."""
    torch.jit.script(Net()).save(str(path))
    with zipfile.ZipFile(path) as archive:
        records = {name.partition('/')[2]: archive.read(name) for name in archive.namelist()}
    module = f'__torch__.{__name__}.Net'.encode()
    [name] = [name for name in records if name.startswith('code/') and name.endswith('.py')]
    records['code/__torch__.py'] = records.pop(name).replace(module, b'__torch__.Net')
    records['data.pkl'] = records['data.pkl'].replace(module.replace(b'.Net', b'\nNet'), b'__torch__\nNet')
    return {name: content for name, content in records.items() if not name.endswith('debug_pkl')}


def archive(path: Path, records: dict[str, bytes] | list[tuple[str, bytes]]) -> Path:
    path.parent.mkdir(exist_ok=True)
    with zipfile.ZipFile(path, 'w') as made:
        for name, content in records.items() if isinstance(records, dict) else records:
            made.writestr(f'net/{name}', content)
    return path


def hostile(tmp_path: Path, word: str) -> tuple[Path, Path]:
    """Return an archive that does the deed on the file that is returned too."""
    records, canary = scripted(tmp_path / 'honest.pt'), tmp_path / 'canary'
    code = records['code/__torch__.py'].decode()
    if word in HOSTILE:
        code = code.replace('    return', f'{HOSTILE[word]}{"" if "save" in word else USE}    return')
    else:
        old, new, behind = WHILE_LOADING[word]
        code = code.replace(old, new, 1) + behind.removeprefix('\n')
        records |= {'data.pkl': STATE} if behind else {}
    records['code/__torch__.py'] = code.replace('CANARY', str(canary)).encode()
    return archive(tmp_path / 'theirs/net.pt', records), canary


def take(theirs: Path, out: Path, shape: tuple[int | str, ...] = ('batch', 4)) -> Contract:
    out.mkdir()
    name = {2: 'image', 3: 'src'}[len(shape)]
    declared = Contract((Port(name, shape, 'float32'),))
    return source.run(source.Params(), Job({'file': theirs}, out, declared, lambda fraction, words: None))


@pytest.mark.parametrize('word', [*HOSTILE, *WHILE_LOADING])
def test_what_reaches_files_is_refused_and_does_nothing(tmp_path: Path, word: str) -> None:
    theirs, canary = hostile(tmp_path, word)

    with pytest.raises(UnsupportedError, match=r'net\.pt: code/__torch__\.py, line \d+: .*(\n|.)*what to try'):
        take(theirs.parent, tmp_path / 'out')

    assert not canary.exists()
    assert not list((tmp_path / 'out').iterdir())


@pytest.mark.parametrize('word', ['plain', 'continued', 'commented', 'by another name', 'default', 'state'])
def test_torch_alone_would_have_done_it(tmp_path: Path, word: str) -> None:
    theirs, canary = hostile(tmp_path, word)

    module = torch.jit.load(str(theirs))
    loaded = canary.exists()
    module(torch.zeros(1, 4))

    assert canary.exists()
    assert loaded == (word in WHILE_LOADING)


@pytest.mark.parametrize('word', HOSTILE)
def test_what_torch_made_of_the_text_is_looked_at_too(tmp_path: Path, word: str) -> None:
    from stages.frameworks.torch import script_graph

    theirs, canary = hostile(tmp_path, word)

    with pytest.raises((UnsupportedError, RuntimeError), match=r'only compute|no attribute or method|no such operator'):
        script_graph.load('net.pt', theirs)

    assert not canary.exists()


RECIPE = """
recipe: 1
model: evil
source: {{torchscript: {{path: models/net.pt, sha256: {digest}}}}}
inputs: {{image: {{shape: [batch, 4], dtype: float32}}}}
variants: {{ts: []}}
"""


@pytest.mark.parametrize('word', ['continued', 'state'])
def test_so_it_goes_through_the_real_doit(tmp_path: Path, word: str) -> None:
    theirs, canary = hostile(tmp_path, word)
    project = small_project(tmp_path / 'project', RECIPE.format(digest=file_digest(theirs)))
    shutil.copyfile(theirs, project.root / 'recipes/models/net.pt')

    done = project.doit()

    assert done.code not in (0, 3, 70), done.text
    assert 'aten::from_file is none of the operators that only compute' in done.text
    assert 'Traceback' not in done.text
    assert not canary.exists()


def test_a_secret_does_not_come_out_as_numbers(tmp_path: Path) -> None:
    records, secret = scripted(tmp_path / 'honest.pt'), tmp_path / 'secret'
    secret.write_bytes(b'TOP-SECRET-BYTES')
    text = f'    _0 = torch.\\\nfrom_file("{secret}", False, 16, dtype=0)\n    return torch.add(image, _0[:4])\n'
    code = records['code/__torch__.py'].decode()
    records['code/__torch__.py'] = (code[: code.index('    return')] + text).encode()

    with pytest.raises(UnsupportedError, match='aten::from_file'):
        take(archive(tmp_path / 'theirs/net.pt', records).parent, tmp_path / 'out')

    assert not list((tmp_path / 'out').iterdir())


@pytest.mark.parametrize('name', ['cuda.Stream', 'c10d.Store', '_TorchScriptTesting._StackString'])
def test_objects_of_other_classes_are_refused_in_code_and_in_pickles(tmp_path: Path, name: str) -> None:
    kind = f'__torch__.torch.classes.{name}'
    records = scripted(tmp_path / 'honest.pt')
    code, pickle = records['code/__torch__.py'], records['data.pkl']
    module, _, word = kind.rpartition('.')

    for number, changed in enumerate(
        (
            {'code/__torch__.py': code.replace(b'image: Tensor', f'image: {kind}'.encode())},
            {'data.pkl': pickle.replace(b'c__torch__\nNet\n', f'c{module}\n{word}\n'.encode())},
        )
    ):
        theirs = archive(tmp_path / f'theirs{number}/net.pt', records | changed)
        with pytest.raises(UnsupportedError, match=name):
            take(theirs.parent, tmp_path / f'out{number}')


EVIL = b'def evil(x: Tensor) -> Tensor:\n  return torch.from_file("/etc/passwd")\n'


@pytest.mark.parametrize(
    ('name', 'content', 'words'),
    [
        ('CODE/__torch__.py', EVIL, 'two records of one name'),
        ('CODE/__torch__/a.PY', EVIL, 'neither code'),
        ('model.json', b'{}', 'before version 1.2'),
        ('code/__torch__/b.py', b'x = 1 # type: (int) -> int\n', 'no code of TorchScript'),
        ('code/__torch__/b.py', b'x = u"a"\n', 'no code of TorchScript'),
        ('code/__torch__/b.py', b'x = 1\r\ny = 2\n', 'no code of TorchScript'),
        ('code/__torch__/b.py', b'x = ' + b'(' * 10_000, 'no code of TorchScript'),
        ('code/__torch__/b.py', b'\0' * (17 << 20), 'bytes of code'),
    ],
    ids=lambda value: str(value)[:40],
)
def test_archives_that_two_readers_could_read_in_two_ways_are_refused(
    tmp_path: Path, name: str, content: bytes, words: str
) -> None:
    theirs = archive(tmp_path / 'theirs/net.pt', [*scripted(tmp_path / 'honest.pt').items(), (name, content)])

    with pytest.raises((StepError, IntegrityError), match=words):
        take(theirs.parent, tmp_path / 'out')


CPU = torch.device('cpu')


class Many(torch.nn.Module):
    """A model of much that the language has, all of it harmless."""

    def __init__(self) -> None:
        super().__init__()
        self.parts = torch.nn.ModuleDict({'one': torch.nn.Linear(4, 4), 'two-way': torch.nn.Linear(4, 4)})

    @torch.jit.export
    def more(self, image: torch.Tensor, gain: float = float('inf'), where: torch.device = CPU) -> str:
        print(f'{where} of {gain}')
        if gain < 0:
            raise ValueError('odd')
        return ','.join([str(size) for size in image.to(where).shape])

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        later = torch.jit.fork(torch.relu, image)
        for part in self.parts.values():
            image = part(image)
        while image.sum() < 0:
            image = image + 1
        return torch.nn.functional.gelu(image, approximate='tanh') + torch.jit.wait(later)


class Last(torch.nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.lstm = torch.nn.LSTM(4, 3, 2, bidirectional=True)

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        return self.lstm(image[None])[0][0]


def models() -> dict[str, Any]:
    quantized = torch.nn.Sequential(torch.nn.Linear(4, 4), torch.nn.ReLU())
    layer = torch.nn.TransformerEncoderLayer(4, 2, 8, batch_first=True)
    return {
        'lstm': Last(),
        'transformer': torch.nn.TransformerEncoder(layer, 2),
        'quantized': torch.ao.quantization.quantize_dynamic(quantized, {torch.nn.Linear}),
        'much': Many(),
        'quantized lstm': torch.ao.quantization.quantize_dynamic(Last(), {torch.nn.LSTM}),
    }


@pytest.mark.parametrize('word', ['lstm', 'transformer', 'quantized', 'quantized lstm', 'much'])
def test_a_model_that_only_computes_comes_through(tmp_path: Path, word: str) -> None:
    (tmp_path / 'theirs').mkdir()
    torch.jit.script(models()[word].eval()).save(str(tmp_path / 'theirs/net.pt'))
    shape = ('batch', 5, 4) if word == 'transformer' else ('batch', 4)

    contract = take(tmp_path / 'theirs', tmp_path / 'out', shape)

    assert contract.inputs[0].shape == shape
    assert (tmp_path / 'out/model.pt').is_file()


def test_state_that_a_class_restores_by_itself_comes_through(tmp_path: Path) -> None:
    records = scripted(tmp_path / 'honest.pt')
    harmless = SAVED.replace('STATEMENT', '_0 = torch.zeros([3])').removeprefix('\n')
    records |= {'code/__torch__.py': records['code/__torch__.py'] + harmless.encode(), 'data.pkl': STATE}

    take(archive(tmp_path / 'theirs/net.pt', records).parent, tmp_path / 'out')

    assert not torch.jit.load(str(tmp_path / 'out/model.pt')).training
