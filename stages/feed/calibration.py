"""Calibration feeds: exactly what the check would feed the same model with the same samples."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from stages.contract.port import Contract
from stages.errors import StepError
from stages.feed import npz
from stages.feed.samples import feed, samples, width

if TYPE_CHECKING:
    import numpy


def calibration(path: Path, contract: Contract, limit: int) -> list[dict[str, numpy.ndarray]]:
    """Return feeds from the first ``limit`` samples of the ``.npz`` at ``path``, by the contract's names.

    Arrays that are no input (``labels``) are left alone; a rest too small for a whole feed is dropped. Inputs that
    carry state are zeros. Raises StepError where an input has no array.
    """
    data = npz.read_npz(path)
    missing = [p.name for p in contract.inputs if p.name not in data and not p.carries]
    if missing:
        raise StepError(f'the calibration data has no array {", ".join(missing)}; it holds {", ".join(sorted(data))}')
    found = samples(data, contract, contract.sizes if contract.inputs else {}).first(limit)
    size = width(contract, 1)
    made = [feed(found, contract, range(start, start + size)) for start in range(0, found.count - size + 1, size)]
    if not made:
        raise StepError(
            f'the calibration data holds {found.count} samples; the model takes {size} at once, '
            f'so at least {size} are needed'
        )
    return made
