"""The share of answers whose five likeliest classes hold the label (another number: ``k``)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from stages.contract.judge import Outputs
from stages.errors import StepError
from stages.judges.usual import columns, in_range, labels_of, one_class

METRIC: Final = 'top5'
BETTER: Final = 'higher'
RANGE: Final = (0.0, 1.0)


@dataclass(frozen=True)
class Params:
    k: int = 5
    """How many of the likeliest classes count."""

    axis: int | None = None
    """Where the classes are in one sample's output, its batch left out; absent: its only axis longer than 1."""


def score(params: Params, outputs: Outputs, read: str, data: Mapping[str, Any]) -> Any:
    """Return 1 or 0 for each sample. Of equal scores the first is the likelier; NaN is never right."""
    import numpy as np

    rows = columns(METRIC, outputs[read], params.axis)
    labels = one_class(METRIC, labels_of(METRIC, data, len(rows)))
    in_range(METRIC, labels, rows.shape[1])
    if not 0 < params.k < rows.shape[1]:
        raise StepError(
            f'{METRIC}: of {rows.shape[1]} classes, the {params.k} likeliest say nothing; write `k` below that'
        )
    likeliest = np.argsort(-rows, axis=1, kind='stable')[:, : params.k]
    right = (likeliest == labels[:, None]).any(axis=1)
    return (right & ~np.isnan(rows).any(axis=1)).astype(np.float64)
