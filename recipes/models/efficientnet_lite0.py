"""EfficientNet-Lite0: an ImageNet classifier without squeeze-and-excite, and with ReLU6, so that it quantizes well.

Written from the papers (Tan and Le, 2019; the Lite variant's notes, 2020); attribute names are those of the published
weights. Input: [n, 3, 224, 224] RGB, ``(x - 127) / 128``. Returns ``logits`` [n, 1000].
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import nn

# (blocks, kernel, stride of the first, expansion, channels), stage by stage.
_STAGES = (
    (1, 3, 1, 1, 16),
    (2, 3, 2, 6, 24),
    (2, 5, 2, 6, 40),
    (3, 3, 2, 6, 80),
    (3, 5, 1, 6, 112),
    (4, 5, 2, 6, 192),
    (1, 3, 1, 6, 320),
)


class _Same(nn.Conv2d):
    """A convolution padded like TensorFlow's SAME for even sizes: with a stride, the odd row goes below and right."""

    def __init__(self, before: int, after: int, kernel: int, stride: int = 1, groups: int = 1) -> None:
        super().__init__(before, after, kernel, stride, groups=groups, bias=False)
        self.low, self.high = (kernel - stride) // 2, (kernel - stride + 1) // 2

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        if self.high:
            x = F.pad(x, [self.low, self.high, self.low, self.high])
        return super().forward(x)


def _norm(channels: int) -> nn.BatchNorm2d:
    return nn.BatchNorm2d(channels, eps=1e-3, momentum=0.01)


class _Block(nn.Module):
    """Widen, filter each channel, narrow; add the input where the shapes allow."""

    def __init__(self, before: int, after: int, kernel: int, stride: int, expansion: int) -> None:
        super().__init__()
        wide = before * expansion
        self.widens = expansion > 1
        self.adds = stride == 1 and before == after
        if self.widens:
            self._expand_conv = _Same(before, wide, 1)
            self._bn0 = _norm(wide)
        self._depthwise_conv = _Same(wide, wide, kernel, stride, groups=wide)
        self._bn1 = _norm(wide)
        self._project_conv = _Same(wide, after, 1)
        self._bn2 = _norm(after)

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        x = image
        if self.widens:
            x = F.relu6(self._bn0(self._expand_conv(x)))
        x = F.relu6(self._bn1(self._depthwise_conv(x)))
        x = self._bn2(self._project_conv(x))
        return x + image if self.adds else x


class EfficientNetLite0(nn.Module):
    """A stem, sixteen blocks, a head."""

    def __init__(self) -> None:
        super().__init__()
        self._conv_stem = _Same(3, 32, 3, 2)
        self._bn0 = _norm(32)
        blocks, before = [], 32
        for count, kernel, stride, expansion, after in _STAGES:
            for i in range(count):
                blocks.append(_Block(before, after, kernel, 1 if i else stride, expansion))
                before = after
        self._blocks = nn.Sequential(*blocks)
        self._conv_head = _Same(before, 1280, 1)
        self._bn1 = _norm(1280)
        self._fc = nn.Linear(1280, 1000)

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        x = F.relu6(self._bn0(self._conv_stem(image)))
        x = self._blocks(x)
        x = F.relu6(self._bn1(self._conv_head(x)))
        return self._fc(torch.flatten(F.adaptive_avg_pool2d(x, 1), 1))


def build() -> nn.Module:
    """Return the net without its weights."""
    return EfficientNetLite0().eval()
