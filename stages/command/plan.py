"""Say what doit would do, with reasons; changes nothing.

A step would `run`, or is `cached` (the store has it). `maybe` says on what something hangs that cannot be known before:
the bytes that a step leaves which runs first. What is not shown is current. How long measuring takes is by what was
measured before; `advice` is what this machine does not bear out.
"""

from __future__ import annotations

import argparse
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from stages.command.usual import json_too, meant, print_json, right_project
from stages.execute.predict import Prediction
from stages.execute.project import Project
from stages.execute.start import cores, demands, expected_memory
from stages.layout.advice import here, wait
from stages.layout.foresee import Deed, foresee
from stages.plan.step import Step

RUNS: Final = ('run', 'maybe')


@dataclass(frozen=True)
class Foretold:
    """What would become of a step."""

    what: str
    """``run``, ``cached``, ``maybe``, ``current`` or ``refused``."""

    step: str
    kind: str
    reasons: tuple[str, ...]
    cores: int | None = None
    """How many it keeps busy; null: it would not run."""

    memory: int | None = None
    """Bytes that it is expected to need; 0: not known yet."""


@dataclass(frozen=True)
class Planned:
    """What ``modelkiln plan --json`` prints: what doit would do."""

    steps: tuple[Foretold, ...]
    deeds: tuple[Deed, ...]
    """Beside the steps."""


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument('name', nargs='*', help='recipes, variants, patterns, tags; default: all')
    parser.add_argument('--all', action='store_true', help='also show what is current')
    json_too(parser)


def run(asked: argparse.Namespace) -> int:
    project, code = right_project()
    steps, deeds = foresee(project, meant(project, asked.name) if asked.name else ())
    shown = [step for step in steps if asked.all or step.what not in ('current', 'refused')]
    if asked.json:
        print_json(Planned(foretold(project, shown), tuple(deeds)))
        return code
    told: list[Prediction | Deed] = [*shown, *deeds]
    for one in told:
        print(line(project, one))
    measured: dict[str, set[str]] = {}
    for deed in deeds:
        if deed.what == 'measure':
            recipe, _, variant = deed.name.partition(':')
            measured.setdefault(recipe, set()).add(variant)
    for recipe, named in measured.items():
        print(f'{"":<8} {f"measuring {recipe}":<28} {wait(project, recipe, named)}')
        for words in here(project.plan.recipes[recipe]):
            print(f'{"advice":<8} {recipe:<28} {words}')
    counts = Counter(step.what for step in steps) + Counter(deed.what if deed.sure else 'maybe' for deed in deeds)
    print(', '.join(f'{count} {what}' for what, count in sorted(counts.items())) or 'no steps')
    return code


def foretold(project: Project, steps: Iterable[Prediction]) -> tuple[Foretold, ...]:
    """Return what ``line`` says of steps, for programs."""
    return tuple(_foretold(project, one.step, one) for one in steps)


def _foretold(project: Project, step: Step, said: Prediction) -> Foretold:
    takes = (cores(project, step), expected_memory(project, step)) if said.what in RUNS else (None, None)
    return Foretold(said.what, step.name, step.kind, said.reasons, *takes)


def line(project: Project, one: Prediction | Deed) -> str:
    """Return what would become of a step, or what would be done, and why, in one line; and what it takes, if much."""
    takes = ''
    if isinstance(one, Prediction):
        what, name = one.what, one.step.name
        takes = demands(project, one.step) if what in RUNS else ''
    else:
        what, name = (one.what, one.name) if one.sure else ('maybe', f'{one.what} {one.name}')
    return f'{what:<8} {name:<28} {"; ".join(filter(None, (*one.reasons, takes)))}'.rstrip()
