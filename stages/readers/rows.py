"""A part of arrays that are there already: the same rows of each."""

from __future__ import annotations

from typing import TYPE_CHECKING

from stages.contract.reader import ALL, Part
from stages.errors import StepError
from stages.readers.usual import chosen, digests_of_rows

if TYPE_CHECKING:
    import numpy


def parted(arrays: dict[str, numpy.ndarray], part: Part, what: str) -> dict[str, numpy.ndarray]:
    """Return the rows that ``part`` chooses, by a hash over each sample's inputs; whole arrays where it is all.

    Raises StepError where arrays hold different numbers of samples: nobody can tell then which rows belong together.
    """
    if part == ALL:
        return arrays
    counts = {name: len(array) if array.ndim else 0 for name, array in arrays.items()}
    if len({*counts.values()}) != 1:
        words = ', '.join(f'{name} {count}' for name, count in counts.items())
        raise StepError(f'{what}: arrays that are to be split must hold the same number of samples; they hold {words}')
    count = next(iter(counts.values()))
    inputs = fed(arrays)
    if not inputs:
        raise StepError(f'{what}: there are no inputs among {", ".join(sorted(arrays))}')
    rows = chosen(part, digests_of_rows(inputs, count), what)
    return {name: array[rows] for name, array in arrays.items()}


def fed(arrays: dict[str, numpy.ndarray]) -> list[numpy.ndarray]:
    """Return the arrays that go into a model: not those that its answers are held against."""
    return [arrays[name] for name in sorted(arrays) if name != 'labels' and not name.startswith('truth')]
