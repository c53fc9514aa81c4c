"""TorchScript from outside: code of a small language, without what reaches files."""

from __future__ import annotations

import zipfile
from pathlib import Path
from typing import Any

import pytest

from stages.contract.port import Port
from stages.errors import StepError, UnsupportedError
from stages.sources import torchscript as source
from tests.sources.sources_helpers import job

pytestmark = [pytest.mark.torch, pytest.mark.filterwarnings('ignore:.*deprecated')]
torch = pytest.importorskip('torch', reason='needs modelkiln[torch]: pip install "modelkiln[torch]"')

IMAGE = (Port('image', ('batch', 4), 'float32'),)


def fetched(tmp_path: Path, model: Any) -> Path:
    folder = tmp_path / 'theirs'
    folder.mkdir()
    model.save(str(folder / 'net.pt')) if hasattr(model, 'save') else torch.save(model, folder / 'net.pt')
    return folder


def take(tmp_path: Path, model: Any, signature: tuple[Port, ...] = IMAGE) -> Path:
    done = job(tmp_path / 'out', signature, file=fetched(tmp_path, model))
    source.run(source.Params(), done)
    return done.output / 'model.pt'


class Net(torch.nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.linear, self.drop = torch.nn.Linear(4, 3), torch.nn.Dropout(0.5)

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        return self.drop(self.linear(image))


def test_a_model_arrives_in_eval_mode(tmp_path: Path) -> None:
    net, image = Net().train(), torch.randn(5, 4)

    made = torch.jit.load(str(take(tmp_path, torch.jit.script(net))))

    assert not made.training
    assert torch.allclose(made(image), net.eval()(image))


def test_a_frozen_model_has_no_mode_and_needs_none(tmp_path: Path) -> None:
    net, image = Net().eval(), torch.randn(5, 4)

    made = torch.jit.load(str(take(tmp_path, torch.jit.freeze(torch.jit.script(net)))))

    assert torch.allclose(made(image), net(image))


class Writer(torch.nn.Module):
    def forward(self, image: torch.Tensor) -> torch.Tensor:
        torch.save(image, 'written.pt')
        return image


def test_code_that_writes_files_is_refused_unread(tmp_path: Path) -> None:
    with pytest.raises(UnsupportedError, match=r'net.pt: code/.*.py, line 8: aten::save is none'):
        take(tmp_path, torch.jit.script(Writer()))


class Trap:
    marker = ''

    def __reduce__(self) -> Any:
        return (open, (self.marker, 'w'))


@pytest.mark.parametrize('legacy', [False, True])
def test_a_pickle_never_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, legacy: bool) -> None:
    monkeypatch.setattr(Trap, 'marker', str(tmp_path / 'marker'))
    (tmp_path / 'theirs').mkdir()
    torch.save({'weight': Trap()}, tmp_path / 'theirs/net.pt', _use_new_zipfile_serialization=not legacy)

    with pytest.raises(StepError, match=r'no TorchScript file(.|\n)*safetensors'):
        source.run(source.Params(), job(tmp_path / 'out', IMAGE, file=tmp_path / 'theirs'))

    assert not (tmp_path / 'marker').exists()


def test_another_number_of_inputs_than_the_recipes_is_said(tmp_path: Path) -> None:
    with pytest.raises(StepError, match='takes image; the recipe declares 2 inputs'):
        take(tmp_path, torch.jit.script(Net()), (*IMAGE, Port('mask', ('batch', 4), 'float32')))


class Mean(torch.nn.Module):
    def forward(self, marks: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        return marks.sum(1) / marks.sign().sum(1), torch.full([2], 3), torch.nn.functional.gelu(marks.float())


def of_version(file: Path, version: bytes) -> Path:
    """Let an archive say another version, as a torch of another time wrote it."""
    with zipfile.ZipFile(file) as archive:
        records = {name: archive.read(name) for name in archive.namelist()}
    with zipfile.ZipFile(file, 'w') as archive:
        for name, record in records.items():
            archive.writestr(name, version if name.endswith('/version') else record)
    return file


@pytest.mark.parametrize('training', [False, True])
@pytest.mark.parametrize(
    ('version', 'types'),
    [
        (b'1', ['int64', 'float32']),
        (b'3', ['int64', 'float32']),
        (b'4', ['float32', 'float32']),
        (b'5', ['float32', 'int64']),
    ],
)
def test_operators_mean_what_they_meant_when_the_file_was_written(
    tmp_path: Path, version: bytes, types: list[str], training: bool
) -> None:
    marks = torch.tensor([[1, 2, 4, 0], [3, 4, 0, 0]])
    theirs = fetched(tmp_path, torch.jit.script(Mean().train(training)))
    wanted = torch.jit.load(str(of_version(theirs / 'net.pt', version)))(marks)

    done = job(tmp_path / 'out', (Port('marks', ('batch', 4), 'int64'),), ('mean', 'three', 'bent'), file=theirs)
    contract = source.run(source.Params(), done)
    got = torch.jit.load(str(done.output / 'model.pt'))(marks)

    assert [port.dtype for port in contract.outputs][:2] == types
    assert all(torch.equal(g, w) and g.dtype == w.dtype for g, w in zip(got, wanted, strict=True))


class Nested(torch.nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.register_buffer('seen', torch.zeros(4))
        self.calls = 0

    def forward(
        self, gain: torch.Tensor, pair: dict[str, torch.Tensor], mask: torch.Tensor | None = None
    ) -> tuple[torch.Tensor, list[torch.Tensor]]:
        self.seen += pair['left'].sum(0)
        self.calls += 1
        return pair['left'] - gain * pair['right'], [self.seen * self.calls, gain]


def test_inputs_in_a_dict_outputs_in_a_list_and_state_that_starts_fresh(tmp_path: Path) -> None:
    from stages.engines import torchscript as engine

    scripted = torch.jit.script(Nested())
    ports = tuple(Port(name, ('batch', 4), 'float32') for name in ('pair.right', 'gain', 'pair.left'))
    done = job(tmp_path / 'out', ports, ('y', 'seen', 'same'), file=fetched(tmp_path, scripted))
    contract = source.run(source.Params(), done)
    right, gain, left = torch.randn(3, 5, 4)
    wanted = scripted(gain, {'left': left, 'right': right})

    feed = {'pair.right': right.numpy(), 'gain': gain.numpy(), 'pair.left': left.numpy()}
    session = engine.load(done.output, contract, engine.Options(), 1)
    first, second = session.run(feed), session.run(feed)

    assert contract.state == ('calls', 'seen')
    assert [port.in_file for port in contract.outputs] == ['0', '1.0', '1.1']
    for got in (first, second):
        assert all((got[n] == w.numpy()).all() for n, w in zip(got, (wanted[0], *wanted[1]), strict=True))


def records(file: Path) -> dict[str, bytes]:
    with zipfile.ZipFile(file) as archive:
        return {name.partition('/')[2]: archive.read(name) for name in archive.namelist()}


def test_the_reference_is_the_file_as_it_came(tmp_path: Path) -> None:
    theirs = fetched(tmp_path, torch.jit.script(Net()))
    done = job(tmp_path / 'out', IMAGE, file=theirs)
    contract = source.run(source.Params(), done)
    (tmp_path / 'original').mkdir()

    same = source.original({'file': theirs}, contract, tmp_path / 'original')

    assert same == contract
    assert records(tmp_path / 'original/model.pt') == records(theirs / 'net.pt')
