"""The 100 faces of scikit-image's lfw_subset, grey and 25 x 25, enlarged to what the emotion net takes.

Every fourth face calibrates, the other 75 evaluate; none does both. Nobody has labelled them with emotions, so there
is no truth here: the recipe's metric ``agreement`` takes the baseline's own answers for it. NumPy only.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

Arrays = dict[str, np.ndarray]

SIDE = 64


def calibrate(folder: Path) -> Arrays:
    """Return 25 faces."""
    face, held = _faces(folder)
    return {'face': face[held]}


def evaluate(folder: Path) -> Arrays:
    """Return the other 75."""
    face, held = _faces(folder)
    return {'face': face[~held]}


def _faces(folder: Path) -> tuple[np.ndarray, np.ndarray]:
    """Return the faces, and which of them are held back for calibration."""
    grey = np.load(folder / 'lfw_subset.npy', allow_pickle=False)
    if grey.shape != (200, 25, 25):
        raise ValueError(f'lfw_subset.npy should hold 200 crops of 25 x 25, not {grey.shape}')
    grey = grey[:100]
    place = (np.arange(SIDE) + 0.5) * 25 / SIDE - 0.5  # bilinear, centres of pixels on centres
    before = np.clip(np.floor(place).astype(int), 0, 23)
    part = np.clip(place - before, 0, 1)
    rows = grey[:, before] * (1 - part)[:, None] + grey[:, before + 1] * part[:, None]
    large = rows[:, :, before] * (1 - part) + rows[:, :, before + 1] * part
    return (large * 2 - 1).astype(np.float32)[..., None], np.arange(100) % 4 == 0
