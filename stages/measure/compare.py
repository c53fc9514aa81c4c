"""How far two sets of outputs are apart, what that is worth, and whether it is too far.

A wrong shape, a missing output or a NaN is an answer here (a sentence under ``failure``), not an exception.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from math import sqrt
from typing import TYPE_CHECKING, Any, Final

from stages.intervals import wilson
from stages.measure.tolerance import DEFAULTS
from stages.recipe.model import Tolerance

if TYPE_CHECKING:
    import numpy


def difference(outputs: Sequence[numpy.ndarray], reference: Sequence[numpy.ndarray]) -> dict[str, Any]:
    """Return ``max_abs``, ``relative`` (L2 of the difference over L2 of the reference, the largest over the outputs),
    ``cosine`` (the smallest), ``finite``, and ``failure``: None or a sentence (the figures are None then).
    """
    import numpy as np

    figures: dict[str, Any] = {'max_abs': 0.0, 'relative': 0.0, 'cosine': 1.0, 'finite': True, 'failure': None}
    if len(outputs) != len(reference):
        return _failure(f'{len(outputs)} outputs where the reference has {len(reference)}')
    for i, (got, expected) in enumerate(zip(map(np.asarray, outputs), map(np.asarray, reference), strict=True)):
        if got.shape != expected.shape:
            return _failure(f'output {i} has the shape {got.shape} where the reference has {expected.shape}')
        if not (np.issubdtype(got.dtype, np.number) or got.dtype == bool):
            return _failure(f'output {i} has the type {got.dtype}, which holds no numbers')
        bad = int(got.size - np.isfinite(got).sum())
        if bad:
            return _failure(f'output {i} has {bad} of {got.size} values that are NaN or infinite', finite=False)
        if not np.isfinite(expected).all():
            return _failure(f'output {i} of the reference has values that are NaN or infinite')
        a, b = got.astype(np.float64).ravel(), expected.astype(np.float64).ravel()
        norm_a, norm_b, apart = (float(np.linalg.norm(v)) for v in (a, b, a - b))
        figures['max_abs'] = max(figures['max_abs'], float(np.abs(a - b).max(initial=0.0)))
        # A reference of zeros has no scale: the distance itself is then the best figure there is.
        figures['relative'] = max(figures['relative'], apart / norm_b if norm_b else apart)
        cosine = float(a @ b) / (norm_a * norm_b) if norm_a and norm_b else float(norm_a == norm_b)
        figures['cosine'] = min(figures['cosine'], cosine)
    return figures


def judge(figures: Mapping[str, Any], precision: str, overrides: Mapping[str, Tolerance] | None = None) -> str | None:
    """Return None when the figures are within the tolerance of ``precision``, else a sentence with figure and bound."""
    if figures.get('failure'):
        return str(figures['failure'])
    default, asked = DEFAULTS.get(precision, DEFAULTS['f32']), (overrides or {}).get(precision)
    # What a recipe states replaces the default as a whole: a cosine alone must not keep a hidden norm.
    bound = asked if asked and (asked.relative is not None or asked.cosine is not None) else default
    if bound.relative is not None and not figures['relative'] <= bound.relative:
        return f'the relative difference is {figures["relative"]:.3g}, more than {bound.relative:g} ({precision})'
    if bound.cosine is not None and not figures['cosine'] >= bound.cosine:
        return f'the cosine similarity is {figures["cosine"]:.4f}, less than {bound.cosine:g} ({precision})'
    return None


def top1(outputs: numpy.ndarray, labels: numpy.ndarray) -> dict[str, Any]:
    """Return the share of samples whose largest output is the label's, with its interval."""
    import numpy as np

    return _share('top1', np.asarray(outputs).argmax(-1).ravel() == np.asarray(labels).ravel())


def agreement(outputs: numpy.ndarray, reference: numpy.ndarray) -> dict[str, Any]:
    """Return how often both choose the same along the last axis, with its interval. Needs no labels."""
    import numpy as np

    return _share('agreement', np.asarray(outputs).argmax(-1).ravel() == np.asarray(reference).argmax(-1).ravel())


METRICS: Final[dict[str, Callable[[Any, Any], dict[str, Any]]]] = {'top1': top1, 'agreement': agreement}
"""By the name a recipe uses; each takes outputs and what they are measured against."""


def mean_score(name: str, scores: numpy.ndarray) -> dict[str, Any]:
    """Return the mean of a score for each sample, with its 95 % interval: a share's where each is 0 or 1."""
    if ((scores == 0) | (scores == 1)).all():
        return _share(name, scores == 1)
    n, mean = len(scores), float(scores.mean())
    half = 1.959964 * float(scores.std(ddof=1)) / sqrt(n) if n > 1 else 0.0
    return {'name': name, 'value': mean, 'n': n, 'low': mean - half, 'high': mean + half}


def _failure(sentence: str, *, finite: bool = True) -> dict[str, Any]:
    return {'max_abs': None, 'relative': None, 'cosine': None, 'finite': finite, 'failure': sentence}


def _share(name: str, hit: Any) -> dict[str, Any]:
    n, hits = len(hit), int(hit.sum())
    low, high = wilson(hits, n)
    return {'name': name, 'value': hits / n if n else 0.0, 'n': n, 'low': low, 'high': high}
