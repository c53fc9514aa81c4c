"""What is too far: the one place for tolerances by precision, and for how much of a metric may be lost."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from stages.measure.figures import Difference, Score
from stages.recipe.model import Tolerance

DEFAULTS: Final[Mapping[str, Tolerance]] = {
    'f32': Tolerance(relative=1e-4, cosine=None),
    'f16': Tolerance(relative=5e-3, cosine=None),
    'bf16': Tolerance(relative=3e-2, cosine=None),
    'int8': Tolerance(relative=None, cosine=0.98),
    'int4': Tolerance(relative=None, cosine=0.95),
    'pruned': Tolerance(relative=None, cosine=None),
}
"""Another order of additions moves f32 by about 1e-6 and a fused kernel by 1e-5: 1e-4 leaves deep models room.
f16 has 11 bits (5e-4 a rounding), ten times that over a network. int8's error depends on the model: a healthy one
keeps a cosine above 0.995, a broken one (clipped range, wrong zero point) falls below 0.95; a norm says less.
bf16 has 8 bits (4e-3 a rounding). A pruned model is another model: only its accuracy can tell whether it serves."""

SLACK: Final = 1e-9
"""Two shares that should differ by exactly the bound differ by a rounding more."""


def tolerance_of(precision: str, overrides: Mapping[str, Tolerance] | None = None) -> Tolerance:
    """Return what a model of ``precision`` is judged by.

    What a recipe states replaces the default as a whole: a cosine alone must not keep a hidden norm.
    """
    asked = (overrides or {}).get(_key(precision))
    return asked if asked and (asked.relative is not None or asked.cosine is not None) else DEFAULTS[_key(precision)]


def judge(difference: Difference, precision: str, overrides: Mapping[str, Tolerance] | None = None) -> str | None:
    """Return None within the tolerance of ``precision``, else a sentence: figure, bound, the recipe's key, where."""
    if difference.failure:
        return difference.failure
    bound, key = tolerance_of(precision, overrides), _key(precision)
    relative, cosine = difference.relative, difference.cosine
    if relative is None:
        return 'how far it is from the source was not recorded'
    if bound.relative is not None and not relative <= bound.relative:
        figure = f'the relative difference is {relative:.3g}, more than {bound.relative:g}'
        return _said(figure, key, 'relative', difference)
    if bound.cosine is not None and cosine is not None and not cosine >= bound.cosine:
        # an angle just below the bound must not read as the bound itself
        shown = f'{cosine:.4f}' if f'{cosine:.4f}' != f'{bound.cosine:.4f}' else f'{cosine:.9g}'
        return _said(f'the cosine similarity is {shown}, less than {bound.cosine:g}', key, 'cosine', difference)
    return None


def loss(before: Score | None, after: Score) -> float:
    """Return how much worse ``after`` is than the baseline's score, in the metric's units; below 0 it is better.

    A baseline without a score (``None``) is that of agreement: it agrees with itself in every answer.
    """
    lost = (1.0 if before is None else before.value) - after.value
    return -lost if after.better == 'lower' else lost


def too_much(lost: float, bound: float) -> bool:
    """Whether a loss is more than the recipe allows (``max_drop``, ``accuracy_drop``)."""
    return not lost <= bound + SLACK


def untestable(score: Score | None, bound: float | None) -> str | None:
    """Return a sentence where ``bound`` is finer than one answer of the evaluation data, so that it means "none"."""
    if score is None or bound is None or not score.percent or not score.n or not 0 < bound < 1 / score.n - SLACK:
        return None
    return (
        f'a drop of {bound:g} in {score.name} cannot be tested on {score.n} answers, of which one alone is '
        f'{1 / score.n:.2g}; it allows none to be lost: take at least {_ceiling(1 / bound)} answers, or a wider bound'
    )


def _key(precision: str) -> str:
    return precision if precision in DEFAULTS else 'f32'


def _said(figure: str, key: str, name: str, difference: Difference) -> str:
    place = f'; furthest apart: {difference.where}' if difference.where else ''
    return f"{figure} (the recipe's key: check: {{tolerance: {{{key}: {{{name}: …}}}}}}){place}"


def _ceiling(value: float) -> int:
    return int(-(-(value - SLACK) // 1))
