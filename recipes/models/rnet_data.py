"""200 grey 25 x 25 crops of scikit-image's lfw_subset: the first 100 are faces, the last 100 are not.

Every fifth crop calibrates (20 + 20), the other 160 evaluate; none does both. No torch here.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

Arrays = dict[str, np.ndarray]


def calibrate(folder: Path) -> Arrays:
    """Return 40 crops, faces and others in turn; their labels are for training a pruned net again."""
    image, labels, held = _crops(folder)
    order = np.argsort(~held, kind='stable')[: held.sum()].reshape(2, -1).T.ravel()
    return {'image': image[order], 'labels': labels[order]}


def evaluate(folder: Path) -> Arrays:
    """Return the other 160 crops; label 1 is a face."""
    image, labels, held = _crops(folder)
    return {'image': image[~held], 'labels': labels[~held]}


def _crops(folder: Path) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return what R-Net expects, the labels, and which crops are held back for calibration."""
    grey = np.load(folder / 'lfw_subset.npy', allow_pickle=False)
    if grey.shape != (200, 25, 25):
        raise ValueError(f'lfw_subset.npy should hold 200 crops of 25 x 25, not {grey.shape}')
    # 25 to 24 by the mean of neighbours: a bilinear resize, near enough, and no image package is needed.
    half = (grey[:, :-1] + grey[:, 1:]) / 2
    small = (half[:, :, :-1] + half[:, :, 1:]) / 2
    one = ((small * 255 - 127.5) / 128).astype(np.float32)
    image = np.repeat(one[:, None], 3, 1)
    return image, np.repeat(np.array([1, 0], np.int64), 100), np.arange(200) % 5 == 0
