"""Grey images that are smooth like photographs, each small and at twice the size. No torch here."""

from __future__ import annotations

from pathlib import Path

import numpy as np

Arrays = dict[str, np.ndarray]

_SMALL = 224


def calibrate(folder: Path | None) -> Arrays:
    """Return 16 small images."""
    return {'image': _halved(_large(16, seed=3))}


def evaluate(folder: Path | None) -> Arrays:
    """Return 16 other small images, and ``truth_large``: what each was made from."""
    large = _large(16, seed=4)
    return {'image': _halved(large), 'truth_large': large}


def explained(outputs: Arrays, data: Arrays) -> np.ndarray:
    """Return how much of what distinguishes the pixels of each large image the net's answer has right; 1 is all."""
    truth = data['truth_large'].astype(np.float64)
    error = ((outputs['large'] - truth) ** 2).mean((1, 2, 3))
    return 1 - error / truth.var((1, 2, 3))


def _large(count: int, seed: int) -> np.ndarray:
    """Return fields whose energy falls with frequency as it does in photographs: coarse noise, doubled, with finer."""
    random = np.random.Generator(np.random.PCG64(seed))
    image, cells = np.zeros((count, 1, 7, 7), np.float32), 7
    while True:
        image += np.float32(8 / cells) * (random.random((count, 1, cells, cells), np.float32) - np.float32(0.5))
        if cells == 2 * _SMALL:
            return image
        image, cells = _doubled(image), 2 * cells


def _doubled(image: np.ndarray) -> np.ndarray:
    """Return the image at twice its size, each new pixel a blend of the two nearest, 3 to 1."""
    for axis in (2, 3):
        rows = np.moveaxis(image, axis, 0)
        blends = [
            np.float32(0.75) * rows + np.float32(0.25) * near
            for near in (np.concatenate([rows[:1], rows[:-1]]), np.concatenate([rows[1:], rows[-1:]]))
        ]
        image = np.moveaxis(np.stack(blends, 1).reshape(-1, *rows.shape[1:]), 0, axis)
    return np.ascontiguousarray(image)


def _halved(image: np.ndarray) -> np.ndarray:
    """Return the image at half its size: each pixel the mean of four."""
    return image.reshape(*image.shape[:2], _SMALL, 2, _SMALL, 2).mean((3, 5))
