"""Around MiniLM where it serves: a text becomes tokens before it, its embedding gets length 1 after it."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from models import minilm_data

if TYPE_CHECKING:
    from collections.abc import Mapping


def requests(folder: Path) -> list[tuple[str, Path]]:
    """Return texts of eight words each, of those that evaluate, and where the vocabulary lies."""
    rows = minilm_data.rated(folder)
    words = [word for one, two, _ in rows for word in (one, two)]
    return [(' '.join(words[at : at + 8]), folder) for at in range(0, 256, 8)]


def before(request: tuple[str, Path]) -> dict[str, np.ndarray]:
    """Return the text's tokens, padded to as many as the model is measured with."""
    text, folder = request
    found = minilm_data.encode([text], _known(folder), minilm_data.LENGTH)
    wide = minilm_data.LENGTH - found['input_ids'].shape[1]
    return {name: np.pad(array, ((0, 0), (0, wide))) for name, array in found.items()}


def after(outputs: Mapping[str, np.ndarray]) -> np.ndarray:
    """Return the embedding at length 1."""
    found = outputs['embedding'][0]
    return found / np.linalg.norm(found)


@cache
def _known(folder: Path) -> dict[str, int]:
    return minilm_data.vocabulary(folder)
