"""Indices out of range in a program that is compiled read the nearest place; the others read what they always did."""

from __future__ import annotations

import pytest

pytestmark = pytest.mark.torch
torch = pytest.importorskip('torch', reason='needs modelkiln[torch]: pip install "modelkiln[torch]"')


class Net(torch.nn.Module):
    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.table, self.places = torch.nn.Embedding(7, 5), torch.nn.Parameter(torch.randn(4, 6))

    def forward(self, word, place):
        several = self.places[word, word], self.places[:, word], self.places.index_select(0, word % 4)
        return self.table(word), torch.gather(self.places, 1, place), *several


RIGHT = torch.tensor([1, 3]), torch.tensor([[0, 1], [1, 3], [2, 0], [0, 3]])


@pytest.fixture(scope='module')
def program():
    from stages.frameworks.torch.bounded import bound

    with torch.no_grad():
        made = torch.export.export(Net().eval(), RIGHT)
    bound(made)
    made.graph_module.graph.lint()
    return made.module()


def test_what_is_in_range_is_answered_as_before(program):
    wanted = Net().eval()(*RIGHT)

    assert all(torch.equal(one, other) for one, other in zip(program(*RIGHT), wanted, strict=True))


def test_what_is_out_of_range_reads_the_nearest_place(program):
    net = Net().eval()
    rows, gathered, *_ = program(torch.tensor([99, -99]), torch.full((4, 2), 50))

    assert torch.equal(rows, net.table(torch.tensor([6, 0])))
    assert torch.equal(gathered, net.places[:, [5, 5]])


class Masked(torch.nn.Module):
    def forward(self, x, mask, place):
        return x[mask, place], torch.ops.aten.index_put(x, [mask, place], torch.tensor(0.0))


def test_an_index_behind_a_mask_points_along_the_axis_behind_the_masks_own():
    from stages.frameworks.torch.bounded import bound

    fed = torch.arange(300.0).reshape(2, 3, 50), torch.tensor([[0, 1, 0], [0, 0, 1]]) > 0, torch.tensor([40])
    made = torch.export.export(Masked().eval(), fed)
    bound(made)

    assert all(torch.equal(one, other) for one, other in zip(made.module()(*fed), Masked()(*fed), strict=True))
