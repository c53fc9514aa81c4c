"""A tiny model of convolutions and one of recurrent cells, and how to run a kind on them."""

from __future__ import annotations

import dataclasses
import subprocess
import sys
import textwrap
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from stages.contract.job import Job
from stages.contract.port import Contract, Port, read_contract, write_contract

INSTALL = 'needs modelkiln[{0}]: pip install "modelkiln[{0}]"'

# residual, batch norm, pooling, flatten by view(0): what usually breaks exports
NET = """
import torch
from torch import nn
from models.blocks import Block

class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.stem = nn.Sequential(nn.Conv2d(3, 8, 3, 2, 1), nn.BatchNorm2d(8), nn.ReLU())
        self.body = nn.Sequential(Block(8), Block(8))
        self.pool = nn.AdaptiveAvgPool2d(1)
        self.head = nn.Linear(8, 5)

    def forward(self, image):
        return self.head(self.pool(self.body(self.stem(image))).flatten(1))

def build():
    return Net()
"""
BLOCKS = """
from torch import nn

class Block(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.one = nn.Conv2d(width, width, 3, 1, 1)
        self.norm = nn.BatchNorm2d(width)
        self.two = nn.Conv2d(width, width, 3, 1, 1)
        self.relu = nn.ReLU()

    def forward(self, x):
        return self.relu(x + self.two(self.relu(self.norm(self.one(x)))))
"""
LSTM = """
import torch
from torch import nn

class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.cells = nn.LSTM(8, 16, bidirectional=True, batch_first=True)
        self.head = nn.Linear(32, 4)

    def forward(self, sound):
        return self.head(self.cells(sound)[0])

def build():
    torch.manual_seed(1)
    return Net()
"""
CONV = """
from torch import nn

def build():
    return nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU(), nn.Conv2d(4, 4, 3))
"""


WORDS = """
import torch
from torch import nn

class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.table = nn.Embedding(10, 4)

    def forward(self, words):
        return self.table(words) * 2

def build():
    torch.manual_seed(1)
    return Net()
"""


@dataclasses.dataclass(frozen=True)
class Model:
    """A folder in some format, with what a recipe would say about it."""

    folder: Path
    signature: tuple[Port, ...]
    outputs: tuple[str, ...]
    format: str = 'torch'
    contract: Contract | None = None
    """What the step that left it read from it; None: nothing has, as yet."""

    @property
    def told(self) -> Contract:
        """Return its contract; a module of torch is read as its source does."""
        if self.contract is not None:
            return self.contract
        declared = Contract(self.signature, tuple(Port(name, (), '') for name in self.outputs))
        if self.format != 'torch':
            return declared
        from stages.frameworks.torch import module as torch_module
        from stages.frameworks.torch.described import described

        return described('net', torch_module.load(self.folder), declared)


IMAGE = (Port('image', ('batch', 3, 16, 16), 'float32'),)
SOUND = (Port('sound', ('batch', 'time', 8), 'float32'),)


def _folder(root: Path, files: Mapping[str, str], state: bool) -> Path:
    pytest.importorskip('torch', reason=INSTALL.format('torch'))
    from stages.frameworks.torch import module as torch_module

    for name, text in files.items():
        path = root / 'from' / 'models' / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    torch_module.save_float(root / 'model', root / 'from', 'models/net.py', 'build', None)
    if state:
        made = torch_module.load(root / 'model').state_dict()
        torch_module.save_float(root / 'model', root / 'from', 'models/net.py', 'build', made)
    return root / 'model'


@pytest.fixture(scope='session')
def conv_net(tmp_path_factory: pytest.TempPathFactory) -> Model:
    """A residual net with stored weights."""
    root = tmp_path_factory.mktemp('conv')
    return Model(_folder(root, {'net.py': NET, 'blocks.py': BLOCKS}, state=True), IMAGE, ('logits',))


@pytest.fixture(scope='session')
def lstm_net(tmp_path_factory: pytest.TempPathFactory) -> Model:
    """A recurrent net that seeds its own weights."""
    return Model(_folder(tmp_path_factory.mktemp('lstm'), {'net.py': LSTM}, state=False), SOUND, ('tokens',))


@pytest.fixture(scope='session')
def bare_conv_net(tmp_path_factory: pytest.TempPathFactory) -> Model:
    """Nothing but convolutions."""
    return Model(_folder(tmp_path_factory.mktemp('bare'), {'net.py': CONV}, state=False), IMAGE, ('map',))


@pytest.fixture(scope='session')
def word_net(tmp_path_factory: pytest.TempPathFactory) -> Model:
    """An embedding table, whose output the recipe calls what torch's exporter calls the look-up."""
    words = (Port('words', ('batch', 5), 'int64'),)
    return Model(_folder(tmp_path_factory.mktemp('words'), {'net.py': WORDS}, state=False), words, ('embedding',))


@pytest.fixture(scope='session')
def calibrate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Sixteen images, with labels that are no input."""
    np = pytest.importorskip('numpy')
    path = tmp_path_factory.mktemp('data') / 'calibrate.npz'
    rng = np.random.default_rng(3)
    images = rng.standard_normal((16, 3, 16, 16)).astype('float32')
    np.savez(path, image=images, labels=np.arange(16))
    return path


def nothing(fraction: float, words: str) -> None:
    """Hear of progress."""


def job_of(model: Model, out: Path, calibrate: Path | None = None) -> Job:
    """Return the job that a worker would make."""
    inputs = {'model': model.folder} | ({'calibrate': calibrate} if calibrate else {})
    return Job(inputs, out, model.told, nothing)


def run_source(
    format: str,
    out: Path,
    signature: tuple[Port, ...] = (),
    outputs: tuple[str, ...] = (),
    params: Any = None,
    sizes: Mapping[str, int] | None = None,
    **inputs: Path,
) -> Model:
    """Run a source in this process on ``inputs`` (roles to folders); return what it left."""
    from stages.sources import SOURCES

    module = SOURCES[format]
    out.mkdir(parents=True)
    declared = Contract(signature, tuple(Port(name, (), '') for name in outputs), sizes=sizes or {})
    made = module.run(module.Params() if params is None else params, Job(inputs, out, declared, nothing))
    write_contract(made, out)
    return Model(out, made.inputs, tuple(port.name for port in made.outputs), format, read_contract(out))


def torch_source(
    root: Path,
    code: str,
    signature: tuple[Port, ...],
    outputs: tuple[str, ...] = (),
    sizes: Mapping[str, int] | None = None,
) -> Model:
    """Take a module from outside, as a recipe that names its Python would."""
    from stages.sources.torch import Params

    (root / 'recipes/models').mkdir(parents=True)
    (root / 'recipes/models/net.py').write_text('import torch\nfrom torch import nn\n' + textwrap.dedent(code))
    params = Params('models/net.py', 'build')
    return run_source('torch', root / 'source', signature, outputs, params, sizes, python=root / 'recipes')


def run_kind(kind: str, model: Model, out: Path, calibrate: Path | None = None, **params: Any) -> Model:
    """Run a kind in this process; return what it left, with its contract beside it as the worker leaves it."""
    from stages.kinds import kind_for

    module = kind_for(kind, model.format)
    assert module is not None, f'{kind} takes no {model.format}'
    chosen = module.Params(**params)
    out.mkdir(parents=True)
    job = job_of(model, out, calibrate)
    made = module.run(chosen, job)
    assert sorted(p.name for p in out.iterdir()) == sorted(module.outputs(chosen))
    if made is None:  # a kind that is not converted yet
        return dataclasses.replace(model, folder=out, format=module.GIVES)
    write_contract(dataclasses.replace(made, precision=module.precision(chosen, job.contract.precision)), out)
    names = tuple(port.name for port in made.outputs)
    return Model(out, made.inputs, names, module.GIVES, read_contract(out))


def answers(model: Model, feed: Mapping[str, Any], engine: str = '', **options: Any) -> dict[str, Any]:
    """Return what a model answers in the engine of its format, or in ``engine``."""
    from stages.engines import ENGINES, engine_for

    runner = ENGINES[engine] if engine else engine_for(model.format)
    assert runner is not None
    return runner.load(model.folder, model.told, runner.Options(**options), 1).run(feed)


@pytest.fixture
def chain(tmp_path: Path, calibrate: Path) -> Callable[..., Model]:
    """Run several kinds, each on what the one before left: ``chain(model, ('onnx', {}), …)``."""

    def run(model: Model, *stages: tuple[str, dict[str, Any]]) -> Model:
        for number, (kind, params) in enumerate(stages):
            model = run_kind(kind, model, tmp_path / f'{number}-{kind}', calibrate, **params)
        return model

    return run


@pytest.fixture
def same_twice(tmp_path: Path, calibrate: Path) -> Callable[..., None]:
    """Run a kind in two fresh processes, in different folders, hash seed 0 as in a worker; the bytes must be equal."""

    def check(kind: str, model: Model, **params: Any) -> None:
        code = textwrap.dedent(f"""
            import sys
            from pathlib import Path
            from tests.kinds.conftest import Model, run_kind
            from stages.contract.port import Contract, Port, Quantization
            folder, out, data = map(Path, sys.argv[1:])
            model = Model(folder, {model.signature!r}, {model.outputs!r}, {model.format!r}, {model.contract!r})
            run_kind({kind!r}, model, out, data, **{params!r})
        """)
        import shutil

        found = []
        for place in ('one', 'another/place'):
            folder = tmp_path / place / 'model'
            shutil.copytree(model.folder, folder)
            out = tmp_path / place / 'out'
            done = subprocess.run(
                [sys.executable, '-c', code, str(folder), str(out), str(calibrate)],
                cwd=Path(__file__).parents[2],
                capture_output=True,
                text=True,
                check=False,
                env={'PYTHONPATH': str(Path(__file__).parents[2]), 'PYTHONHASHSEED': '0', 'PATH': ''},
            )
            assert done.returncode == 0, done.stderr[-2000:]
            found.append({p.relative_to(out): p.read_bytes() for p in sorted(out.rglob('*')) if p.is_file()})
        assert found[0].keys() == found[1].keys()
        assert [str(n) for n in found[0] if found[0][n] != found[1][n]] == []

    return check


@pytest.fixture
def error_of() -> Callable[..., float]:
    """Return the L2 distance of a model's outputs from the source module's, relative to the latter."""

    def measure(source: Model, made: Model, engine: str, sizes: Mapping[str, int], **options: Any) -> float:
        import numpy as np
        import torch

        from stages.frameworks.torch import examples
        from stages.frameworks.torch import module as torch_module

        feed = examples.arrays(source.told, sizes)
        got = list(answers(made, feed, engine, **options).values())
        with torch.no_grad():
            result = torch_module.load(source.folder)(*(torch.from_numpy(a) for a in feed.values()))
        wanted = [r.numpy() for r in (result if isinstance(result, tuple) else (result,))]
        assert [g.shape for g in got] == [w.shape for w in wanted]
        error = max(float(np.linalg.norm(g - w) / np.linalg.norm(w)) for g, w in zip(got, wanted, strict=True))
        print(f'{engine}: relative error {error:.2e}')
        return error

    return measure
