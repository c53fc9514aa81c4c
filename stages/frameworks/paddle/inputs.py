"""A recipe's inputs beside those of a Paddle model."""

from __future__ import annotations

from collections.abc import Sequence

from stages.contract.port import Tensor
from stages.errors import UnsupportedError


def matched(found: Sequence[str], declared: Sequence[Tensor]) -> list[str]:
    """
    Return, for each declared input, what the model calls it.

    A single input may bear any name. Several are never matched by position: a .pdmodel file lists them backwards, and
    each tool that reads it has an order of its own.
    """
    names = [tensor.name for tensor in declared]
    if len(found) == len(names) == 1:
        return list(found)
    if set(found) != set(names):
        msg = f'the model takes {", ".join(sorted(found))}; the recipe declares {", ".join(names)}'
        raise UnsupportedError(f'{msg}\nwhat to try: name the inputs in the recipe as the model does')
    return names
