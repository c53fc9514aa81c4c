"""An image of twice the size: four convolutions and a rearrangement of pixels, with weights made here, not trained.

What training would find in the first place is put in by hand: one channel carries the image through, and the last layer
blends its neighbours into four pixels each, as bilinear doubling does. All other weights are seeded noise, small enough
that the image comes out and large enough that quantizing them is real work. Speed, size and memory are those of any
such net. Input: [n, 1, height, width], around 0. Returns ``large`` [n, 1, 2 height, 2 width]. After Shi et al. (2016).
"""

from __future__ import annotations

import torch
from torch import nn

_SEED = 2
_QUIET = 0.5
"""The image's share of the range of tanh, in which it is nearly straight."""


class SuperResolution(nn.Module):
    """Convolutions at the small size; only the last step makes the image large."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(1, 64, 5, 1, 2)
        self.conv2 = nn.Conv2d(64, 64, 3, 1, 1)
        self.conv3 = nn.Conv2d(64, 32, 3, 1, 1)
        self.conv4 = nn.Conv2d(32, 4, 3, 1, 1)
        self.large = nn.PixelShuffle(2)

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        x = torch.tanh(self.conv1(image))
        x = torch.tanh(self.conv2(x))
        x = torch.tanh(self.conv3(x))
        return self.large(self.conv4(x))


def build() -> nn.Module:
    """Return the net with its weights, the same ones every time."""
    net = SuperResolution()
    generator = torch.Generator().manual_seed(_SEED)
    with torch.no_grad():
        for layer in (net.conv1, net.conv2, net.conv3, net.conv4):
            layer.weight.normal_(0, (1 / layer.weight[0].numel()) ** 0.5, generator=generator)
            layer.bias.normal_(0, 0.02, generator=generator)
        for layer, share in ((net.conv1, _QUIET), (net.conv2, 1.0), (net.conv3, 1.0)):
            layer.weight[0] = 0
            layer.bias[0] = 0
            layer.weight[0, 0, layer.kernel_size[0] // 2, layer.kernel_size[1] // 2] = share
        net.conv4.weight.mul_(0.02)
        net.conv4.bias.zero_()
        net.conv4.weight[:, 0] = _doubling() / _QUIET
    return net.eval()


def _doubling() -> torch.Tensor:
    """Return, for each of the four pixels that one becomes, how much of its neighbours it holds: [4, 3, 3]."""
    before, after = torch.tensor([0.25, 0.75, 0.0]), torch.tensor([0.0, 0.75, 0.25])
    return torch.stack([torch.outer(rows, columns) for rows in (before, after) for columns in (before, after)])
