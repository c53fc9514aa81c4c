"""BERT-base with seeded weights: twelve layers of width 768. Speed, size and memory do not depend on the weights.

Written from the paper (Devlin et al., 2019). Inputs: ``input_ids`` and ``attention_mask``, int64 [n, length]. Returns
``hidden`` [n, length, 768]. Attention is spelled out: in this form ONNX Runtime recognises and fuses it.
"""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import nn

WIDTH, HEADS, LAYERS, INNER, WORDS, LENGTH = 768, 12, 12, 3072, 30522, 512

# Not infinity: a row whose mask is empty would turn into NaN, and f16 ends at 65504.
_MASKED = -10000.0
_SEED = 12


class _Layer(nn.Module):
    """Every token looks at every token of the mask in twelve ways at once; then each token by itself."""

    def __init__(self) -> None:
        super().__init__()
        self.query, self.key, self.value, self.mixed = (nn.Linear(WIDTH, WIDTH) for _ in range(4))
        self.inner, self.outer = nn.Linear(WIDTH, INNER), nn.Linear(INNER, WIDTH)
        self.first, self.second = nn.LayerNorm(WIDTH, eps=1e-12), nn.LayerNorm(WIDTH, eps=1e-12)

    def forward(self, x: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        query, key, value = self._split(self.query(x)), self._split(self.key(x)), self._split(self.value(x))
        scores = torch.matmul(query, key.transpose(-1, -2)) / math.sqrt(WIDTH // HEADS) + mask
        seen = torch.matmul(torch.softmax(scores, -1), value).permute(0, 2, 1, 3).contiguous()
        x = self.first(x + self.mixed(seen.view(seen.shape[0], seen.shape[1], WIDTH)))
        return self.second(x + self.outer(F.gelu(self.inner(x))))

    @staticmethod
    def _split(x: torch.Tensor) -> torch.Tensor:
        return x.view(x.shape[0], x.shape[1], HEADS, WIDTH // HEADS).permute(0, 2, 1, 3)


class Bert(nn.Module):
    """Words and places, added; twelve layers."""

    def __init__(self) -> None:
        super().__init__()
        self.words, self.places = nn.Embedding(WORDS, WIDTH), nn.Embedding(LENGTH, WIDTH)
        self.norm = nn.LayerNorm(WIDTH, eps=1e-12)
        self.layers = nn.ModuleList(_Layer() for _ in range(LAYERS))
        self.register_buffer('order', torch.arange(LENGTH).expand(1, -1).clone())

    def forward(self, input_ids: torch.Tensor, attention_mask: torch.Tensor) -> torch.Tensor:
        mask = (1.0 - attention_mask[:, None, None, :].to(torch.float32)) * _MASKED
        x = self.norm(self.words(input_ids) + self.places(self.order[:, : input_ids.shape[1]]))
        for layer in self.layers:
            x = layer(x, mask)
        return x


def build() -> nn.Module:
    """Return the net with its weights, the same ones every time: the paper's scale, 0.02."""
    net = Bert()
    generator = torch.Generator().manual_seed(_SEED)
    with torch.no_grad():
        for name, weight in sorted(net.named_parameters()):
            if weight.dim() > 1:
                weight.normal_(0, 0.02, generator=generator)
            elif name.endswith('bias'):
                weight.normal_(0, 0.01, generator=generator)
    return net.eval()
