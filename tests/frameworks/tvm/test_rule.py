"""The schedule rule: right for every shape, and fast where it claims to be."""

from __future__ import annotations

import pytest

pytestmark = pytest.mark.tvm
pytest.importorskip('tvm')
torch = pytest.importorskip('torch')

from stages.frameworks.tvm.schedule.rule.constants import TABLE, constants_for  # noqa: E402
from stages.frameworks.tvm.schedule.rule.tile import lanes, tile, vectors  # noqa: E402
from stages.frameworks.tvm.target import TARGETS, target_for  # noqa: E402
from tests.frameworks.tvm.torch_nets import difference, run_time  # noqa: E402

CONVOLUTIONS = {
    '3x3': ((8, 16, 3), {'padding': 1}, (1, 8, 14, 14)),
    'one channel in': ((1, 32, 5), {'padding': 2}, (1, 1, 20, 13)),
    'one channel out': ((32, 1, 3), {}, (1, 32, 9, 9)),
    'three out': ((16, 3, 1), {}, (1, 16, 7, 5)),
    'five in, seven out': ((5, 7, 3), {'stride': 2}, (2, 5, 17, 17)),
    'seventeen': ((17, 17, 1), {}, (1, 17, 17, 17)),
    'prime everywhere': ((13, 257, 3), {'padding': 1}, (1, 13, 11, 19)),
    'strided 1x1': ((24, 40, 1), {'stride': 2}, (1, 24, 15, 15)),
    '1x1 across lines': ((32, 48, 1), {}, (1, 32, 9, 11)),
    '1x1 with a rest of rows': ((16, 32, 1), {}, (2, 16, 13, 13)),
    'dilated': ((8, 24, 3), {'dilation': 2, 'padding': 2}, (1, 8, 12, 12)),
    'depthwise': ((96, 96, 3), {'groups': 96, 'padding': 1}, (1, 96, 14, 14)),
    'depthwise of a prime': ((17, 17, 5), {'groups': 17, 'stride': 2, 'padding': 2}, (1, 17, 15, 15)),
    'depthwise with two each': ((12, 24, 3), {'groups': 12}, (1, 12, 9, 9)),
    'grouped': ((64, 64, 3), {'groups': 2, 'padding': 1}, (1, 64, 8, 8)),
    'batch of three': ((16, 32, 3), {'padding': 1}, (3, 16, 10, 10)),
}


@pytest.mark.parametrize('case', CONVOLUTIONS)
def test_a_convolution_gives_what_torch_gives(case):
    sizes, options, shape = CONVOLUTIONS[case]
    net = torch.nn.Sequential(torch.nn.Conv2d(*sizes, **options), torch.nn.ReLU6())

    assert difference(net, torch.randn(shape)) < 1e-4


@pytest.mark.parametrize('target', [name for name in TABLE if name != 'aarch64'])
def test_every_instruction_set_of_this_machine_gives_the_same(target):
    if not set(TARGETS[target].needs) <= set(target_for('native').needs):
        pytest.skip(f'this CPU has no {target}')
    net = torch.nn.Sequential(torch.nn.Conv2d(3, 40, 3, 2, 1), torch.nn.Tanh(), torch.nn.Conv2d(40, 23, 1))

    assert difference(net, torch.randn(1, 3, 31, 31), target) < 1e-4


@pytest.mark.parametrize(
    ('rows', 'depth', 'columns'), [(1, 64, 1000), (128, 32, 128), (197, 48, 17), (5, 7, 3), (1, 9, 1)]
)
def test_a_matrix_product_gives_what_torch_gives(rows, depth, columns):
    assert difference(torch.nn.Linear(depth, columns), torch.randn(rows, depth)) < 1e-4


def test_a_vector_times_a_matrix_gives_what_torch_gives():
    class Vector(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.weights = torch.nn.Parameter(torch.randn(31, 50))

        def forward(self, x):
            return x @ self.weights

    assert difference(Vector(), torch.randn(31)) < 1e-4


@pytest.mark.parametrize('length', [16, 77, 128, 197])
def test_attention_gives_what_torch_gives(length):
    class Attention(torch.nn.Module):
        def forward(self, x):
            scores = torch.softmax(x @ x.transpose(-1, -2) / 8, -1)
            return torch.nn.functional.layer_norm(scores @ x, (24,))

    assert difference(Attention(), torch.randn(2, 3, length, 24)) < 1e-4


@pytest.mark.parametrize(
    ('net', 'shape'),
    [
        (torch.nn.Conv1d(12, 40, 3, 2, 1), (1, 12, 101)),
        (torch.nn.ConvTranspose2d(6, 10, 3, 2, 1), (1, 6, 9, 9)),
        (torch.nn.MaxPool2d(3, 2, 1), (1, 17, 13, 13)),
        (torch.nn.AvgPool2d(2), (1, 32, 12, 12)),
        (torch.nn.AdaptiveAvgPool2d(1), (1, 19, 7, 7)),
        (torch.nn.Sequential(torch.nn.Conv2d(4, 12, 3), torch.nn.PixelShuffle(2)), (1, 4, 9, 9)),
        (torch.nn.Sequential(torch.nn.Conv2d(4, 20, 3), torch.nn.GELU(), torch.nn.SiLU()), (1, 4, 9, 9)),
        (torch.nn.Softmax(1), (2, 37, 3)),
    ],
    ids=str,
)
def test_other_layers_give_what_torch_gives(net, shape):
    assert difference(net, torch.randn(shape)) < 1e-4


def test_a_residual_block_gives_what_torch_gives():
    class Block(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.conv = torch.nn.Conv2d(24, 24, 3, padding=1)

        def forward(self, x):
            return torch.relu(self.conv(torch.relu(self.conv(x))) + x)

    assert difference(Block(), torch.randn(1, 24, 17, 17)) < 1e-4


def test_a_residual_that_is_widened_gives_what_torch_gives():
    class Widened(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.wider = torch.nn.Conv2d(24, 28, 1)

        def forward(self, x):
            return torch.relu(self.wider(x) + torch.cat([x, torch.zeros(1, 4, 33, 31)], 1))

    assert difference(Widened(), torch.randn(1, 24, 33, 31)) < 1e-4


@pytest.mark.parametrize('filters', [32, 48, 80])
def test_a_part_of_a_convolution_gives_what_torch_gives_and_nothing_beside_it(filters):
    class Part(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.conv = torch.nn.Conv2d(40, filters, 1)

        def forward(self, x):
            return torch.relu(self.conv(x)[:, :21] + 1)

    assert difference(Part(), torch.randn(1, 40, 33, 31)) < 1e-4


def test_the_rule_is_many_times_faster_than_what_tvm_leaves():
    net, x = torch.nn.Conv2d(64, 64, 3, padding=1), torch.randn(1, 64, 28, 28)

    assert run_time(net, x, scheduled=True) * 10 < run_time(net, x, scheduled=False)


@pytest.mark.parametrize('name', TABLE)
@pytest.mark.parametrize(('rows', 'columns', 'depth'), [(196, 112, 672), (1, 1000, 512), (7, 17, 9), (49, 512, 4608)])
def test_a_tile_fits_the_registers(name, rows, columns, depth):
    constants = constants_for(TARGETS[name])

    size = tile(rows, columns, depth, constants)

    assert size.rows * vectors(size.columns, constants) <= constants.accumulators
    assert size.columns % lanes(size.columns, constants) == 0
