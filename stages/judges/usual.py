"""What judges share: what was wanted of each sample, and which axis holds the classes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from stages.errors import StepError

if TYPE_CHECKING:
    import numpy


def labels_of(name: str, data: Mapping[str, Any], count: int) -> numpy.ndarray:
    """Return ``labels``, a row for each of ``count`` samples."""
    return _wanted(name, 'labels', data, count)


def truth_of(name: str, data: Mapping[str, Any], count: int, array: str = 'truth') -> numpy.ndarray:
    """Return ``truth``, the numbers that should come out, a row for each of ``count`` samples."""
    return _wanted(name, array, data, count)


def _wanted(name: str, array: str, data: Mapping[str, Any], count: int) -> numpy.ndarray:
    import numpy as np

    if array not in data:
        raise StepError(f'the metric {name} needs an array `{array}` in the evaluation data; it has {", ".join(data)}')
    found = np.asarray(data[array])
    if not found.ndim or len(found) != count:
        there = f'{len(found)} samples' if found.ndim else 'a single number'
        raise StepError(f'{name}: `{array}` of the evaluation data holds {there}; the model was asked {count}')
    return found


def one_class(name: str, labels: numpy.ndarray) -> numpy.ndarray:
    """Return the class of each sample; raise StepError where there are several, or they are no whole numbers from 0."""
    import numpy as np

    flat = labels.reshape(len(labels), -1)
    if flat.shape[1] != 1:
        raise StepError(f'{name}: `labels` holds {flat.shape[1]} numbers a sample; expected its class')
    found = flat[:, 0]
    if (found != np.rint(found)).any() or (found < 0).any():
        raise StepError(f'{name}: `labels` are classes: whole numbers from 0')
    return found.astype(np.int64)


def columns(name: str, outputs: Sequence[Any], axis: int | None) -> numpy.ndarray:
    """Return a row of scores for each sample, one for each class; a single number is a row of one.

    ``axis`` is that of the classes in one sample's output; None: its only axis longer than 1. Raises StepError where
    the output has more than classes.
    """
    import numpy as np

    rows = []
    for answer in outputs:
        long = [place for place, size in enumerate(answer.shape) if size > 1]
        if len(long) > 1 or (axis is not None and long and long[0] != axis % max(1, answer.ndim)):
            raise StepError(
                f"{name}: one sample's output is {list(answer.shape)}; expected a score for each class, along one axis"
            )
        rows.append(np.asarray(answer, np.float64).ravel())
    if len({len(row) for row in rows}) != 1:
        raise StepError(f'{name}: samples have different numbers of classes')
    return np.stack(rows)


def in_range(name: str, labels: numpy.ndarray, classes: int) -> None:
    """Raise StepError for a label that no class has: it would only ever count as wrong."""
    if len(labels) and labels.max() >= classes:
        raise StepError(f'{name}: `labels` holds {labels.max()}, and the output has the classes 0 to {classes - 1}')


def pairs(name: str, outputs: Sequence[Any], data: Mapping[str, Any]) -> list[tuple[numpy.ndarray, numpy.ndarray]]:
    """Return each sample's answer and truth as floats of one shape; axes of 1 do not count."""
    import numpy as np

    truth = truth_of(name, data, len(outputs))
    made = []
    for answer, wanted in zip(outputs, truth, strict=True):
        one, two = (np.squeeze(np.asarray(array, np.float64)) for array in (answer, wanted))
        if one.shape != two.shape:
            raise StepError(
                f"{name}: one sample's output is {list(np.shape(answer))}, its truth {list(np.shape(wanted))}; "
                'expected the same sizes'
            )
        made.append((one, two))
    return made
