"""MiniLM: a sentence in, a point in 384 dimensions out; sentences that mean the same lie near each other.

A BERT encoder of six layers, written from the papers (Devlin et al., 2019; Wang et al., 2020; Reimers and Gurevych,
2019); attribute names are those of the published weights. Inputs: ``input_ids``, ``attention_mask`` and
``token_type_ids``, all int64 [n, length]. Returns ``embedding`` [n, 384], the mean over the tokens of the mask.

Attention is spelled out, not ``scaled_dot_product_attention``: in this form ONNX Runtime recognises and fuses it.
"""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import nn

WIDTH, HEADS, LAYERS, INNER, WORDS, LENGTH = 384, 12, 6, 1536, 30522, 512

# Not infinity: a row whose mask is empty would turn into NaN, and f16 ends at 65504.
_MASKED = -10000.0


def _norm() -> nn.LayerNorm:
    return nn.LayerNorm(WIDTH, eps=1e-12)


class _Embeddings(nn.Module):
    """Word, place and segment, added."""

    def __init__(self) -> None:
        super().__init__()
        self.word_embeddings = nn.Embedding(WORDS, WIDTH, padding_idx=0)
        self.position_embeddings = nn.Embedding(LENGTH, WIDTH)
        self.token_type_embeddings = nn.Embedding(2, WIDTH)
        self.LayerNorm = _norm()
        self.register_buffer('position_ids', torch.arange(LENGTH).expand(1, -1).clone())

    def forward(self, words: torch.Tensor, segments: torch.Tensor) -> torch.Tensor:
        places = self.position_embeddings(self.position_ids[:, : words.shape[1]])
        return self.LayerNorm(self.word_embeddings(words) + self.token_type_embeddings(segments) + places)


class _SelfAttention(nn.Module):
    """Every token looks at every token of the mask, in twelve ways at once."""

    def __init__(self) -> None:
        super().__init__()
        self.query, self.key, self.value = (nn.Linear(WIDTH, WIDTH) for _ in range(3))

    def forward(self, x: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        query, key, value = self._split(self.query(x)), self._split(self.key(x)), self._split(self.value(x))
        scores = torch.matmul(query, key.transpose(-1, -2)) / math.sqrt(WIDTH // HEADS) + mask
        mixed = torch.matmul(torch.softmax(scores, -1), value).permute(0, 2, 1, 3).contiguous()
        return mixed.view(mixed.shape[0], mixed.shape[1], WIDTH)

    @staticmethod
    def _split(x: torch.Tensor) -> torch.Tensor:
        return x.view(x.shape[0], x.shape[1], HEADS, WIDTH // HEADS).permute(0, 2, 1, 3)


class _Output(nn.Module):
    """Back to the model's width; add what came in."""

    def __init__(self, before: int) -> None:
        super().__init__()
        self.dense = nn.Linear(before, WIDTH)
        self.LayerNorm = _norm()

    def forward(self, x: torch.Tensor, came_in: torch.Tensor) -> torch.Tensor:
        return self.LayerNorm(self.dense(x) + came_in)


class _Dense(nn.Module):
    """One dense layer, under the name that the weights have."""

    def __init__(self, after: int) -> None:
        super().__init__()
        self.dense = nn.Linear(WIDTH, after)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.dense(x)


class _Attention(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.self = _SelfAttention()
        self.output = _Output(WIDTH)

    def forward(self, x: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        return self.output(self.self(x, mask), x)


class _Layer(nn.Module):
    """Attention, then each token by itself."""

    def __init__(self) -> None:
        super().__init__()
        self.attention = _Attention()
        self.intermediate = _Dense(INNER)
        self.output = _Output(INNER)

    def forward(self, x: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        x = self.attention(x, mask)
        return self.output(F.gelu(self.intermediate(x)), x)


class _Encoder(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.ModuleList(_Layer() for _ in range(LAYERS))

    def forward(self, x: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        for layer in self.layer:
            x = layer(x, mask)
        return x


class MiniLM(nn.Module):
    """The encoder, and the mean over the tokens of the mask."""

    def __init__(self) -> None:
        super().__init__()
        self.embeddings = _Embeddings()
        self.encoder = _Encoder()
        self.pooler = _Dense(WIDTH)  # stands in the weights, and takes no part in sentence embeddings

    def forward(
        self, input_ids: torch.Tensor, attention_mask: torch.Tensor, token_type_ids: torch.Tensor
    ) -> torch.Tensor:
        mask = (1.0 - attention_mask[:, None, None, :].to(torch.float32)) * _MASKED
        tokens = self.encoder(self.embeddings(input_ids, token_type_ids), mask)
        kept = attention_mask[:, :, None].to(torch.float32)
        return (tokens * kept).sum(1) / kept.sum(1).clamp(min=1e-9)


def build() -> nn.Module:
    """Return the net without its weights."""
    return MiniLM().eval()
