"""What the command line says of a model, in the words of recipes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from stages.contract.port import Contract
from stages.errors import RecipeError
from stages.recipe.mistakes import Mistakes
from stages.recipe.signature import read_inputs
from stages.recipe.strict_yaml import read_yaml


def declared(text: str) -> Contract:
    """Return the inputs that ``text`` declares, as the value of a recipe's ``inputs``. Raises RecipeError."""
    mistakes = Mistakes('--inputs')
    node = read_yaml(text, mistakes)
    mistakes.raise_any()
    if node is None:
        raise RecipeError('--inputs: is empty')
    found = read_inputs(node, True, mistakes)
    mistakes.raise_any()
    assert found is not None, 'inputs without mistakes are whole'
    return Contract(found[0])


def options(given: Sequence[str]) -> dict[str, Any]:
    """Return ``KEY=VALUE`` pairs as a mapping; a value with commas is a list. Raises RecipeError."""
    found: dict[str, Any] = {}
    for pair in given:
        key, equals, value = pair.partition('=')
        if not equals or not key:
            raise RecipeError(f'--option {pair}: expected KEY=VALUE, like signature=encode')
        found[key] = value.split(',') if ',' in value else value
    return found
