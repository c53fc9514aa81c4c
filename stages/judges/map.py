"""The mean average precision of boxes, as COCO counts it.

For each class, boxes are taken from the surest on and matched each with the one wanted box that it covers best, at an
overlap (intersection over union) of 0.5, 0.55 … 0.95; the precision is read at 101 recalls, made never to rise, and the
mean taken over recalls, overlaps and classes (Lin and others, 2014). At most 100 boxes of a class in a sample
count; crowds are not known.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Literal

from stages.contract.judge import Outputs
from stages.errors import StepError
from stages.judges.usual import truth_of

if TYPE_CHECKING:
    import numpy

METRIC: Final = 'map'
BETTER: Final = 'higher'
RANGE: Final = (0.0, 1.0)
MOST: Final = 100


@dataclass(frozen=True)
class Params:
    scores: str
    """The output that says how sure each box is."""

    classes: str = ''
    """The output that says of which class each box is; absent: there is one class."""

    form: Literal['xyxy', 'yxyx', 'xywh', 'cxcywh'] = 'xyxy'
    """The four numbers of an answer's box: corners, or a corner or the centre and the size."""

    truth: Literal['xyxy', 'yxyx', 'xywh', 'cxcywh'] = 'xyxy'
    """Those of `truth_boxes`, in the same units."""

    overlap: float | None = None
    """One overlap instead of 0.5 to 0.95: 0.5 is that of Pascal VOC."""


def score(params: Params, outputs: Outputs, read: str, data: Mapping[str, Any]) -> float:
    """Return the mean over classes. ``truth_boxes`` and ``truth_classes`` hold a row a sample, filled up with -1."""
    import numpy as np

    count = len(outputs[read])
    for name in filter(None, (params.scores, params.classes)):
        if name not in outputs:
            raise StepError(f'map: there is no output {name!r}; there are {", ".join(outputs)}')
    boxes = truth_of(METRIC, data, count, 'truth_boxes').astype(np.float64)
    classes = truth_of(METRIC, data, count, 'truth_classes').reshape(count, -1)
    if boxes.ndim != 3 or boxes.shape[2] != 4 or boxes.shape[1] != classes.shape[1]:
        raise StepError(
            f'map: `truth_boxes` is {list(boxes.shape)}; expected [samples, boxes, 4], with a class for each'
        )
    found = [_answered(params, outputs, read, n) for n in range(count)]
    wanted = [(_corners(boxes[n][classes[n] >= 0], params.truth), classes[n][classes[n] >= 0]) for n in range(count)]
    known = sorted({int(c) for _, each in wanted for c in each})
    if not known:
        raise StepError('map: no box is wanted anywhere; `truth_classes` holds -1 alone')
    overlaps = [params.overlap] if params.overlap is not None else [*np.linspace(0.5, 0.95, 10)]
    return float(np.mean([_precisions(found, wanted, one, overlaps) for one in known]))


Boxes = tuple['numpy.ndarray', 'numpy.ndarray', 'numpy.ndarray']


def _answered(params: Params, outputs: Outputs, read: str, n: int) -> Boxes:
    """Return the corners, scores and classes of a sample's boxes, the surest first."""
    import numpy as np

    boxes = np.asarray(outputs[read][n], np.float64)
    if boxes.shape[-1:] != (4,):
        raise StepError(f"map: one sample's output {read} is {list(boxes.shape)}; expected four numbers a box")
    boxes = boxes.reshape(-1, 4)
    scores = np.asarray(outputs[params.scores][n], np.float64).ravel()
    classes = np.asarray(outputs[params.classes][n]).ravel() if params.classes else np.zeros(len(boxes))
    if not len(boxes) == len(scores) == len(classes):
        raise StepError(f'map: a sample has {len(boxes)} boxes, {len(scores)} scores and {len(classes)} classes')
    order = np.argsort(-scores, kind='stable')
    return _corners(boxes[order], params.form), scores[order], np.rint(classes[order]).astype(np.int64)


def _corners(boxes: numpy.ndarray, form: str) -> numpy.ndarray:
    """Return boxes as left, top, right, bottom."""
    import numpy as np

    a, b, c, d = boxes.T
    if form == 'yxyx':
        return np.stack([b, a, d, c], axis=1)
    if form == 'xywh':
        return np.stack([a, b, a + c, b + d], axis=1)
    if form == 'cxcywh':
        return np.stack([a - c / 2, b - d / 2, a + c / 2, b + d / 2], axis=1)
    return boxes


def _precisions(found: list[Boxes], wanted: list[Any], one: int, overlaps: list[float]) -> float:
    """Return the average precision of a class, the mean over overlaps."""
    import numpy as np

    total = sum(int((classes == one).sum()) for _, classes in wanted)
    sure: list[numpy.ndarray] = []
    hits: list[numpy.ndarray] = []
    for (boxes, scores, classes), (there, labels) in zip(found, wanted, strict=True):
        mine = np.flatnonzero(classes == one)[:MOST]
        sure.append(scores[mine])
        hits.append(_matched(_covered(boxes[mine], there[labels == one]), overlaps))
    order = np.argsort(-np.concatenate(sure), kind='stable')
    right = np.concatenate(hits, axis=1)[:, order].cumsum(axis=1)
    return float(np.mean([_area(row, total) for row in right]))


def _covered(one: numpy.ndarray, two: numpy.ndarray) -> numpy.ndarray:
    """Return the intersection over the union of each box of ``one`` with each of ``two``."""
    import numpy as np

    low, high = np.maximum(one[:, None, :2], two[None, :, :2]), np.minimum(one[:, None, 2:], two[None, :, 2:])
    common = np.clip(high - low, 0, None).prod(axis=2)
    areas = [np.clip(boxes[:, 2:] - boxes[:, :2], 0, None).prod(axis=1) for boxes in (one, two)]
    union = areas[0][:, None] + areas[1][None] - common
    shares: numpy.ndarray = np.divide(common, union, out=np.zeros_like(common), where=union > 0)
    return shares


def _matched(covered: numpy.ndarray, overlaps: list[float]) -> numpy.ndarray:
    """Return, by overlap, which boxes find a wanted one that no surer box has taken."""
    import numpy as np

    hits = np.zeros((len(overlaps), len(covered)), np.int64)
    for level, overlap in enumerate(overlaps):
        free = np.ones(covered.shape[1], bool)
        for n, row in enumerate(covered):
            able = np.where(free, row, -1.0)
            if able.size and able.max() >= min(overlap, 1 - 1e-10):
                free[able.size - 1 - int(able[::-1].argmax())] = (
                    False  # of equal ones the last, as COCO's own code does
                )
                hits[level, n] = 1
    return hits


def _area(right: numpy.ndarray, total: int) -> float:
    """Return the mean precision at 101 recalls; ``right`` counts the boxes that were right so far."""
    import numpy as np

    if not len(right):
        return 0.0
    recall, precision = right / total, right / np.arange(1, len(right) + 1)
    precision = np.maximum.accumulate(precision[::-1])[::-1]
    places = np.searchsorted(recall, np.linspace(0, 1, 101), side='left')
    return float(np.where(places < len(precision), precision[np.minimum(places, len(precision) - 1)], 0.0).mean())
