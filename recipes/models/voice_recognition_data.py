"""Seeded filter banks that change slowly, as speech does: for a net without trained weights."""

from __future__ import annotations

from pathlib import Path

import numpy as np

_STEPS, _BANKS = 400, 80


def calibrate(folder: Path | None) -> dict[str, np.ndarray]:
    """Return 16 utterances."""
    return {'sound': _sounds(16, seed=1)}


def evaluate(folder: Path | None) -> dict[str, np.ndarray]:
    """Return 16 utterances, none of which calibrates."""
    return {'sound': _sounds(16, seed=2)}


def letters(outputs: dict[str, np.ndarray], data: dict[str, np.ndarray]) -> float:
    """Return how sure the net is of its letters, on average: a figure that quantization must not move."""
    return float(np.mean(np.exp(np.asarray(outputs['letters'], np.float64)).max(-1)))


def _sounds(count: int, seed: int) -> np.ndarray:
    random = np.random.Generator(np.random.PCG64(seed))
    coarse = random.random((count, _STEPS // 10, _BANKS // 4), np.float32) - np.float32(0.5)
    slow = np.repeat(np.repeat(coarse, 10, 1), 4, 2)
    return (2 * slow + random.random((count, _STEPS, _BANKS), np.float32) - np.float32(0.5)).astype(np.float32)
