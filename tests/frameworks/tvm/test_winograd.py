"""3x3 convolutions in tiles: the same results of fewer products, where that pays and nowhere else."""

from __future__ import annotations

import pytest

pytestmark = pytest.mark.tvm
tvm = pytest.importorskip('tvm')
torch = pytest.importorskip('torch')

from stages.frameworks.tvm import lower  # noqa: E402
from stages.frameworks.tvm.graph.winograd import FOUR, TWO, Shape, best  # noqa: E402
from stages.frameworks.tvm.target import TARGETS, target_for  # noqa: E402
from tests.frameworks.tvm.torch_nets import difference, imported, run_time  # noqa: E402

CONVOLUTIONS = {
    'whole tiles': ((32, 32, 3), {'padding': 1}, (1, 32, 28, 28)),
    'tiles over the edge': ((32, 48, 3), {'padding': 1}, (1, 32, 30, 27)),
    'no padding': ((16, 32, 3), {}, (1, 16, 23, 21)),
    'padding of two': ((16, 16, 3), {'padding': 2}, (1, 16, 20, 20)),
    'strips with a tile too many': ((16, 16, 3), {'padding': 1}, (1, 16, 9, 161)),
    'a batch of three': ((32, 32, 3), {'padding': 1}, (3, 32, 17, 17)),
    'channels of half a vector': ((24, 40, 3), {'padding': 1}, (1, 24, 19, 19)),
    'small image, many channels': ((192, 256, 3), {'padding': 1}, (1, 192, 14, 14)),
    'smaller image': ((64, 64, 3), {'padding': 1}, (1, 64, 7, 7)),
    'one line': ((32, 32, 3), {'padding': (1, 1)}, (1, 32, 1, 90)),
}

DIRECT = {
    'strided': ((32, 32, 3), {'stride': 2}, (1, 32, 28, 28)),
    'dilated': ((32, 32, 3), {'dilation': 2}, (1, 32, 28, 28)),
    'grouped': ((32, 32, 3), {'groups': 2}, (1, 32, 28, 28)),
    '5x5': ((32, 32, 5), {}, (1, 32, 28, 28)),
    'of three channels': ((3, 32, 3), {}, (1, 3, 28, 28)),
    'of an odd number of filters': ((32, 33, 3), {}, (1, 32, 28, 28)),
}


def convolution(case):
    sizes, options, shape = case
    return torch.nn.Sequential(torch.nn.Conv2d(*sizes, **options), torch.nn.ReLU()), torch.randn(shape)


def names(net, x, level=3):
    """Return the names of the model's kernels."""
    module = lower.kernels(imported(net, x), target_for('x86-64-v3'), level)
    return [variable.name_hint for variable in module.functions if variable.name_hint != 'main']


@pytest.mark.parametrize('case', CONVOLUTIONS)
def test_a_convolution_in_tiles_gives_what_torch_gives(case):
    net, x = convolution(CONVOLUTIONS[case])

    assert any('winograd' in name for name in names(net, x))
    assert difference(net, x) < 1e-4


@pytest.mark.parametrize('target', [name for name in TARGETS if name != 'aarch64'])
def test_every_instruction_set_of_this_machine_gives_the_same(target):
    if not set(TARGETS[target].needs) <= set(target_for('native').needs):
        pytest.skip(f'this CPU has no {target}')
    net, x = convolution(CONVOLUTIONS['tiles over the edge'])

    assert difference(net, x, target) < 1e-4


@pytest.mark.parametrize('case', DIRECT)
def test_another_convolution_stays_as_it_is(case):
    net, x = convolution(DIRECT[case])

    assert not any('winograd' in name for name in names(net, x))


def test_what_follows_is_part_of_the_kernel():
    class Block(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.first, self.second = (torch.nn.Conv2d(32, 32, 3, padding=1) for _ in range(2))

        def forward(self, x):
            return torch.tanh(self.second(torch.relu(self.first(x))) + x)

    x = torch.randn(1, 32, 21, 21)

    found = names(Block(), x)
    assert [sum(word in name for name in found) for word in ('winograd', 'add')] == [2, 2]
    assert difference(Block(), x) < 1e-4


def test_an_activation_of_two_branches_gives_what_torch_gives():
    net = torch.nn.Sequential(torch.nn.Conv2d(32, 32, 3, padding=1), torch.nn.SiLU())

    assert difference(net, torch.randn(1, 32, 21, 21)) < 1e-4


def test_below_level_three_nothing_is_done_in_tiles():
    net, x = convolution(CONVOLUTIONS['whole tiles'])

    assert not any('winograd' in name for name in names(net, x, level=2))


@pytest.mark.parametrize(('side', 'channels', 'way'), [
    (56, 64, FOUR), (28, 128, FOUR), (14, 256, TWO), (7, 512, None), (7, 64, FOUR), (224, 16, FOUR), (224, 8, None),
])  # fmt: skip
def test_large_images_have_large_tiles_and_heavy_weights_stay_as_they_are(side, channels, way):
    assert best(Shape(1, side, side, channels, channels, (1, 1, 1, 1))) == way


def test_tiles_are_faster():
    net, x = torch.nn.Conv2d(64, 64, 3, padding=1), torch.randn(1, 64, 56, 56)

    assert run_time(net, x, level=3) < run_time(net, x, level=2)
