"""The feeds that a cycle takes in turn."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Final

from stages.contract.port import Contract
from stages.errors import StepError
from stages.feed.samples import Samples, feed, width

if TYPE_CHECKING:
    import numpy

ROTATION: Final = 8
"""Different inputs in rotation, so that a shortcut that depends on the data shows (MLPerf bans caching for this)."""


def rotation(found: Samples, contract: Contract, batch: int) -> list[dict[str, numpy.ndarray]]:
    """Return the feeds a cycle takes in turn; few samples are used again, from another start.

    State that is carried is zeros in each: every call is the first of a sequence, as in serving.
    """
    size, total = width(contract, batch), found.count
    if size > 1 and not found.joins(contract):
        single = [p.name for p in contract.inputs if p.batch is None and p.name not in found.shared]
        raise StepError(f'a feed of {size} samples: {", ".join(single)} has no batch axis, and differs between samples')
    return [feed(found, contract, [(k * size + i) % total for i in range(size)]) for k in range(ROTATION)]


def digest(arrays: Sequence[Mapping[str, numpy.ndarray]]) -> str:
    """Return the sha256 over names, shapes, types and bytes, in order."""
    import numpy as np

    total = hashlib.sha256()
    for group in arrays:
        for name, array in group.items():
            total.update(f'{name} {array.shape} {array.dtype.str}\n'.encode())
            total.update(np.ascontiguousarray(array).tobytes())
    return total.hexdigest()
