"""One project as a run sees it: the plan, the store, and what is known so far about each step."""

from __future__ import annotations

import sys
import threading
from collections import Counter
from collections.abc import Iterable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any

from stages import spawn
from stages.contract.engine import Emulator
from stages.digest import digest_of, file_digest
from stages.engines import ENGINES
from stages.environments import lock_file, locked
from stages.errors import RecipeError, ToolError
from stages.execute import host, programs, tools
from stages.execute.action import START, action_of
from stages.execute.code import Python, code_digest, python_of
from stages.execute.share import Shared, of_this_machine
from stages.launch import Launcher
from stages.measure import check
from stages.paths import files_below
from stages.plan.make import make_plan
from stages.plan.step import Build, Plan, Step
from stages.recipe.read import read_recipes, read_right
from stages.store.files import Remembered
from stages.store.records import read_record
from stages.store.store import Store
from stages.terminal import indented

STATE = '.modelkiln'
NO_PYTHON = Python({}, frozenset())


@dataclass(frozen=True)
class Stamp:
    """What a step left when it last succeeded here."""

    key: str
    digest: str
    """Of the result's content; what steps behind it are keyed by."""

    refused: bool = False
    """What it left is a tool's refusal, which its variants expect: nothing can be built on it."""


@dataclass(frozen=True)
class Failure:
    """Why a step has no result."""

    step: str
    """The name of the step that failed: this one, or the first one before it."""

    reason: str
    log: str
    repeat: str
    unsupported: bool = False
    """A tool cannot do this to this model; nothing went wrong."""

    def __str__(self) -> str:
        return f'{self.step}: {indented(self.reason)}\n  log:    {self.log}\n  repeat: {self.repeat}'


@dataclass
class Project:
    """The root folder and everything derived from it. One per run; shared by doit's threads."""

    root: Path
    plan: Plan
    wrong: tuple[str, ...] = ()
    """What is wrong with recipes that are not in the plan; what they left is nobody's to take away."""

    left_out: dict[str, dict[str, list[str]]] = field(default_factory=dict)
    """By recipe and variant: the tools that are not installed, for which it is not in the plan."""

    verbose: bool = False
    """Whether the lines of steps' logs are told while they work."""

    done: Counter[str] = field(default_factory=Counter)
    """What this run did so far, for its last line: steps by what became of them."""

    reports: list[str] = field(default_factory=list)
    """The pages that this run wrote, in the order in which they were done."""

    stamps: dict[str, Stamp | None] = field(default_factory=dict)
    failures: dict[str, Failure] = field(default_factory=dict)
    facts: dict[str, str] = field(default_factory=dict)
    broken_environments: dict[str, str] = field(default_factory=dict)
    """Locked environments that could not be made in this run, and why."""

    used_environments: set[Path] = field(default_factory=set)
    """Locked environments that this run uses; nobody takes them away as long as it lives."""

    held: ExitStack = field(default_factory=ExitStack)
    """Locks that it holds to its end."""

    settled: set[str] = field(default_factory=set)
    """Steps that were current when the run began, with all that they hang on."""

    guard: threading.RLock = field(default_factory=threading.RLock)

    @cached_property
    def state(self) -> Path:
        return self.root / STATE

    @cached_property
    def store(self) -> Store:
        return Store(self.state / 'store')

    @cached_property
    def remembered(self) -> Remembered:
        return Remembered(self.state / 'files.json')

    @cached_property
    def launcher(self) -> Launcher:
        """What makes the processes of this run; they end with it."""
        return Launcher(self.store.temporary('servers'))

    @cached_property
    def shared(self) -> Shared:
        """What the steps of this run share of the machine: memory and cores."""
        return Shared(of_this_machine())

    @cached_property
    def foreign(self) -> Path:
        """What ``modelkiln doctor --make`` prepared to run models for other machines."""
        return self.state / 'foreign'

    @cached_property
    def _emulated(self) -> dict[str, dict[str, str]]:
        return {}

    def emulated(self, step: Step) -> dict[str, str]:
        """Return the machines that the engine of a check can emulate here: with them, a model for one is run too."""
        if step.kind != check.KIND:
            return {}
        engine = step.params['engine']
        if engine not in self._emulated:
            names = ENGINES[engine].made(self.foreign)
            self._emulated[engine] = {'emulated': ' '.join(names)} if names else {}
        return self._emulated[engine]

    def emulators(self, step: Step) -> tuple[Emulator, ...]:
        """Return what a check runs models for those machines with."""
        names = self.emulated(step).get('emulated', '').split()
        return tuple(ENGINES[step.params['engine']].FOREIGN[name] for name in names)

    @cached_property
    def installed(self) -> Mapping[str, str]:
        return tools.installed(sys.path)

    @cached_property
    def users(self) -> Mapping[str, list[str]]:
        return self.plan.users()

    @cached_property
    def refusable(self) -> frozenset[str]:
        """Return the steps that only variants need which expect to be unsupported: a refusal of these is a result."""
        needed: dict[str, bool] = {}
        for build in (build for builds in self.plan.builds.values() for build in builds):
            for id in build.steps:
                needed[id] = needed.get(id, True) and build.variant.unsupported
        return frozenset(id for id, expected in needed.items() if expected)

    def stamp(self, id: str) -> Stamp | None:
        """Return what step ``id`` left, or None."""
        if id not in self.stamps:
            read = read_record(f'{self.state}/steps/{id}.json', {'key': str, 'digest': str})
            self.stamps[id] = Stamp(read['key'], read['digest'], read.get('refused') is True) if read else None
        return self.stamps[id]

    def action(self, step: Step) -> dict[str, Any]:
        """Return the action of ``step``; the steps before it must have their stamps."""
        inputs = {}
        for role, id in step.inputs.items():
            stamp = self.stamp(id)
            assert stamp is not None, f'{step.name} asked for its action before {role} was made'
            inputs[role] = stamp.digest
        recipes = self.root / 'recipes'
        with self.guard:
            python = python_of(step.python, recipes, self.remembered) if step.python else NO_PYTHON
            files = dict(python.files)
            if step.path:
                path = recipes / step.path
                for file in files_below(path) if step.path.endswith('/') else [path]:
                    name = file.relative_to(recipes).as_posix()
                    files[name] = self.remembered.of('sha256', file, file_digest)
            code = self.code((*START, *step.code))
            lock = lock_file(step.environment) if step.environment else None
            environment = self.remembered.of('sha256', lock, file_digest) if lock else ''
            called = programs.versions(step.programs, self.remembered)
        versions = tools.versions(sorted({*step.tools, *python.packages}), self.packages(step))
        return action_of(
            step, code=code, inputs=inputs, files=files, tools=versions | called,
            platform=host.system() | (host.host() if step.host else {}) | self.emulated(step),
            settings=spawn.SETTINGS | spawn.PATIENT, environment=environment,
        )  # fmt: skip

    def missing(self, step: Step) -> list[str]:
        """Return the packages, and the programs of the system, that ``step`` needs and that are not here.

        Opens the recipe's Python only; what it imports in a locked environment, where nothing can be added, it says
        itself.
        """
        python = NO_PYTHON
        if step.python and not step.environment:
            with self.guard:
                python = python_of(step.python, self.root / 'recipes', self.remembered)
        found = tools.versions(sorted({*step.tools, *python.packages}), self.packages(step))
        with self.guard:
            found |= programs.versions(step.programs, self.remembered)
        return [tool for tool, version in found.items() if version == tools.MISSING]

    def unable(self, recipe: str) -> list[str]:
        """Return the packages that any step of ``recipe`` needs and that are not installed here."""
        return self._lacking(self.plan.steps_of(recipe))

    def leave_out(self) -> None:
        """Take the variants out of the plan whose tools are not installed, of recipes whose baseline can be built."""
        builds: dict[str, tuple[Build, ...]] = {}
        for recipe, all_of_it in self.plan.builds.items():
            lacking = {build.variant.name: self._lacking(build.steps) for build in all_of_it}
            gone = {name: tools for name, tools in lacking.items() if tools}
            if not gone or self.plan.baseline(recipe).variant.name in gone:
                builds[recipe] = all_of_it
                continue
            builds[recipe] = tuple(build for build in all_of_it if build.variant.name not in gone)
            self.left_out[recipe] = gone
        self.plan = replace(self.plan, builds=builds)

    def _lacking(self, ids: Iterable[str]) -> list[str]:
        return sorted({tool for id in ids for tool in self._missing_of(id)})

    def _missing_of(self, id: str) -> list[str]:
        if id not in self._missing:
            self._missing[id] = self.missing(self.plan.steps[id])
        return self._missing[id]

    @cached_property
    def _missing(self) -> dict[str, list[str]]:
        return {}

    def packages(self, step: Step) -> Mapping[str, str]:
        """Return the packages that ``step`` runs among, and their versions."""
        return self._among(step.environment)

    def tools_of(self, engine: str) -> dict[str, str]:
        """Return the tools of an engine and their versions, where it runs: ``mxnet (mxnet)`` in an environment."""
        there = ENGINES[engine].ENVIRONMENT
        found = tools.versions(ENGINES[engine].TOOLS, self._among(there))
        return {f'{tool} ({there})' if there else tool: version for tool, version in found.items()}

    def _among(self, environment: str) -> Mapping[str, str]:
        if not environment:
            return self.installed
        if environment not in self._locked:
            self._locked[environment] = locked(environment)
        return self._locked[environment]

    def key(self, step: Step) -> str:
        return digest_of(self.action(step))

    def code(self, modules: tuple[str, ...]) -> str:
        """Return the digest of ``modules`` and all of ours that they import."""
        known = self._codes.get(modules)
        if known is None:
            known = self._codes[modules] = code_digest(modules, self.remembered)
        return known

    @cached_property
    def _locked(self) -> dict[str, Mapping[str, str]]:
        return {}

    @cached_property
    def _codes(self) -> dict[tuple[str, ...], str]:
        return {}

    def look_again(self) -> None:
        """Forget what was read of files and packages in this run, so that a change since then is seen."""
        self.remembered.forget_run()
        self.__dict__.pop('installed', None)
        self._missing.clear()
        self._codes.clear()


def find_root(start: Path) -> Path:
    """Return the nearest folder at or above ``start`` that holds recipes/."""
    for folder in (start, *start.parents):
        if (folder / 'recipes').is_dir():
            return folder
    msg = f'{start}: no recipes/ folder here or above; change into a Modelkiln project'
    raise ToolError(msg)


def open_project(root: Path) -> Project:
    """Read the recipes below ``root`` and plan them. Raises RecipeError with every mistake."""
    return Project(root, make_plan(read_recipes(root)))


def open_right(root: Path) -> Project:
    """Read the recipes below ``root`` and plan those that are right; what is wrong with the others is in ``wrong``.

    Raises RecipeError where none is right.
    """
    recipes, wrong = read_right(root)
    if wrong and not recipes:
        raise RecipeError(*wrong)
    return Project(root, make_plan(recipes), wrong)
