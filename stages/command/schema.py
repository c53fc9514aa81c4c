"""Print the JSON Schema of a document: of recipes, by which editors complete and check; or of what is written.

Made from the code each time. `modelkiln schema > recipes/recipe.schema.json` keeps that of recipes beside them.
"""

from __future__ import annotations

import argparse

from stages.command.kinds import open_kinds
from stages.deliver.schemas import SCHEMAS, schema_text


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument('document', nargs='?', default='recipe', choices=[*SCHEMAS], help='default: recipe')


def run(asked: argparse.Namespace) -> int:
    open_kinds()
    print(schema_text(asked.document), end='')
    return 0
