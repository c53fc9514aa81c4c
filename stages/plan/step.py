"""The plan's nouns: steps, variants as they will be built, and the graph of all of them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from stages.contract.port import Contract
from stages.recipe.model import Recipe, Variant


@dataclass(frozen=True)
class Step:
    """A stage with its inputs resolved. Equal steps of several variants or recipes are one step."""

    id: str
    """Static identity: kind, parameters and the ids of the inputs. Names the task, its log and its stamp."""

    kind: str
    module: str
    """The module whose ``run`` does the work."""

    params: Mapping[str, Any]
    """Every parameter, resolved, as JSON values."""

    inputs: Mapping[str, str]
    """Role to the id of the step whose result is meant."""

    python: str
    """A file below recipes/models/ that the step runs, with what it imports from there; or empty."""

    path: str
    """A data file below recipes/ that the step reads; or empty."""

    declared: Contract | None
    """What the recipe says of the model, of a source; others read what the model says of itself."""

    outputs: tuple[str, ...]
    """Files it promises."""

    tools: tuple[str, ...]
    code: tuple[str, ...]
    """Modules whose code, with their helpers, can change the result."""

    host: bool
    """Whether the result depends on the CPU it is made on."""

    timeout: float
    """Seconds it may take: the largest limit of the recipes that need it. Policy, and so in neither id nor key."""

    memory: int = 0
    """Bytes it may need, likewise; 0: as much as the machine has."""

    hosts: tuple[str, ...] = ()
    """Of a fetch: those that it may be sent on to. Policy likewise: the bytes are those of its sha256."""

    programs: tuple[str, ...] = ()
    """Programs of the system that it calls."""

    environment: str = ''
    """The locked environment whose Python runs it; empty: the user's own."""

    @property
    def name(self) -> str:
        """What people type and read: ``onnx-quantize-1a2b3c4d``."""
        return f'{self.kind}-{self.id[:8]}'


@dataclass(frozen=True)
class Link:
    """One place in a variant's chain: the step, and its numeric check (if an engine runs its format)."""

    step: str
    check: str | None


@dataclass(frozen=True)
class Build:
    """One variant of one recipe, resolved to steps."""

    recipe: str
    variant: Variant
    chain: tuple[Link, ...]
    """The source first; the last link is what is shipped."""

    steps: tuple[str, ...]
    """Ids of every step it needs, its checks included, inputs first."""

    @property
    def name(self) -> str:
        return f'{self.recipe}:{self.variant.name}'


def needed_by(chain: Iterable[Link], steps: Mapping[str, Step]) -> tuple[str, ...]:
    """Return the ids of every step that ``chain`` and its checks need, inputs first."""
    ordered: dict[str, None] = {}

    def visit(id: str) -> None:
        if id not in ordered:
            for other in steps[id].inputs.values():
                visit(other)
            ordered[id] = None

    for link in chain:
        visit(link.step)
        if link.check:
            visit(link.check)
    return tuple(ordered)


@dataclass(frozen=True)
class Plan:
    """All steps of all recipes as one graph, inputs before what needs them."""

    steps: Mapping[str, Step]
    builds: Mapping[str, tuple[Build, ...]]
    """By recipe; the order is the recipe's."""

    recipes: Mapping[str, Recipe]
    probes: Mapping[str, str]
    """By recipe: the step whose arrays every variant is checked and measured on."""

    around: Mapping[str, str] = field(default_factory=dict)
    """By recipe that names it: the step that keeps the Python around its model."""

    def users(self) -> dict[str, list[str]]:
        """Return, by step id, the names of the variants that need it."""
        needed: dict[str, list[str]] = {}
        for builds in self.builds.values():
            for build in builds:
                for id in build.steps:
                    needed.setdefault(id, []).append(build.name)
        for recipe in self.around:
            for id in self.around_of(recipe):
                needed.setdefault(id, [recipe])
        return needed

    def steps_of(self, recipe: str) -> dict[str, None]:
        """Return the ids of every step of a recipe, inputs first."""
        ids = dict.fromkeys(id for build in self.builds[recipe] for id in build.steps)
        return ids | dict.fromkeys(self.around_of(recipe))

    def around_of(self, recipe: str) -> tuple[str, ...]:
        """Return the steps that measuring whole requests needs, inputs first; none where nothing is said of them."""
        return needed_by([Link(self.around[recipe], None)], self.steps) if recipe in self.around else ()

    def baseline(self, recipe: str) -> Build:
        """Return the variant the others of ``recipe`` are compared with: the first without stages."""
        return next(build for build in self.builds[recipe] if not build.variant.stages)
