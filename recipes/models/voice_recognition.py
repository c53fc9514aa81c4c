"""Voice recognition with seeded weights: two convolutions over time, three bidirectional LSTMs, a letter for each step.

Its shape is that of DeepSpeech 2 (Amodei et al., 2016), made small. Input: ``sound`` [n, 400, 80], four seconds of
filter banks. Returns ``letters`` [n, 100, 32], logarithms of probabilities.
"""

from __future__ import annotations

import torch
from torch import nn

_SEED = 44
_BANKS, _WIDTH, _LETTERS = 80, 256, 32


class VoiceRecognition(nn.Module):
    """Four steps become one; each step gets a letter."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1 = nn.Conv1d(_BANKS, _WIDTH, 5, 2, 2)
        self.conv2 = nn.Conv1d(_WIDTH, _WIDTH, 5, 2, 2)
        self.lstm = nn.LSTM(_WIDTH, _WIDTH, 3, batch_first=True, bidirectional=True)
        self.letters = nn.Linear(2 * _WIDTH, _LETTERS)

    def forward(self, sound: torch.Tensor) -> torch.Tensor:
        x = torch.relu(self.conv2(torch.relu(self.conv1(sound.transpose(1, 2)))))
        x, _ = self.lstm(x.transpose(1, 2))
        return torch.log_softmax(self.letters(x), -1)


def build() -> nn.Module:
    """Return the net with its weights, the same ones every time; large enough that the letters differ."""
    net = VoiceRecognition()
    generator = torch.Generator().manual_seed(_SEED)
    with torch.no_grad():
        for _, weight in sorted(net.named_parameters()):
            scale = (2 / weight[0].numel()) ** 0.5 if weight.dim() > 1 else 0.02
            weight.normal_(0, scale, generator=generator)
        net.letters.weight.mul_(4)
    return net.eval()
