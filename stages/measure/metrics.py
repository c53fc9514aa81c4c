"""How good answers are. A metric knows where the classes are, or refuses with a sentence that says what to write.

``top1``: the share of answers that choose the label. ``agreement``: the share that choose as the source model does.
An answer is a sample's class, or one of many classes where a sample is labelled at several positions (tokens, pixels).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

from stages.errors import StepError
from stages.measure.figures import Paired, Score
from stages.recipe.model import METRICS, Metric, Python

if TYPE_CHECKING:
    import numpy

__all__ = [
    'METRICS', 'agreement', 'draws', 'metric_of', 'off_by_one', 'own_score', 'own_scores', 'score', 'without_batch',
]  # fmt: skip

MAPPING: Final = 'metric: {of: %s, %s}'

GROUPS: Final = 'groups'
"""The array of evaluation data that says which samples make one judgement, such as the two words of a pair."""

DRAWS: Final = 200
"""Draws of the samples, with replacement, that the interval of a metric of the whole set is made of."""


def metric_of(value: Metric | Mapping[str, Any] | str) -> Metric:
    """Return a metric from what a request holds of it: its JSON values, or its name alone."""
    if isinstance(value, Metric):
        return value
    if isinstance(value, str):
        return Metric(value)
    python, range_ = value.get('python'), value.get('range')
    return Metric(
        of=value['of'],
        axis=value.get('axis'),
        threshold=value.get('threshold'),
        better=value.get('better') or 'higher',
        range=(range_[0], range_[1]) if range_ else None,
        python=Python(python['file'], python['function']) if python else None,
        options=value.get('options'),
    )


def score(
    metric: Metric,
    outputs: Sequence[numpy.ndarray],
    labels: numpy.ndarray | None,
    reference: Sequence[numpy.ndarray] | None,
    batch: int | None = None,
) -> Score | None:
    """Return the score of a metric of ours, or raise a StepError where it means nothing for these outputs.

    ``outputs`` and ``reference`` hold one array for each sample; where these still have their batch axis, ``batch``
    says which it is. None: the source itself, which agrees with nobody.
    """
    if metric.of not in METRICS:
        raise StepError(f'there is no metric {metric.of!r}; there are {", ".join(METRICS)}')
    if metric.of == 'agreement':
        if reference is None:
            return None
        return _agreed(metric, without_batch(outputs, batch), without_batch(reference, batch))
    if labels is None:
        raise StepError(f'the metric {metric.of} needs an array `labels` in the evaluation data')
    wanted = _labels(metric, labels, len(outputs))
    hits = _hits(metric, without_batch(outputs, batch), wanted)
    before = (
        _hits(metric, without_batch(reference, batch), wanted) if reference and len(reference) == len(outputs) else None
    )
    return _share(metric.of, hits, before)


def off_by_one(
    metric: Metric, outputs: Sequence[numpy.ndarray], labels: numpy.ndarray, batch: int | None = None
) -> str:
    """Return a sentence where labels that are all one higher or lower would fit, and these do not; else nothing.

    A model that is right about most of them, and about hardly any as they stand, was given the numbers of another list.
    """
    import numpy as np

    wanted, answers = _labels(metric, labels, len(outputs)), without_batch(outputs, batch)
    right: dict[int, float] = {}
    for shift in (0, -1, 1):
        moved = [label + shift for label in wanted if label.dtype.kind in 'iu']
        if len(moved) != len(answers):
            return ''
        chosen = [_classes(metric, answer, label.shape)[0] for answer, label in zip(answers, moved, strict=True)]
        hits = [got.ravel() == label.ravel() for got, label in zip(chosen, moved, strict=True)]
        right[shift] = float(np.mean(np.concatenate(hits)))
    best = max((-1, 1), key=lambda shift: right[shift])
    if right[best] < 0.5 or right[0] > right[best] / 4:
        return ''
    return (
        f'`labels` look off by one: {right[0]:.0%} of the answers are right as they stand, '
        f'{right[best]:.0%} were every label one {"lower" if best < 0 else "higher"}'
    )


def _hits(metric: Metric, answers: Sequence[numpy.ndarray], wanted: Sequence[numpy.ndarray]) -> list[numpy.ndarray]:
    """Return which answers of each sample are right."""
    chosen = [_classes(metric, answer, label.shape) for answer, label in zip(answers, wanted, strict=True)]
    for (_, count), label in zip(chosen, wanted, strict=True):
        _check_range(metric, label, count, wanted)
    return [(got.ravel() == label.ravel()) for (got, _), label in zip(chosen, wanted, strict=True)]


def agreement(
    metric: Metric | None,
    outputs: Sequence[numpy.ndarray],
    reference: Sequence[numpy.ndarray],
    labels: numpy.ndarray | None = None,
    batch: int | None = None,
) -> Score | None:
    """Return how often both choose the same; None where nobody says that the outputs are classes.

    That is so without a metric, with one of the recipe's own, and where there are none to choose from. Where ``top1``
    judges, the classes are where it finds them.
    """
    if metric is None or metric.of not in METRICS:
        return None
    if len(outputs) != len(reference):
        return None
    answers, others = without_batch(outputs, batch), without_batch(reference, batch)
    try:
        shapes = None if labels is None or metric.of != 'top1' else [
            label.shape for label in _labels(metric, labels, len(outputs))
        ]  # fmt: skip
        return _agreed(metric, answers, others, shapes)
    except StepError:
        return None


def own_scores(
    metric: Metric,
    function: Callable[[dict[str, Any], dict[str, Any]], Any],
    answers: Mapping[str, Any],
    data: Mapping[str, numpy.ndarray],
) -> numpy.ndarray:
    """Return what a recipe's own ``function(outputs, data)`` says: one number, or one for each sample.

    Raises StepError where it fails, returns something else, or a value outside of the range that the recipe states.
    """
    import numpy as np

    what = f'{metric.python.file}:{metric.of}' if metric.python else metric.of
    try:
        scores = np.asarray(function(dict(answers), dict(data)), np.float64)
    except StepError:  # a judge of ours says itself what is wrong
        raise
    except Exception as error:
        raise StepError(f'{what} failed: {type(error).__name__}: {error}') from error
    if scores.ndim > 1 or not scores.size or not np.isfinite(scores).all():
        found = f'{scores.dtype} of shape {scores.shape}' if np.isfinite(scores).all() else 'NaN or infinity'
        raise StepError(f'{what} returned {found}; expected a number, or one for each sample')
    if metric.range and not (metric.range[0] <= scores.min() and scores.max() <= metric.range[1]):
        low, high = metric.range
        worst = float(scores.min() if scores.min() < low else scores.max())
        raise StepError(
            f'{what} returned {worst:g}, outside of the range that the recipe states, {low:g} to {high:g}; '
            'correct the function, or `range` of `metric`'
        )
    return scores


def own_score(
    metric: Metric,
    scores: numpy.ndarray,
    data: Mapping[str, numpy.ndarray],
    before: numpy.ndarray | None = None,
    drawn: numpy.ndarray | None = None,
    drawn_before: numpy.ndarray | None = None,
) -> Score:
    """Return the score of a recipe's own metric: ``scores`` of ``own_scores``, or the mean of one for each sample.

    ``before`` are those of the source's answers. ``drawn`` and ``drawn_before`` are what ``draws`` returned of both, of
    a metric that has one number for the whole set.
    """
    import numpy as np

    if not scores.ndim:
        samples = [len(array) for name, array in data.items() if array.ndim and not name.startswith('truth')]
        n = min(samples, default=None)
        low, high = _bounds(drawn)
        paired = None
        if n and drawn is not None and drawn_before is not None and before is not None and not before.ndim:
            least, most = _bounds(drawn - drawn_before)
            paired = Paired(n, mean=float(scores - before), low=least, high=most)
        return Score(metric.of, float(scores), n, low, high, metric.better, paired=paired)
    same = before if before is not None and before.shape == scores.shape else None
    binary = bool(((scores == 0) | (scores == 1)).all())
    return Score(
        metric.of,
        float(scores.mean()),
        len(scores),
        better=metric.better,
        percent=binary and metric.python is None,
        hits=int(scores.sum()) if binary else None,
        samples=len(scores),
        spread=None if binary else _spread(scores),
        paired=None if same is None else _paired(scores, same, binary and bool(np.isin(same, (0, 1)).all())),
    )


def draws(
    metric: Metric,
    function: Callable[[dict[str, Any], dict[str, Any]], Any],
    answers: Mapping[str, Any],
    data: Mapping[str, numpy.ndarray],
) -> numpy.ndarray | None:
    """Return a metric of the whole set over ``DRAWS`` draws of its samples, the same ones for every model.

    The data's ``groups`` say which samples belong together, by number from 0: whole groups are drawn then, and arrays
    of one row a group with them. None where arrays count neither samples nor groups, or where the metric fails on a
    draw. A bootstrap (Efron 1979) by hand, since SciPy's wants both models' answers in one process to pair them: here,
    only their draws are equal.
    """
    import numpy as np

    if any(not isinstance(array, list) and not np.ndim(array) for array in answers.values()):
        return None
    samples = len(next(iter(answers.values())))
    groups = data.get(GROUPS, np.arange(samples))
    if len(groups) != samples or not np.array_equal(np.unique(groups), np.arange(np.max(groups, initial=-1) + 1)):
        return None
    order = np.argsort(groups, kind='stable')
    rows_of = np.split(order, np.flatnonzero(np.diff(groups[order])) + 1)
    arrays = (*answers.values(), *data.values())
    counted = [len(array) for array in arrays if isinstance(array, list) or np.ndim(array)]
    if any(count not in (samples, len(rows_of)) for count in counted):
        return None

    def drawn(arrays: Mapping[str, Any], chosen: numpy.ndarray) -> dict[str, Any]:
        rows = np.concatenate([rows_of[group] for group in chosen])
        return {name: _taken(array, rows if len(array) == samples else chosen) for name, array in arrays.items()}

    draw = np.random.default_rng(0).integers(0, len(rows_of), (DRAWS, len(rows_of)))
    whole = {name: array for name, array in data.items() if np.ndim(array)}
    single = {name: array for name, array in data.items() if not np.ndim(array)}
    try:
        found = [float(function(drawn(answers, chosen), drawn(whole, chosen) | single)) for chosen in draw]
    except Exception:  # whatever it raises: a draw may lack a class that the metric needs
        return None
    return np.asarray(found) if np.isfinite(found).all() else None


def _taken(array: Any, rows: numpy.ndarray) -> Any:
    return [array[i] for i in rows] if isinstance(array, list) else array[rows]


def _bounds(drawn: numpy.ndarray | None) -> tuple[float | None, float | None]:
    """Return the middle 95 % of draws."""
    import numpy as np

    if drawn is None:
        return None, None
    low, high = np.quantile(drawn, (0.025, 0.975))
    return float(low), float(high)


def _spread(values: numpy.ndarray) -> float | None:
    return float(values.std(ddof=1)) if len(values) > 1 else None


def _paired(after: numpy.ndarray, before: numpy.ndarray, binary: bool) -> Paired:
    """Return how two models fare on the same samples: counts where each is right or wrong, else moments."""
    if binary:
        return Paired(len(after), lost=int((before > after).sum()), won=int((after > before).sum()))
    apart = after - before
    return Paired(len(after), mean=float(apart.mean()), spread=_spread(apart))


def without_batch(arrays: Sequence[numpy.ndarray], batch: int | None) -> list[numpy.ndarray]:
    """Return the samples' arrays without their batch axis."""
    import numpy as np

    each = [np.asarray(array) for array in arrays]
    if batch is None:
        return each
    return [array.squeeze(batch) if array.shape[batch : batch + 1] == (1,) else array for array in each]


def _labels(metric: Metric, labels: numpy.ndarray, count: int) -> list[numpy.ndarray]:
    """Return each sample's label, or labels, as whole numbers or texts."""
    import numpy as np

    array = np.asarray(labels)
    if array.ndim == 0 or len(array) != count:
        there = 'a single number' if array.ndim == 0 else f'{len(array)} samples'
        raise StepError(f'`labels` of the evaluation data holds {there} where the model was asked {count}')
    if array.dtype.kind == 'f':
        if not (array == np.floor(array)).all():
            raise StepError(
                f'`labels` of the evaluation data are no classes: {array.ravel()[np.argmax(array.ravel() % 1 != 0)]:g} '
                f'is among them; {metric.of} needs whole numbers from 0 (or write a metric of your own, '
                f'models/file.py:function)'
            )
        array = array.astype(np.int64)
    return list(array)


def _classes(metric: Metric, answer: numpy.ndarray, positions: tuple[int, ...] | None) -> tuple[numpy.ndarray, int]:
    """Return the class at each position of one sample, and how many classes there are (0: not known).

    ``positions`` is the shape of the sample's labels; None where there are none.
    """
    import numpy as np

    if metric.threshold is not None:
        if positions is not None and _long(answer.shape) != _long(positions):
            raise StepError(
                f"{metric.of} with a threshold: one sample's output is {list(answer.shape)} and its labels are "
                f'{list(positions)}; expected one number for each label (with a column for each class, write '
                f'{MAPPING % (metric.of, "axis: …")})'
            )
        return (answer.astype(np.float64) > metric.threshold).astype(np.int64), 2
    if _are_classes(answer, positions):
        return answer, 0
    axis = _axis(metric, answer.shape, positions)
    numbers = answer.astype(np.float64)
    chosen = numbers.argmax(axis)
    # what is no number chooses nothing
    return np.where(np.isnan(numbers).any(axis), -1, chosen), answer.shape[axis]


def _are_classes(answer: numpy.ndarray, positions: tuple[int, ...] | None) -> bool:
    """Whether the model chooses itself: its answers are texts, or whole numbers where the labels are.

    A single number of 8 bits may as well be a quantized score.
    """
    if answer.dtype.kind in 'USO':
        return True
    if answer.dtype.kind not in 'biu':
        return False
    single = not _long(answer.shape)
    if answer.dtype.itemsize == 1 and answer.dtype.kind != 'b' and single:
        return False
    return single if positions is None else _long(answer.shape) == _long(positions)


def _axis(metric: Metric, shape: tuple[int, ...], positions: tuple[int, ...] | None) -> int:
    """Return the axis of the classes in one sample's output: the recipe's, or the only one that it can be."""
    name = metric.of
    if metric.axis is not None:
        axis = metric.axis + len(shape) if metric.axis < 0 else metric.axis
        if not 0 <= axis < len(shape):
            raise StepError(f"{name}: there is no axis {metric.axis} in one sample's output, {list(shape)}")
        if shape[axis] < 2:
            raise StepError(f"{name}: axis {metric.axis} of one sample's output, {list(shape)}, has one class alone")
        rest = (*shape[:axis], *shape[axis + 1 :])
        if positions is not None and _long(rest) != _long(positions):
            raise StepError(
                f"{name}: one sample's output is {list(shape)}, so that classes along axis {metric.axis} leave "
                f'{list(rest)}; its labels are {list(positions)}'
            )
        return axis
    long = [axis for axis, size in enumerate(shape) if size > 1]
    if not long:
        raise StepError(
            f"{name} counts classes, and one sample's output is a single number: {list(shape)}. If it is the score "
            f'of class 1, write {MAPPING % (name, "threshold: 0.5")} (0 for a logit); else write a metric of your own, '
            'models/file.py:function'
        )
    fits = long
    if positions is not None:
        fits = [axis for axis in long if _long((*shape[:axis], *shape[axis + 1 :])) == _long(positions)]
    if len(fits) == 1:
        return fits[0]
    if not fits:
        assert positions is not None
        raise StepError(
            f"{name}: one sample's output is {list(shape)} and its labels are {list(positions)}; whichever axis holds "
            'the classes, the others are not those of the labels. Labels are whole numbers, one for each position'
        )
    raise StepError(
        f"{name}: one sample's output is {list(shape)}; the classes may be along axis "
        f'{" or ".join(map(str, fits))}: write {MAPPING % (name, "axis: " + str(fits[0]))} (counted without the batch)'
    )


def _long(shape: Sequence[int]) -> list[int]:
    """Return the sizes of a shape that tell anything."""
    return [size for size in shape if size != 1]


def _check_range(metric: Metric, label: numpy.ndarray, count: int, every: Sequence[numpy.ndarray]) -> None:
    """A label that no class has would only ever count as wrong: the metric would be another than it seems."""
    if not count or not label.size or label.dtype.kind not in 'iu':
        return
    least, most = int(label.min()), int(label.max())
    if least < 0 or most >= count:
        wrong = least if least < 0 else most
        then = 'leave out what is to be ignored in a metric of your own, models/file.py:function'
        some = [each for each in every if each.size]
        if (min(int(each.min()) for each in some), max(int(each.max()) for each in some)) == (1, count):
            then = f'they run from 1 to {count}: write each one lower'
        raise StepError(
            f'{metric.of}: `labels` of the evaluation data holds {wrong}, and the output has the classes 0 to '
            f'{count - 1}; {then}'
        )


def _agreed(
    metric: Metric,
    answers: Sequence[numpy.ndarray],
    others: Sequence[numpy.ndarray],
    positions: Sequence[tuple[int, ...]] | None = None,
) -> Score | None:
    shapes: Sequence[tuple[int, ...] | None] = positions or [None] * len(answers)
    hits = []
    for answer, other, shape in zip(answers, others, shapes, strict=True):
        if answer.shape != other.shape:
            return None  # the check has said so already
        hits.append((_classes(metric, answer, shape)[0] == _classes(metric, other, shape)[0]).ravel())
    return _share('agreement', hits)


def _share(name: str, hits: Sequence[numpy.ndarray], before: Sequence[numpy.ndarray] | None = None) -> Score | None:
    """Return the share of right answers. Those of one sample are alike, so that samples make the interval."""
    import numpy as np

    n = sum(hit.size for hit in hits)
    if not n:
        return None
    right = sum(int(hit.sum()) for hit in hits)
    single = n == len(hits)
    each = np.asarray([hit.mean() for hit in hits if hit.size])
    same = None if before is None else np.asarray([hit.mean() for hit in before if hit.size])
    return Score(
        name,
        right / n,
        n,
        percent=True,
        hits=right if single else None,
        samples=len(each),
        spread=None if single else _spread(each),
        paired=_paired(each, same, single) if same is not None and same.shape == each.shape else None,
    )
