"""Calibration data: an ``.npz`` of arrays keyed by input name, the first axis of each counting samples."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from stages.errors import StepError

if TYPE_CHECKING:
    import numpy


def feeds(path: Path, batches: Mapping[str, int], limit: int) -> list[dict[str, numpy.ndarray]]:
    """
    Return feeds from the first ``limit`` samples.

    ``batches`` says, per input of the model, how many samples one feed holds (1 where the model takes any number).
    Arrays that are no input (``labels``) are left alone; a rest too small for a whole feed is dropped.
    """
    import numpy as np

    with np.load(path, allow_pickle=False) as archive:
        missing = sorted(set(batches) - set(archive.files))
        if missing:
            msg = f'{path.name}: has no array {", ".join(missing)}; it holds {", ".join(sorted(archive.files))}'
            raise StepError(msg)
        data = {name: archive[name] for name in batches}
    size = max(batches.values(), default=1)
    count = min(limit, *(len(array) for array in data.values()))
    made = [
        {name: np.ascontiguousarray(array[i : i + size]) for name, array in data.items()}
        for i in range(0, count - size + 1, size)
    ]
    if not made:
        msg = f'{path.name}: {count} samples; the model takes {size} at once, so at least {size} are needed'
        raise StepError(msg)
    return made
