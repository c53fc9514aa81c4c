"""Programs of torch.export that name operators which reach outside, or inputs that nobody can hold."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from stages.contract.job import Job
from stages.contract.port import Contract
from stages.errors import StepError
from stages.sources import exported as source

pytestmark = [pytest.mark.torch, pytest.mark.filterwarnings('ignore')]
torch = pytest.importorskip('torch', reason='needs modelkiln[torch]: pip install "modelkiln[torch]"')

GRAPH = 'models/model.json'


def exported(folder: Path, module: Any, *example: Any) -> Path:
    folder.mkdir()
    torch.export.save(torch.export.export(module.eval(), example), folder / 'net.pt2')
    return folder


def changed(theirs: Path, change: Callable[[Any], None]) -> Path:
    """Change the graph as data, as no exporter would."""
    path = theirs / 'net.pt2'
    with zipfile.ZipFile(path) as archive:
        records = {name: archive.read(name) for name in archive.namelist()}
    [name] = [name for name in records if name.endswith(GRAPH)]
    graph = json.loads(records[name])
    change(graph)
    with zipfile.ZipFile(path, 'w') as archive:
        for each, content in (records | {name: json.dumps(graph).encode()}).items():
            archive.writestr(each, content)
    return theirs


def take(theirs: Path, out: Path) -> Contract:
    out.mkdir()
    return source.run(source.Params(), Job({'file': theirs}, out, Contract(()), lambda fraction, words: None))


@pytest.mark.parametrize(
    'operator',
    [
        'torch.ops.aten.save.default',
        'torch.ops.aten.save',
        'torch.ops.aten.from_file.default',
        'torch.ops.aten.set_.source_Storage',
        'torch.ops.aten.record_stream.default',
        'torch.ops.aten.to_here.default',
        'torch.ops.aten._print.default',
        'torch.ops.aten.made_up.default',
        'torch.ops.c10d.send.default',
        'torch.ops.debugprims.load_tensor.default',
        'torch.ops.inductor.resize_storage_bytes_.default',
    ],
)
def test_an_operator_that_reaches_outside_is_refused_by_its_name(tmp_path: Path, operator: str) -> None:
    def call(graph: Any) -> None:
        graph['graph_module']['graph']['nodes'][0]['target'] = operator

    theirs = changed(exported(tmp_path / 'theirs', torch.nn.Linear(4, 3), torch.zeros(2, 4)), call)

    with pytest.raises(StepError, match=rf'the operator .{operator}(.|\n)*what to try'):
        take(theirs, tmp_path / 'out')

    assert list((tmp_path / 'out').iterdir()) == []


def test_an_input_that_nobody_can_hold_is_refused(tmp_path: Path) -> None:
    def grow(graph: Any) -> None:
        values = graph['graph_module']['graph']['tensor_values']
        values['input']['sizes'] = [{'as_int': 1_000_000}, {'as_int': 1_000_000}]

    theirs = changed(exported(tmp_path / 'theirs', torch.nn.Linear(4, 3), torch.zeros(2, 4)), grow)

    with pytest.raises(StepError, match='an input of 1,000,000,000,000 numbers'):
        take(theirs, tmp_path / 'out')


class Choice(torch.nn.Module):
    def forward(self, image: torch.Tensor) -> torch.Tensor:
        image = torch.cond(image.sum() > 0, lambda x: x * 2, lambda x: x.sin(), (image,))
        return torch.nn.functional.gelu(image, approximate='tanh') + torch.einsum('ij,kj->ik', image, image).mean()


class Last(torch.nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.lstm = torch.nn.LSTM(4, 3, bidirectional=True)

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        return self.lstm(image)[0]


def models() -> dict[str, Any]:
    layer = torch.nn.TransformerEncoderLayer(4, 2, 8, batch_first=True)
    image = torch.nn.Sequential(
        torch.nn.Conv2d(1, 2, 3, padding='same'), torch.nn.BatchNorm2d(2), torch.nn.Upsample(scale_factor=2),
        torch.nn.AdaptiveAvgPool2d(2), torch.nn.Flatten(),
    )  # fmt: skip
    return {
        'choice': (Choice(), torch.ones(2, 4)),
        'lstm': (Last(), torch.zeros(2, 4)),
        'transformer': (torch.nn.TransformerEncoder(layer, 1), torch.zeros(1, 3, 4)),
        'image': (image, torch.zeros(1, 1, 8, 8)),
    }


@pytest.mark.parametrize('word', ['choice', 'lstm', 'transformer', 'image'])
def test_a_program_that_only_computes_comes_through(tmp_path: Path, word: str) -> None:
    contract = take(exported(tmp_path / 'theirs', *models()[word]), tmp_path / 'out')

    assert len(contract.outputs) == 1
