"""List what can be done to a model: each kind, what it takes and gives, and its parameters."""

from __future__ import annotations

import argparse
from dataclasses import MISSING, fields

from stages.errors import RecipeError
from stages.execute import tools
from stages.kinds import KINDS
from stages.recipe.schema import described


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument('kind', nargs='?', help='one kind, with its parameters')


def run(asked: argparse.Namespace) -> int:
    if asked.kind and asked.kind not in KINDS:
        raise RecipeError(f'{asked.kind} is not a kind; there are {", ".join(KINDS)}')
    installed = tools.installed()
    for name, kind in ((name, kind) for name, kinds in KINDS.items() for kind in kinds):
        if asked.kind not in (None, name):
            continue
        missing = [t for t, v in tools.versions(kind.TOOLS, installed).items() if v == tools.MISSING]
        note = f'   (missing here: {", ".join(missing)})' if missing and not kind.ENVIRONMENT else ''
        print(f'{name:<20} {"|".join(kind.ACCEPTS)} -> {kind.GIVES}{note}')
        print(f'    {(kind.__doc__ or "").splitlines()[0]}')
        if asked.kind:
            texts = described(kind.Params)
            for field in fields(kind.Params):
                made = field.default_factory
                default = field.default if made is MISSING else made()
                print(f'    {field.name}: {field.type} = {default!r}\n        {texts.get(field.name, "")}')
    return 0
