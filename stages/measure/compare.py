"""How far two sets of outputs are apart, what that is worth, and whether it is too far.

A wrong shape, a missing output or a NaN is an answer here (a sentence under ``failure``), not an exception.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

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


def _failure(sentence: str, *, finite: bool = True) -> dict[str, Any]:
    return {'max_abs': None, 'relative': None, 'cosine': None, 'finite': finite, 'failure': sentence}
