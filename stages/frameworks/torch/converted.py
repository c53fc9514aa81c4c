"""What a converter is given of a module: tensors in, tensors out, examples of the sizes it is converted at."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from stages.contract.port import Contract
from stages.frameworks.torch import calling, examples, folded


def tensors_only(
    module: Any, contract: Contract, dynamic: bool, batch: int = 1
) -> tuple[Any, Contract, tuple[Any, ...]]:
    """Return a module of tensors in the contract's order, its weights plain, its contract, and example inputs.

    Not ``dynamic``, the contract is of ``batch`` samples and the recipe's sizes alone, and the examples are too.
    """
    folded.fold(module)
    if not dynamic:
        contract = contract.fixed(batch)
    example = examples.working(module, contract)
    made, contract = calling.for_tools(module, contract, example)
    return made, contract, example


def named_alone(contract: Contract) -> Contract:
    """Return ``contract`` of a model whose file has the ports' own names, and no state: what a converter left."""
    inputs = tuple(replace(port, file='') for port in contract.inputs)
    return replace(contract, inputs=inputs, outputs=tuple(replace(p, file='') for p in contract.outputs), state=())
