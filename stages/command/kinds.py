"""List what can be done to a model: each kind, what it takes and gives, its parameters, and where it comes from.

Kinds come with Modelkiln, from installed packages (entry points `modelkiln.kinds`), and from the project's kinds/.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from dataclasses import MISSING, dataclass, fields
from pathlib import Path
from typing import Any

from stages import others
from stages.command.usual import json_too, print_json
from stages.contract.kind import Kind
from stages.document.schema import described
from stages.errors import RecipeError, ToolError
from stages.execute import tools
from stages.execute.project import find_root
from stages.kinds import KINDS
from stages.terminal import plain


@dataclass(frozen=True)
class Parameter:
    """What a recipe may set."""

    name: str
    type: str
    default: Any
    about: str


@dataclass(frozen=True)
class About:
    """What can be done to a model."""

    kind: str
    takes: tuple[str, ...]
    gives: str
    about: str
    origin: str
    """``modelkiln``, a package with its version, or a file of the project."""

    environment: str
    """The locked one that it runs in; empty: the user's own."""

    missing: tuple[str, ...]
    """Packages that are not installed."""

    parameters: tuple[Parameter, ...]


@dataclass(frozen=True)
class Known:
    """What ``modelkiln kinds --json`` prints."""

    kinds: tuple[About, ...]
    unusable: tuple[str, ...]
    """What others offer and cannot be taken, and why."""


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument('kind', nargs='?', help='one kind, with its parameters')
    json_too(parser)


def run(asked: argparse.Namespace) -> int:
    open_kinds()
    if asked.kind and asked.kind not in KINDS:
        raise RecipeError(f'{asked.kind} is not a kind; there are {", ".join(KINDS)}')
    found = [one for name, kinds in KINDS.items() for kind in kinds if (one := about(name, kind))]
    found = [one for one in found if asked.kind in (None, one.kind)]
    broken = [problem for offer in others.offers('kinds') if (problem := KINDS.problem(offer))]
    if asked.json:
        print_json(Known(tuple(found), tuple(broken)))
        return 0
    for one in found:
        for line in _lines(one, whole=bool(asked.kind)):
            print(plain(line))
    for problem in broken:
        print(plain(f'unusable: {problem}'))
    return 0


def open_kinds() -> None:
    """Let the kinds of the project around us count, where there is one."""
    try:
        others.open_folder(find_root(Path.cwd()))
    except ToolError:
        return


def about(name: str, kind: Kind) -> About:
    """Return what is told of a kind."""
    missing = [t for t, v in tools.versions(kind.TOOLS, tools.installed()).items() if v == tools.MISSING]
    texts = described(kind.Params)
    return About(
        name,
        tuple(kind.ACCEPTS),
        kind.GIVES,
        (kind.__doc__ or '').strip().partition('\n')[0],
        others.origin_of(kind, 'kinds') or 'modelkiln',
        kind.ENVIRONMENT,
        () if kind.ENVIRONMENT else tuple(missing),
        tuple(Parameter(f.name, str(f.type), _default(f), texts.get(f.name, '')) for f in fields(kind.Params)),
    )


def _default(field: Any) -> Any:
    made = field.default_factory
    value = field.default if made is MISSING else made()
    return None if value is MISSING else value


def _lines(one: About, *, whole: bool) -> Iterator[str]:
    note = f'   (missing here: {", ".join(one.missing)})' if one.missing else ''
    origin = '' if one.origin == 'modelkiln' else f'   from {one.origin}'
    yield f'{one.kind:<20} {"|".join(one.takes)} -> {one.gives}{origin}{note}'
    yield f'    {one.about}'
    if whole:
        for each in one.parameters:
            yield f'    {each.name}: {each.type} = {each.default!r}'
            yield f'        {each.about}'
