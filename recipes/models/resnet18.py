"""ResNet-18 with seeded weights: no trained ones may be passed on in a package.

Speed, size and memory do not depend on the weights; accuracy here means agreement with the baseline, not truth. The
normalisation layers carry statistics as training leaves them, so that folding and quantizing them is real work.
Input: [n, 3, 224, 224]. Returns ``logits`` [n, 1000]. Written from the paper (He et al., 2015).
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import nn

_SEED = 18


class _Block(nn.Module):
    """Two 3 x 3 convolutions around which the input passes."""

    def __init__(self, before: int, after: int, stride: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(before, after, 3, stride, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(after)
        self.conv2 = nn.Conv2d(after, after, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(after)
        self.shortcut: nn.Module = nn.Identity()
        if stride > 1 or before != after:
            self.shortcut = nn.Sequential(nn.Conv2d(before, after, 1, stride, bias=False), nn.BatchNorm2d(after))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y = F.relu(self.bn1(self.conv1(x)))
        return F.relu(self.bn2(self.conv2(y)) + self.shortcut(x))


class ResNet18(nn.Module):
    """A stem, four pairs of blocks, a classifier."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(3, 64, 7, 2, 3, bias=False)
        self.bn1 = nn.BatchNorm2d(64)
        blocks, before = [], 64
        for after, stride in ((64, 1), (128, 2), (256, 2), (512, 2)):
            blocks += [_Block(before, after, stride), _Block(after, after, 1)]
            before = after
        self.blocks = nn.Sequential(*blocks)
        self.fc = nn.Linear(512, 1000)

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        x = F.relu(self.bn1(self.conv1(image)))
        x = self.blocks(F.max_pool2d(x, 3, 2, 1))
        return self.fc(torch.flatten(F.adaptive_avg_pool2d(x, 1), 1))


def build() -> nn.Module:
    """Return the net with its weights, the same ones every time."""
    net = ResNet18()
    generator = torch.Generator().manual_seed(_SEED)
    with torch.no_grad():
        for name, tensor in sorted(net.state_dict().items()):
            _fill(name, tensor, generator)
    return net.eval()


def _fill(name: str, tensor: torch.Tensor, generator: torch.Generator) -> None:
    """Draw one tensor: filters at He's scale, normalisation with values near those of trained nets."""
    if name.endswith('num_batches_tracked'):
        tensor.fill_(1)
    elif tensor.dim() > 1:
        tensor.normal_(0, (2 / tensor[0].numel()) ** 0.5, generator=generator)
        # Each filter sums to nothing: what all images have in common would grow from layer to layer, and the net would
        # give one class to them all.
        tensor.sub_(tensor.flatten(1).mean(1).reshape(-1, *[1] * (tensor.dim() - 1)))
    elif name == 'fc.bias':
        tensor.zero_()
    elif name.endswith('bn2.weight'):
        tensor.uniform_(0.2, 0.6, generator=generator)
    elif name.endswith(('weight', 'running_var')):
        tensor.uniform_(0.5, 1.5, generator=generator)
    else:
        tensor.normal_(0, 0.05, generator=generator)
