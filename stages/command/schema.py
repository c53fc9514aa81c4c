"""Print the JSON Schema of recipes, made from the kinds; editors complete and check by it."""

from __future__ import annotations

import argparse

from stages.command.kinds import open_kinds
from stages.recipe.schema import schema_text


def arguments(parser: argparse.ArgumentParser) -> None:
    """None: redirect it into recipes/recipe.schema.json."""


def run(asked: argparse.Namespace) -> int:
    open_kinds()
    print(schema_text(), end='')
    return 0
