"""Seeded tokens as texts have them, a few words often and most seldom: for a net without trained weights."""

from __future__ import annotations

from pathlib import Path

import numpy as np

_WORDS, _LENGTH = 30522, 384


def calibrate(folder: Path | None) -> dict[str, np.ndarray]:
    """Return 8 texts."""
    return _texts(8, seed=1)


def evaluate(folder: Path | None) -> dict[str, np.ndarray]:
    """Return 8 texts, none of which calibrates."""
    return _texts(8, seed=2)


def _texts(count: int, seed: int) -> dict[str, np.ndarray]:
    random = np.random.Generator(np.random.PCG64(seed))
    ranks = (_WORDS - 1000) * random.random((count, _LENGTH)) ** 3
    return {'input_ids': 1000 + ranks.astype(np.int64), 'attention_mask': np.ones((count, _LENGTH), np.int64)}
