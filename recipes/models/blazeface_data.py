"""200 grey 25 x 25 crops of scikit-image's lfw_subset, as BlazeFace sees them: the first 100 are faces.

Every fifth crop calibrates (20 + 20), the other 160 evaluate; none does both. NumPy only.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np

Arrays = dict[str, np.ndarray]

SIDE, MARGIN = 128, 14
"""Pixels of what the net takes, and of the black frame around a crop: it was trained on faces that leave room."""


def calibrate(folder: Path) -> Arrays:
    """Return 40 crops, faces and others."""
    image, _, held = _crops(folder)
    return {'image': image[held]}


def evaluate(folder: Path) -> Arrays:
    """Return the other 160 crops; truth is 1 for a face."""
    image, truth, held = _crops(folder)
    return {'image': image[~held], 'truth': truth[~held]}


def auc(outputs: Mapping[str, np.ndarray], data: Mapping[str, np.ndarray]) -> float:
    """Return how often a face gets a higher score than another crop; a crop's score is that of its best anchor."""
    score = np.asarray(outputs['classificators']).reshape(len(data['truth']), -1).max(1)
    face, other = score[data['truth'] == 1], score[data['truth'] == 0]
    return float((face[:, None] > other).mean() + 0.5 * (face[:, None] == other).mean())


def _crops(folder: Path) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return what BlazeFace expects, which are faces, and which are held back for calibration."""
    grey = np.load(folder / 'lfw_subset.npy', allow_pickle=False)
    if grey.shape != (200, 25, 25):
        raise ValueError(f'lfw_subset.npy should hold 200 crops of 25 x 25, not {grey.shape}')
    inner = SIDE - 2 * MARGIN
    place = (np.arange(inner) + 0.5) * 25 / inner - 0.5  # bilinear, centres of pixels on centres
    before = np.clip(np.floor(place).astype(int), 0, 23)
    part = np.clip(place - before, 0, 1)
    rows = grey[:, before] * (1 - part)[:, None] + grey[:, before + 1] * part[:, None]
    large = rows[:, :, before] * (1 - part) + rows[:, :, before + 1] * part
    framed = np.full((200, SIDE, SIDE, 1), -1, np.float32)
    framed[:, MARGIN:-MARGIN, MARGIN:-MARGIN, 0] = large * 2 - 1
    return np.repeat(framed, 3, -1), np.repeat(np.array([1, 0], np.int64), 100), np.arange(200) % 5 == 0
