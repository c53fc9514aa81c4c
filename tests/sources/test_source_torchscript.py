"""TorchScript from outside: code of a small language, without what reaches files."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from sources_helpers import job

from stages.contract.port import Tensor
from stages.errors import StepError, UnsupportedError
from stages.sources import torchscript as source

pytestmark = [pytest.mark.torch, pytest.mark.filterwarnings('ignore:.*deprecated')]
torch = pytest.importorskip('torch', reason='needs modelkiln[torch]: pip install "modelkiln[torch]"')

IMAGE = (Tensor('image', ('batch', 4), 'float32'),)


def take(tmp_path: Path, model: Any, signature: tuple[Tensor, ...] = IMAGE) -> Path:
    folder = tmp_path / 'theirs'
    folder.mkdir()
    model.save(str(folder / 'net.pt')) if hasattr(model, 'save') else torch.save(model, folder / 'net.pt')
    done = job(tmp_path / 'out', signature, file=folder)
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


class Writer(torch.nn.Module):
    def forward(self, image: torch.Tensor) -> torch.Tensor:
        torch.save(image, 'written.pt')
        return image


def test_code_that_writes_files_is_refused_unread(tmp_path: Path) -> None:
    with pytest.raises(UnsupportedError, match='reaches files'):
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
        take(tmp_path, torch.jit.script(Net()), (*IMAGE, Tensor('mask', ('batch', 4), 'float32')))
