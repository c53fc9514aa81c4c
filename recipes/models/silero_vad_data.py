"""Frames of silence, noise and speech in one row, and how well a net tells them apart. No torch here.

The row is fed in order, since the net remembers: each frame is 512 samples with the 64 before them.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from models import speech

Arrays = dict[str, np.ndarray]

FRAME, CONTEXT = 512, 64
LOUD = 10 ** (-33 / 20)
"""Frames of clean speech above this level are voice beyond doubt; softer ones are breath, echo or pause."""

AFTER = 12
"""Frames at the start of a part without speech that do not count: the net still remembers the voice before."""


def evaluate(folder: Path) -> Arrays:
    """Return the row and what each frame holds: 1 voice, 0 none, -1 not counted."""
    voice = _whole(speech.read(folder / 'beckett.wav'))
    rest = 100 * FRAME
    parts = [
        (0.003 * speech.white(rest, 1), None),
        (voice, voice),
        (np.zeros(rest, np.float32), None),
        (speech.mixed(voice, speech.pink(len(voice), 2), 10), voice),
        (0.02 * speech.pink(rest, 3), None),
        (speech.mixed(voice, speech.white(len(voice), 4), 5), voice),
        (0.02 * speech.white(rest, 5), None),
    ]
    truth = [_voice(clean) if clean is not None else _none(len(sound) // FRAME) for sound, clean in parts]
    sound = np.concatenate([np.zeros(CONTEXT), *(sound for sound, _ in parts)]).astype(np.float32)
    frames = np.lib.stride_tricks.sliding_window_view(sound, CONTEXT + FRAME)[::FRAME]
    return {'input': frames, 'truth_voice': np.concatenate(truth)}


def area_under_curve(outputs: Arrays, data: Arrays) -> float:
    """Return how often a frame of voice gets more than one without (ties count half); 1 tells all apart."""
    scores, truth = outputs['speech'].ravel(), data['truth_voice']
    voice, none = scores[truth == 1], np.sort(scores[truth == 0])
    below = np.searchsorted(none, voice, 'left') + np.searchsorted(none, voice, 'right')
    return float(below.mean() / 2 / len(none))


def _whole(sound: np.ndarray) -> np.ndarray:
    return sound[: len(sound) // FRAME * FRAME]


def _voice(clean: np.ndarray) -> np.ndarray:
    level = np.sqrt((clean.reshape(-1, FRAME) ** 2).mean(1))
    return np.where(level > LOUD, 1, -1).astype(np.int64)


def _none(count: int) -> np.ndarray:
    return np.where(np.arange(count) < AFTER, -1, 0).astype(np.int64)
