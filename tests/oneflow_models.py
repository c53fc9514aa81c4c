"""Modules of OneFlow for tests: some that its exporter writes, and some that it, or we, refuse."""

import oneflow
from oneflow import nn


class Two(nn.Module):
    """Words and numbers in, two outputs."""

    def __init__(self):
        super().__init__()
        self.words, self.last = nn.Embedding(20, 8), nn.Linear(8, 3)

    def forward(self, ids, x):
        mean = self.words(ids).mean(dim=1)
        return {'scores': self.last(mean + x), 'bent': oneflow.tanh(mean)}


class Around(nn.Module):
    """Anything around a function."""

    def __init__(self, inner, *parts):
        super().__init__()
        self.inner, self.parts = inner, nn.ModuleList(parts)

    def forward(self, x):
        return self.inner(x, *self.parts)


def two():
    return Two()


def perceptron():
    return nn.Sequential(nn.Linear(6, 8), nn.LeakyReLU(0.1), nn.Linear(8, 4))


def pictures():
    return nn.Sequential(
        nn.Conv2d(3, 8, 3, 2, 1, bias=False), nn.BatchNorm2d(8), nn.ReLU6(), nn.Conv2d(8, 8, 3, padding=1, groups=8),
        nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(8, 5), nn.Softmax(1),
    )  # fmt: skip


def normal():
    return nn.LayerNorm(6)


def upwards():
    return nn.ConvTranspose2d(3, 4, 2, 2)


def baked():
    return Around(lambda x: x + oneflow.zeros(x.shape[0], 6))


def narrow():
    return nn.Linear(5, 2)


def number():
    return 3


def words():
    return Around(lambda x: (x, 'words'))
