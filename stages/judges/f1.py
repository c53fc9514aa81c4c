"""F1: the harmonic mean of precision and recall, of class 1 or of every class in the mean.

A class that is neither answered nor wanted anywhere does not count; one that is never right counts 0. As scikit-learn's
``f1_score`` with ``average='macro'``, ``'micro'`` or ``'binary'`` and ``zero_division=0``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal

from stages.contract.judge import Outputs
from stages.errors import StepError
from stages.judges.usual import columns, in_range, labels_of, one_class

METRIC: Final = 'f1'
BETTER: Final = 'higher'
RANGE: Final = (0.0, 1.0)


@dataclass(frozen=True)
class Params:
    average: Literal['macro', 'micro', 'binary'] | None = None
    """The mean over classes, over answers, or of class 1 alone. Absent: `binary` for two classes, else `macro`."""

    threshold: float | None = None
    """Of an output with one column: above is class 1."""

    axis: int | None = None
    """Where the classes are in one sample's output, its batch left out; absent: its only axis longer than 1."""


def score(params: Params, outputs: Outputs, read: str, data: Mapping[str, Any]) -> float:
    """Return F1 over all samples."""
    import numpy as np

    rows = columns(METRIC, outputs[read], params.axis)
    labels = one_class(METRIC, labels_of(METRIC, data, len(rows)))
    if rows.shape[1] == 1 and params.threshold is None:
        raise StepError(
            'f1: one sample’s output is a single number; write `metric: {of: f1, threshold: 0.5}` (0 for a logit)'
        )
    if rows.shape[1] > 1 and params.threshold is not None:
        raise StepError(f'f1: a threshold is for one column; the output has {rows.shape[1]}')
    count = max(2, rows.shape[1])
    in_range(METRIC, labels, count)
    chosen = (rows[:, 0] > params.threshold).astype(int) if params.threshold is not None else rows.argmax(axis=1)
    right, said, wanted = (np.bincount(found, minlength=count) for found in (labels[chosen == labels], chosen, labels))
    average = params.average or ('binary' if count == 2 else 'macro')
    if average == 'binary' and count != 2:
        raise StepError(f'f1: `average: binary` is of two classes; the output has {count}')
    if average == 'micro':
        return float(right.sum() / len(labels))
    each = 2 * right / np.maximum(said + wanted, 1)
    return float(each[1] if average == 'binary' else each[said + wanted > 0].mean())
