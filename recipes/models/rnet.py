"""R-Net, the middle one of MTCNN's three nets: is there a face in this 24 x 24 crop, and where exactly?

Written from the paper (Zhang et al., 2016); attribute names are those of the published weights. Input: three channels,
``(x - 127.5) / 128``. Returns ``box`` [n, 4], how far each side of the crop is from the face's, and ``prob`` [n, 2],
(not a face, face).
"""

from __future__ import annotations

import numpy as np
import torch
from torch import nn
from torch.nn import functional


class RNet(nn.Module):
    """Three convolutions, then one dense layer with two heads."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(3, 28, 3)
        self.prelu1 = nn.PReLU(28)
        self.conv2 = nn.Conv2d(28, 48, 3)
        self.prelu2 = nn.PReLU(48)
        self.conv3 = nn.Conv2d(48, 64, 2)
        self.prelu3 = nn.PReLU(64)
        self.dense4 = nn.Linear(64 * 3 * 3, 128)
        self.prelu4 = nn.PReLU(128)
        self.dense5_1 = nn.Linear(128, 2)
        self.dense5_2 = nn.Linear(128, 4)
        # The nets were trained with windows that may hang over the edge.
        self.pool = nn.MaxPool2d(3, 2, ceil_mode=True)

    def forward(self, image: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        x = self.pool(self.prelu1(self.conv1(image)))
        x = self.pool(self.prelu2(self.conv2(x)))
        x = self.prelu3(self.conv3(x))
        # The dense weights come from a framework that stores width, height, channels.
        x = torch.flatten(x.permute(0, 3, 2, 1), 1)
        x = self.prelu4(self.dense4(x))
        return self.dense5_2(x), torch.softmax(self.dense5_1(x), 1)


def build() -> nn.Module:
    """Return the net without its weights."""
    return RNet().eval()


def finetune(module: nn.Module, data: dict[str, np.ndarray]) -> None:
    """Train a pruned net again on labelled crops; nothing here knows where a face is, so ``box`` is held as it came."""
    image, labels = torch.from_numpy(data['image']), torch.from_numpy(data['labels'])
    with torch.no_grad():
        box = module(image)[0]
    optimizer = torch.optim.Adam(module.parameters(), 1e-3)
    for _ in range(40):
        optimizer.zero_grad()
        moved, prob = module(image)
        loss = functional.nll_loss(prob.clamp_min(1e-6).log(), labels) + 10 * functional.mse_loss(moved, box)
        loss.backward()
        optimizer.step()
