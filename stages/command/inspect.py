"""Say what a model file is and what can be made of it, without building anything.

Exit 0 when every kind that takes its format can, 3 when some lack a tool, 4 when one is known to refuse it.
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from stages.begin.ask import declared, options
from stages.begin.confined import scratch
from stages.begin.look import look
from stages.begin.model import Model
from stages.begin.takers import Taker, takers
from stages.command.usual import json_too, print_json
from stages.contract.port import Contract, listed
from stages.errors import ToolError, UnsupportedError
from stages.terminal import aside, plain, size_words

OPERATORS = 12
"""How many are named in the text."""


@dataclass(frozen=True)
class File:
    """A file of the model, or its folder as it is."""

    name: str
    bytes: int
    sha256: str


@dataclass(frozen=True)
class Taking(Taker):
    """A kind and this model."""

    can: bool = True


@dataclass(frozen=True)
class Inspected:
    """What ``modelkiln inspect --json`` prints: what a model file is and what can be made of it."""

    format: str
    """Of the model."""

    files: tuple[File, ...]
    contract: Contract | None
    """Null: the files tell no ports, as those of weights."""

    operators: Mapping[str, int]
    sizes_tried: Mapping[str, int]
    """Sizes of what the file leaves open at which it answered."""

    batch_shown_by_running: bool
    not_run: str | None
    """Why it could not be run to see that."""

    holds: tuple[Mapping[str, Any], ...]
    """Of files of weights: what they hold."""

    kinds: tuple[Taking, ...]


def arguments(parser: argparse.ArgumentParser) -> None:
    from stages.command.new import asking

    parser.add_argument('model', type=Path, help='a file or a folder, or Python that builds it: net.py:build')
    json_too(parser)
    asking(parser)


def run(asked: argparse.Namespace) -> int:
    with scratch() as place, aside():
        told = declared(asked.inputs) if asked.inputs else None
        model = look(asked.model, place, options(asked.option), declared=told, weights=asked.weights)
        found = takers(model, place)
    if asked.json:
        print_json(inspected(model, found))
    else:
        print(as_text(model, found))
    if any(one.refused for one in found):
        return UnsupportedError.exit_code
    return ToolError.exit_code if any(one.lacking for one in found) else 0


def inspected(model: Model, found: list[Taker]) -> Inspected:
    """Return all that is known of a model."""
    return Inspected(
        model.format,
        tuple(File(f.place, f.size, f.sha256) for f in model.files),
        model.contract,
        model.operators,
        model.sizes,
        model.batch_shown,
        model.unrun or None,
        model.holds,
        tuple(Taking(**vars(one), can=not (one.refused or one.lacking)) for one in found),
    )


def as_text(model: Model, found: list[Taker]) -> str:
    """Return it as lines for people."""
    lines = [f'format     {model.format}']
    for file in model.files:
        lines.append(f'file       {file.place or file.path.name + "/"}  {size_words(file.size)}  sha256 {file.sha256}')
    if contract := model.contract:
        lines += [f'input      {listed([port])}' for port in contract.inputs]
        lines += [f'output     {listed([port])}' for port in contract.outputs]
        lines.append(f'precision  {contract.precision}')
        lines += [f'state      {", ".join(contract.state)}'] if contract.state else []
    if model.batch_shown:
        lines.append('batch      the first axis: three samples together were answered as each of them alone')
    if model.sizes:
        lines.append(f'sizes      it runs at {", ".join(f"{name} {size}" for name, size in model.sizes.items())}')
    if model.unrun:
        lines.append(f'not run    {model.unrun}')
    if model.operators:
        named = ', '.join(f'{name} {count}' for name, count in [*model.operators.items()][:OPERATORS])
        more = len(model.operators) - OPERATORS
        lines.append(f'operators  {named}{f", and {more} others (--json)" if more > 0 else ""}')
    for one in model.holds:
        shown = ', '.join(name for name, _, _ in one['tensors'][:5])
        lines.append(f'holds      {one["key"] or "(outermost)"}: {len(one["tensors"])} tensors: {shown}')
    lines.append('')
    lines += [f'{one.kind:<18} {f"-> {one.gives}":<16} {one.words}' for one in found]
    return '\n'.join(map(plain, lines))
