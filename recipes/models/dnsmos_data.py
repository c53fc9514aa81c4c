"""One voice under more and more noise, and whether the score that a net gives it falls as it should. No torch here.

Evaluation: beckett.wav under white and pink noise at eight levels. Calibration: another speaker.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from models import speech

Arrays = dict[str, np.ndarray]

WINDOW = 144_160  # 9.01 s
LEVELS = (40, 30, 20, 15, 10, 5, 0, -5)


def calibrate(folder: Path) -> Arrays:
    """Return 16 pieces of two_cities.wav under noise of every level, one kind after the other."""
    voice = speech.read(folder / 'two_cities.wav')
    starts = np.linspace(0, len(voice) - WINDOW, 16).astype(int)
    pieces = [_noisy(voice[s : s + WINDOW], LEVELS[i % 8], i % 2, 100 + i) for i, s in enumerate(starts)]
    return {'sound': np.stack(pieces)}


def evaluate(folder: Path) -> Arrays:
    """Return two series of eight levels each, one for each kind of noise."""
    voice = speech.read(folder / 'beckett.wav')[:WINDOW]
    sounds = [_noisy(voice, level, kind, seed=kind) for kind in (0, 1) for level in LEVELS]
    return {'sound': np.stack(sounds), 'truth_level': np.array(LEVELS * 2, np.float32)}


def falls_with_the_noise(outputs: Arrays, data: Arrays) -> np.ndarray:
    """Return, for each series, how well the overall score ranks the levels (Spearman; 1: every step in order)."""
    overall = outputs['scores'][:, 2].reshape(-1, len(LEVELS))
    levels = data['truth_level'].reshape(overall.shape)
    pairs = zip(overall, levels, strict=True)
    return np.array([np.corrcoef(_ranks(score), _ranks(level))[0, 1] for score, level in pairs])


def _noisy(voice: np.ndarray, level: float, kind: int, seed: int) -> np.ndarray:
    return speech.mixed(voice, (speech.white, speech.pink)[kind](WINDOW, seed), level)


def _ranks(values: np.ndarray) -> np.ndarray:
    return np.argsort(np.argsort(values, kind='stable'), kind='stable').astype(np.float64)
