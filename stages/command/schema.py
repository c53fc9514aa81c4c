"""Print the JSON Schema of a document: of recipes, by which editors complete and check; or of one that is written.

What commands print with --json has one too. Made from the code each time. `modelkiln schema >
recipes/recipe.schema.json` keeps that of recipes beside them.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from stages.atomic import write_text
from stages.command.answers import DOCUMENTS, schema_file, schema_text
from stages.command.kinds import open_kinds


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument('document', nargs='?', default='recipe', choices=[*DOCUMENTS], help='default: recipe')
    parser.add_argument('--to', type=Path, metavar='DIR', help='write all of them, each as NAME-VERSION.json')


def run(asked: argparse.Namespace) -> int:
    open_kinds()
    if asked.to:
        asked.to.mkdir(parents=True, exist_ok=True)
        for name in DOCUMENTS:
            write_text(asked.to / schema_file(name), schema_text(name))
        print(f'{asked.to}: {len(DOCUMENTS)} schemas')
        return 0
    print(schema_text(asked.document), end='')
    return 0
