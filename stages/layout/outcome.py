"""How a variant came out: built, or failed at a named step for a reason."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from stages.execute.ensure import failure_of, rebuild, result_of
from stages.execute.project import Failure, Project
from stages.measure.compare import judge
from stages.measure.tolerance import DEFAULTS
from stages.plan.step import Build
from stages.recipe.model import Recipe, Tolerance
from stages.store.store import Lost


@dataclass(frozen=True)
class Outcome:
    """A variant after its steps have run."""

    build: Build
    failure: Failure | None
    """Set: there is nothing to ship, because a step failed or its output is too far from the source model's."""

    check: dict[str, Any] | None
    """Figures of the last step's check."""

    accuracy_failed: str | None
    """Set: the variant works but loses more of the metric than the recipe allows."""

    @property
    def expected(self) -> bool:
        """Whether it failed as the recipe said it would: a tool cannot do this to this model."""
        return self.failure is not None and self.failure.unsupported and self.build.variant.unsupported

    @property
    def elsewhere(self) -> str:
        """The machine it is for, in words, when that is another one: it is not measured here."""
        return str((self.check or {}).get('elsewhere') or '')

    @property
    def broken(self) -> str | None:
        """Why the variant must not be shipped, in words; None when it may, or when nobody expects it to be."""
        if self.expected:
            return None
        return str(self.failure) if self.failure else self.accuracy_failed


def outcome_of(project: Project, build: Build) -> Outcome:
    """Judge a variant by its steps and their checks: the first step that fails or leaves the tolerance is named."""
    recipe = project.plan.recipes[build.recipe]
    figures: dict[str, Any] | None = None
    for link in build.chain:
        for id in (link.step, link.check):
            failure = failure_of(project, id) if id else None
            if failure is not None:
                return Outcome(build, failure, None, None)
        if link.check is None:
            continue
        figures = read_check(project, link.check)
        if figures['difference'] is None:  # the source itself
            continue
        reason = judge(figures['difference'], link.precision, recipe.check.tolerance)
        if reason is not None:
            step = project.plan.steps[link.step]
            log = (project.state / 'logs' / f'{project.plan.steps[link.check].name}.log').relative_to(project.root)
            failure = Failure(
                step.name, f'leaves the tolerance: {reason}', str(log),
                f'modelkiln repeat {project.plan.steps[link.check].name}',
            )  # fmt: skip
            return Outcome(build, failure, figures, None)
    return Outcome(build, None, figures, _accuracy(project, recipe, figures))


def read_check(project: Project, id: str) -> dict[str, Any]:
    """Return the figures a check step recorded."""
    for _ in range(2):
        result = result_of(project, id)
        try:
            figures: dict[str, Any] = json.loads(project.store.read(result.files['check.json']))
        except Lost:
            rebuild(project, id)
        else:
            return figures
    return json.loads(project.store.read(result_of(project, id).files['check.json']))  # type: ignore[no-any-return]


def tolerance_of(recipe: Recipe, precision: str) -> Tolerance:
    """Return the tolerance a step of ``precision`` is judged by."""
    asked = recipe.check.tolerance.get(precision)
    return asked if asked and (asked.relative is not None or asked.cosine is not None) else DEFAULTS[precision]


def _accuracy(project: Project, recipe: Recipe, figures: dict[str, Any] | None) -> str | None:
    source = project.plan.baseline(recipe.model).chain[-1].check
    if recipe.check.max_drop is None or not figures or not figures.get('metric') or source is None:
        return None
    if failure_of(project, source) is not None:
        return None
    metric = figures['metric']
    reference = read_check(project, source)['metric']
    before = reference['value'] if reference else 1.0  # agreement with itself
    drop = before - metric['value']
    if drop <= recipe.check.max_drop + 1e-9:
        return None
    return (
        f'{metric["name"]} fell from {before:.3f} to {metric["value"]:.3f}; '
        f'{recipe.file} allows a drop of {recipe.check.max_drop:g}'
    )
