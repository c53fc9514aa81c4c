"""Around an ImageNet classifier: the bytes of a photo before it, the five likeliest classes after it."""

from __future__ import annotations

import io
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from models import photos

if TYPE_CHECKING:
    from collections.abc import Mapping


def requests(folder: Path) -> list[bytes]:
    """Return the photos that evaluate, as they lie on the disk."""
    return [file.read_bytes() for file in sorted(folder.glob('imagenet_*_*.jpg'))]


def before(request: bytes) -> dict[str, np.ndarray]:
    """Decode the photo, cut its middle square, and make numbers of it."""
    return {'image': photos.pixels(io.BytesIO(request))[None]}


def after(outputs: Mapping[str, np.ndarray]) -> list[tuple[int, float]]:
    """Return the five likeliest classes, each with its probability."""
    logits = outputs['logits'][0].astype(np.float64)
    likely = np.exp(logits - logits.max())
    best = np.argsort(likely)[:-6:-1]
    return [(int(label), float(likely[label] / likely.sum())) for label in best]
