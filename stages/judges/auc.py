"""The area under the ROC curve: how often a sample of the class scores above one that is none; ties count half.

Of several classes the mean of each against the rest, over those that have both. The statistic of Mann and Whitney
(1947), by ranks; as scikit-learn's ``roc_auc_score``, with ``multi_class='ovr'``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from stages.contract.judge import Outputs
from stages.errors import StepError
from stages.judges.spearman import ranks
from stages.judges.usual import columns, in_range, labels_of, one_class

if TYPE_CHECKING:
    import numpy

METRIC: Final = 'auc'
BETTER: Final = 'higher'
RANGE: Final = (0.0, 1.0)


@dataclass(frozen=True)
class Params:
    axis: int | None = None
    """Where the classes are in one sample's output, its batch left out; absent: its only axis longer than 1."""


def score(params: Params, outputs: Outputs, read: str, data: Mapping[str, Any]) -> float:
    """Return the area over all samples. Two columns are class 0 and class 1, one is the score of class 1."""
    rows = columns(METRIC, outputs[read], params.axis)
    labels = one_class(METRIC, labels_of(METRIC, data, len(rows)))
    in_range(METRIC, labels, max(2, rows.shape[1]))
    if rows.shape[1] <= 2:
        areas = [_area(rows[:, -1], labels == 1)]
    else:
        areas = [_area(rows[:, n], labels == n) for n in range(rows.shape[1])]
    found = [area for area in areas if area is not None]
    if not found:
        raise StepError('auc: every sample is of the same class; there is nothing to tell apart')
    return sum(found) / len(found)


def _area(scores: numpy.ndarray, inside: numpy.ndarray) -> float | None:
    """Return the area for one class; None where all samples are of it, or none."""
    ours, others = int(inside.sum()), int((~inside).sum())
    if not ours or not others:
        return None
    return float((ranks(scores)[inside].sum() - ours * (ours + 1) / 2) / (ours * others))
