"""Seeded images that are smooth like photographs: for nets without trained weights. No torch here.

No labels: the recipe's metric ``agreement`` takes the baseline's own answers for the truth.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

Arrays = dict[str, np.ndarray]

_SIZE = 224


def calibrate(folder: Path | None) -> Arrays:
    """Return 32 images."""
    return {'image': _images(32, seed=1)}


def evaluate(folder: Path | None) -> Arrays:
    """Return 64 images, none of which calibrates."""
    return {'image': _images(64, seed=2)}


def _images(count: int, seed: int) -> np.ndarray:
    """Return fields whose energy falls with frequency as it does in photographs, each with its own contrast and hue.

    Built from coarse grids, doubled and blended, rather than by a Fourier transform: plain sums and products give the
    same bytes on every machine.
    """
    random = np.random.Generator(np.random.PCG64(seed))
    image = np.zeros((count, 3, _SIZE, _SIZE), np.float32)
    cells = 7
    while cells <= _SIZE:
        field = random.random((count, 3, cells, cells), np.float32) - np.float32(0.5)
        grey = field[:, :1] + np.float32(0.5) * field
        image += np.float32(4 / cells**0.5) * _grow(grey)
        cells *= 2
    contrast = random.random((count, 1, 1, 1), np.float32) + np.float32(0.5)
    hue = random.random((count, 3, 1, 1), np.float32) - np.float32(0.5)
    return image * contrast + hue


def _grow(field: np.ndarray) -> np.ndarray:
    """Double the field until it has the image's size, blending neighbours with quarters (exact in binary)."""
    while field.shape[-1] < _SIZE:
        for axis in (2, 3):
            first, last = np.take(field, [0], axis), np.take(field, [-1], axis)
            padded = np.concatenate([first, field, last], axis)
            length = field.shape[axis]
            before, middle, after = (np.take(padded, range(i, i + length), axis) for i in (0, 1, 2))
            left = np.float32(0.75) * middle + np.float32(0.25) * before
            right = np.float32(0.75) * middle + np.float32(0.25) * after
            shape = list(field.shape)
            shape[axis] *= 2
            field = np.stack([left, right], axis + 1).reshape(shape)
    return field
