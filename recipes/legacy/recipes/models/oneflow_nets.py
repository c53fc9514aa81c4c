"""Nets of OneFlow with seeded weights."""

import oneflow
from oneflow import nn


class Residual(nn.Module):
    """A small classifier of pictures, with what its exporter knows."""

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Conv2d(3, 16, 3, stride=2, padding=1, bias=False)
        self.norm = nn.BatchNorm2d(16)
        self.each = nn.Conv2d(16, 16, 3, padding=1, groups=16)
        self.mix = nn.Conv2d(16, 16, 1)
        self.pool = nn.MaxPool2d(2)
        self.last = nn.Linear(16 * 8 * 8, 10)

    def forward(self, image: oneflow.Tensor) -> oneflow.Tensor:
        """Return probabilities of ten classes."""
        x = oneflow.relu(self.norm(self.first(image)))
        x = x + oneflow.sigmoid(self.mix(self.each(x)))
        return oneflow.softmax(self.last(oneflow.flatten(self.pool(x), 1)), dim=1)


def residual() -> nn.Module:
    """Build it."""
    oneflow.manual_seed(13)
    return Residual()
