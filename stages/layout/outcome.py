"""How a variant came out: built or not, near enough to its source or not, measured or not, and each time why."""

from __future__ import annotations

from dataclasses import dataclass

from stages.execute.ensure import failure_of, rebuild, result_of
from stages.execute.project import Failure, Project
from stages.measure.figures import Check, read_check
from stages.measure.tolerance import judge, loss, too_much, untestable
from stages.plan.step import Build, Link
from stages.recipe.model import Recipe
from stages.recipe.setting import Setting
from stages.store.store import Lost


@dataclass(frozen=True)
class Outcome:
    """A variant after its steps have run."""

    build: Build
    failure: Failure | None
    """Set: there is no model, because a step failed."""

    check: Check | None
    """Figures of the last step's check."""

    too_far: Failure | None = None
    """Set: the output of a step is too far from the source model's. The model is measured, and never delivered."""

    accuracy_failed: str | None = None
    """Set: the variant works but loses more of the metric than the recipe allows."""

    unmeasured: tuple[tuple[Setting, str], ...] = ()
    """Measurements that failed in this run: in which setting, and why."""

    notes: tuple[str, ...] = ()
    """What else is to be known of its figures; no failure."""

    @property
    def expected(self) -> bool:
        """Whether it failed as the recipe said it would: a tool cannot do this to this model."""
        return self.failure is not None and self.failure.unsupported and self.build.variant.unsupported

    @property
    def foreign(self) -> str:
        """The machine it is for, in words, when that is another one: it is not measured here."""
        return self.check.foreign if self.check else ''

    @property
    def deliverable(self) -> bool:
        """Whether there is a model that does what the source does."""
        return self.failure is None and self.too_far is None

    @property
    def broken(self) -> str | None:
        """Why the variant must not be shipped, in words; None when it may, or when nobody expects it to be."""
        if self.expected:
            return None
        reasons = [str(failure) for failure in (self.too_far, self.failure) if failure]
        reasons += [self.accuracy_failed] if self.accuracy_failed else []
        return '\n'.join([*reasons, *self.measuring]) or None

    @property
    def measuring(self) -> list[str]:
        """The failed measurements in words."""
        return [f'measuring with {setting.words()} failed: {why}' for setting, why in self.unmeasured]


def outcome_of(project: Project, build: Build) -> Outcome:
    """Judge a variant by its steps and their checks: the first step that fails or leaves the tolerance is named."""
    recipe = project.plan.recipes[build.recipe]
    check: Check | None = None
    too_far: Failure | None = None
    for link in build.chain:
        for id in (link.step, link.check):
            failure = failure_of(project, id) if id else None
            if failure is not None:
                return Outcome(build, failure, None, too_far)
        if link.check is None:
            continue
        check = check_of_step(project, link.check)
        too_far = too_far or _too_far(project, recipe, build, link, check)
    failed = None if too_far else _accuracy(project, recipe, check)
    note = untestable(check.metric if check else None, recipe.check.max_drop)
    return Outcome(build, None, check, too_far, failed, notes=(note,) if note else ())


def check_of_step(project: Project, id: str) -> Check:
    """Return the figures a check step recorded."""
    for _ in range(2):
        result = result_of(project, id)
        try:
            return read_check(project.store.read(result.files['check.json']))
        except Lost:
            rebuild(project, id)
    return read_check(project.store.read(result_of(project, id).files['check.json']))


def _too_far(project: Project, recipe: Recipe, build: Build, link: Link, check: Check) -> Failure | None:
    if check.difference is None or link.check is None:  # the source itself, or nothing was run
        return None
    reason = judge(check.difference, check.precision, recipe.check.tolerance)
    if reason is None:
        return None
    name = project.plan.steps[link.check].name
    log = (project.state / 'logs' / f'{name}.log').relative_to(project.root)
    words = f'leaves the tolerance: {reason}\nto see at which node: modelkiln bisect {build.name}'
    return Failure(project.plan.steps[link.step].name, words, str(log), f'modelkiln repeat {name}')


def _accuracy(project: Project, recipe: Recipe, check: Check | None) -> str | None:
    source = project.plan.baseline(recipe.model).chain[-1].check
    bound = recipe.check.max_drop
    if bound is None or check is None or source is None or failure_of(project, source) is not None:
        return None
    if check.metric is None:
        unknown = check.difference is not None and not check.foreign  # else the source itself, or not judged here
        return f'its metric could not be computed, and {recipe.file} bounds what it may lose' if unknown else None
    before = check_of_step(project, source).metric
    if before is None and check.metric.name != 'agreement':
        return f'the source has no {check.metric.name} to compare with, and {recipe.file} bounds what may be lost'
    if not too_much(loss(before, check.metric), bound):
        return None
    way = 'rose' if check.metric.better == 'lower' else 'fell'
    was = 1.0 if before is None else before.value
    return (
        f'{check.metric.name} {way} from {was:.3f} to {check.metric.value:.3f}; '
        f'{recipe.file} allows a drop of {bound:g}'
    )
