"""Say what is here, what is missing for which recipe, and the one command that mends it.

Exit 3 when a recipe lacks a tool. --make NAME makes a locked environment now, instead of when a step first needs it.
"""

from __future__ import annotations

import argparse
import platform
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

from stages.build import environment, host
from stages.build.project import Project, find_root, open_project
from stages.build.tasks import missing_of
from stages.build.tools import MISSING, remedy, versions
from stages.engines import ENGINES
from stages.environments import ENVIRONMENTS, locked, purpose
from stages.report import TOOLS


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument('--make', metavar='NAME', choices=ENVIRONMENTS, help=f'one of {", ".join(ENVIRONMENTS)}')


def run(asked: argparse.Namespace) -> int:
    project = open_project(find_root(Path.cwd()))
    if asked.make:
        environment.make(project, asked.make)
        print(f'{asked.make}: {environment.folder_of(project, asked.make).relative_to(project.root)}')
        return 0
    print(f'Python {platform.python_version()} on {platform.system()} {platform.machine()}, {sys.executable}')
    print(f'CPU    {host.host()["features"] or "features not readable"}\n')
    for title, lines in (
        ('Engines', _engines(project)), ('Report', _report(project)), ('Compiler', _compiler()),
        ('Locked environments', _environments(project)), ('Recipes', _recipes(project)),
    ):  # fmt: skip
        print(title)
        for line in lines:
            print(f'  {line}')
        print()
    lacking = sorted({tool for recipe in project.plan.builds for tool in missing_of(project, recipe)})
    if lacking:
        print(f'To build every recipe: {remedy(lacking)}')
    else:
        print('Every recipe can be built here.')
    return 3 if lacking else 0


def _engines(project: Project) -> Iterator[str]:
    for name, engine in ENGINES.items():
        found = versions((tool for tool in engine.TOOLS if tool != 'numpy'), project.installed)
        yield f'{name:<14} {_told(found)}'


def _report(project: Project) -> Iterator[str]:
    yield f'{"charts":<14} {_told(versions(TOOLS, project.installed))}'


def _told(found: dict[str, str]) -> str:
    missing = [tool for tool, version in found.items() if version == MISSING]
    if missing:
        return f'missing {", ".join(missing)}: {remedy(missing)}'
    return ', '.join(f'{tool} {version}' for tool, version in found.items())


def _compiler() -> Iterator[str]:
    path = shutil.which('g++') or shutil.which('c++')
    yield f'{"g++":<14} {path or "missing: aoti and compile: inductor need it; install your system’s g++"}'


def _environments(project: Project) -> Iterator[str]:
    for name in ENVIRONMENTS:
        made = environment.is_made(project, name)
        there = 'made' if made else f'made on first need, or: modelkiln doctor --make {name}'
        yield f'{name:<14} {len(locked(name))} packages, {there}'
        yield f'{"":<14} {purpose(name)}'


def _recipes(project: Project) -> Iterator[str]:
    for recipe in project.plan.builds:
        missing = missing_of(project, recipe)
        yield f'{recipe:<24} ' + (f'missing {", ".join(missing)}: {remedy(missing)}' if missing else 'can be built')
