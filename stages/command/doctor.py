"""Say what is here, what is missing for which recipe, and the one command that mends it.

Exit 3 when a recipe lacks a tool. --make NAME makes a locked environment now, instead of when a step first needs it; or
what it takes to run models for another machine under an emulator, so that they are checked too.
"""

from __future__ import annotations

import argparse
import platform
import shutil
import sys
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from stages import confine
from stages.command.usual import json_too, print_json
from stages.contract.engine import Engine
from stages.engines import ENGINES
from stages.environments import ENVIRONMENTS, cpython, locked, purpose
from stages.environments.place import shared_folder
from stages.errors import ToolError
from stages.execute import environment, host, pythons
from stages.execute.project import Project, find_root, open_project
from stages.execute.tools import MISSING, remedy, versions
from stages.layout.needed import size_of
from stages.report import TOOLS
from stages.terminal import size_words

FOREIGN: Final[Mapping[str, Engine]] = {name: engine for engine in ENGINES.values() for name in engine.FOREIGN}
"""Other machines, and the engine that runs their models here."""


@dataclass(frozen=True)
class Environment:
    """A locked environment."""

    packages: int
    made: bool
    folder: str


@dataclass(frozen=True)
class Examined:
    """What ``modelkiln doctor --json`` prints: what is here, and what is missing."""

    python: str
    cpu: tuple[str, ...]
    """Instruction sets, as Linux names them."""

    engines: Mapping[str, Mapping[str, str]]
    """By engine: its tools and their versions."""

    unconfined: tuple[str, ...]
    """Layers of the confinement that this system has not."""

    environments: Mapping[str, Environment]
    recipes: Mapping[str, tuple[str, ...]]
    """By recipe: packages that it lacks."""

    missing: tuple[str, ...]
    remedy: str
    """The one command that mends it."""


def arguments(parser: argparse.ArgumentParser) -> None:
    names = [*ENVIRONMENTS, *FOREIGN]
    parser.add_argument(
        '--require-confinement', action='store_true', help='exit 3 unless every layer that confines steps is here'
    )
    json_too(parser)
    parser.add_argument('--make', metavar='NAME', choices=names, help=f'one of {", ".join(names)}')


def run(asked: argparse.Namespace) -> int:
    project = open_project(find_root(Path.cwd()))
    if asked.make in FOREIGN:
        made = FOREIGN[asked.make].prepare_foreign(asked.make, project.foreign)
        print(f'{asked.make}: {made.relative_to(project.root)}; the next doit checks models for it')
        return 0
    if asked.make:
        environment.make(project, asked.make)
        print(f'{asked.make}: {environment.folder_of(project, asked.make)}')
        return 0
    lacking = sorted({tool for recipe in project.plan.builds for tool in project.unable(recipe)})
    if asked.json:
        print_json(_examined(project, lacking))
        return ToolError.exit_code if lacking else 0
    print(f'Python {platform.python_version()} on {platform.system()} {platform.machine()}, {sys.executable}')
    print(f'CPU    {host.host()["features"] or "features not readable"}\n')
    for title, lines in (
        ('Engines', _engines(project)), ('Report and terminal', _report(project)), ('Compiler', _compiler()),
        ('Confinement of steps', _confinement()),
        ('Locked environments', _environments(project)), ('Other machines', _machines(project)),
        ('Recipes', _recipes(project)),
    ):  # fmt: skip
        print(title)
        for line in lines:
            print(f'  {line}')
        print()
    if asked.require_confinement and confine.missing():
        raise ToolError(f'steps are not fully confined here: no {", ".join(confine.missing())}; see SECURITY.md')
    if lacking:
        print(f'To build every recipe: {remedy(lacking)}')
    else:
        print('Every recipe can be built here.')
    return 3 if lacking else 0


def _examined(project: Project, lacking: list[str]) -> Examined:
    return Examined(
        platform.python_version(),
        tuple(host.host()['features'].split()),
        {name: project.tools_of(name) for name in ENGINES},
        tuple(confine.missing()),
        {
            name: Environment(
                len(locked(name)), environment.is_made(project, name), str(environment.folder_of(project, name))
            )
            for name in ENVIRONMENTS
        },
        {name: tuple(project.unable(name)) for name in project.plan.builds},
        tuple(lacking),
        remedy(lacking) if lacking else '',
    )


def _engines(project: Project) -> Iterator[str]:
    for name, engine in ENGINES.items():
        there = locked(engine.ENVIRONMENT) if engine.ENVIRONMENT else project.installed
        found = versions((tool for tool in engine.TOOLS if tool != 'numpy'), there)
        apart = f' (environment {engine.ENVIRONMENT})' if engine.ENVIRONMENT else ''
        yield f'{name:<14} {_told(found)}{apart}'


def _report(project: Project) -> Iterator[str]:
    yield f'{"charts":<14} {_told(versions(TOOLS, project.installed))}'
    yield f'{"terminal":<14} {_told(versions(("rich",), project.installed))}'


def _told(found: dict[str, str]) -> str:
    missing = [tool for tool, version in found.items() if version == MISSING]
    if missing:
        return f'missing {", ".join(missing)}: {remedy(missing)}'
    return ', '.join(f'{tool} {version}' for tool, version in found.items())


def _compiler() -> Iterator[str]:
    path = shutil.which('g++') or shutil.which('c++')
    yield f'{"g++":<14} {path or "missing: aoti and compile: inductor need it; install your system’s g++"}'


def _confinement() -> Iterator[str]:
    for layer, gives in confine.LAYERS.items():
        yield f'{layer:<14} {"MISSING, else: " if layer in confine.missing() else ""}{gives}'


def _environments(project: Project) -> Iterator[str]:
    if shared := shared_folder():
        yield f'of all your projects: {shared}'
    for name in ENVIRONMENTS:
        made, folder = environment.is_made(project, name), environment.folder_of(project, name)
        ago = (time.time() - environment.last_used(folder)) / 86400
        used = 'used today' if ago < 1 else f'last used {ago:.0f} days ago'
        there = (
            f'made, {size_words(size_of(folder))}, {used}'
            if made
            else f'made on first need, or: modelkiln doctor --make {name}'
        )
        if not made and (wanted := cpython(name)):
            found = pythons.find(wanted)
            there += f', with CPython {wanted} ({found or f"MISSING: {pythons.remedy(wanted)}"})'
        yield f'{name:<14} {len(locked(name))} packages, {there}'
        yield f'{"":<14} {purpose(name)}'


def _machines(project: Project) -> Iterator[str]:
    for name, engine in FOREIGN.items():
        emulator = engine.FOREIGN[name]
        program = next(filter(None, map(shutil.which, emulator.programs)), None)
        made = name in engine.made(project.foreign)
        there = 'ready to check models' if made else f'to check models here: modelkiln doctor --make {name}'
        yield f'{name:<14} {f"{Path(program).name}, {there}" if program else f"no emulator; {emulator.install}"}'


def _recipes(project: Project) -> Iterator[str]:
    for recipe in project.plan.builds:
        missing = project.unable(recipe)
        yield f'{recipe:<24} ' + (f'missing {", ".join(missing)}: {remedy(missing)}' if missing else 'can be built')
