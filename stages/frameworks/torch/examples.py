"""Example inputs that a contract asks for, and the sizes that go with them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from stages.contract.port import BATCH, Contract, listed
from stages.errors import StepError

if TYPE_CHECKING:
    import numpy
    import torch

FIRST: Final = {BATCH: 2}
SECOND: Final = {BATCH: 3}
"""The batch is 2, never 1, since exporters take a 1 for a constant. The second differs in every size, so that one that
was baked in shows."""

WORDS: Final = 600
"""Letters of what a module says when it refuses."""

LENGTH, LONGER = 32, 48
"""Of a named dimension without a size in the recipe: a length or an image side, big enough for a few strides."""


def sizes(contract: Contract, second: bool = False) -> dict[str, int]:
    """Return a size for each named dimension of the inputs: the recipe's where it has one, and no 1."""
    named = sorted({d for port in contract.inputs for d in port.shape if isinstance(d, str)})
    given = {name: max(2, contract.sizes[name]) for name in named if name in contract.sizes and name != BATCH}
    if second:
        return {name: 2 * given[name] if name in given else SECOND.get(name, LONGER) for name in named}
    return {name: given.get(name, FIRST.get(name, LENGTH)) for name in named}


def arrays(
    contract: Contract, sizes: Mapping[str, int], seed: int = 0, whole: int | None = None
) -> dict[str, numpy.ndarray]:
    """Return the same feed each time, of made-up samples; ``whole`` replaces every whole number."""
    import numpy as np

    from stages.feed.samples import feed, samples

    found = samples({}, contract, sizes, seed)
    count = contract.rows or sizes.get(BATCH, 1)
    made = feed(found, contract, [i % found.count for i in range(count)])
    if whole is None:
        return made
    return {name: np.full_like(a, whole) if a.dtype.kind in 'iu' else a for name, a in made.items()}


def tensors(contract: Contract, second: bool = False, seed: int = 0) -> tuple[torch.Tensor, ...]:
    """Return example inputs in the contract's order."""
    return as_tensors(arrays(contract, sizes(contract, second), seed))


def as_tensors(feed: Mapping[str, numpy.ndarray], cast: bool = False) -> tuple[torch.Tensor, ...]:
    """Return the arrays of a feed as tensors of their own; ``cast`` makes those of float32 bfloat16."""
    import numpy as np
    import torch

    made = (torch.from_numpy(np.array(array)) for array in feed.values())
    return tuple(bfloat16(tensor) if cast else tensor for tensor in made)


def bfloat16(tensor: Any) -> Any:
    """Return a tensor of float32 as bfloat16, any other as it is."""
    import torch

    return tensor.to(torch.bfloat16) if tensor.dtype == torch.float32 else tensor


def working(module: Any, contract: Contract) -> tuple[torch.Tensor, ...]:
    """Return example inputs, of those that are tried, which ``module`` takes. Raises StepError where it takes none."""
    import torch

    from stages.frameworks.torch import arguments, inner

    taken = arguments.arguments(module)
    names = [port.in_file for port in contract.inputs]
    given = sizes(contract)
    said = ''
    for whole, cast in attempts(contract, has_bfloat16(module, contract)):
        feed = arrays(contract, given, whole=whole)
        try:
            with torch.no_grad(), inner.fresh(module, inner.values(module, contract.state)):
                arguments.called(module, taken, dict(zip(names, as_tensors(feed, cast), strict=True)))
        except Exception as error:  # whatever its Python raises
            said = said or f'{type(error).__name__}: {str(error)[:WORDS]}'
        else:
            return as_tensors(feed)
    raise StepError(refused(contract, given, said))


def attempts(contract: Contract, bfloat: bool) -> list[tuple[int | None, bool]]:
    """Return what to try in turn: a number for all whole numbers, and whether floats are bfloat16.

    Whole numbers are 0 and 1 at first; lengths and counts must not be 0 at times, and places not 1.
    """
    integers = any(port.dtype.startswith(('int', 'uint')) for port in contract.inputs)
    casts = (False, True) if bfloat else (False,)
    return [(whole, cast) for whole in ((None, 1, 0) if integers else (None,)) for cast in casts]


def has_bfloat16(module: Any, contract: Contract) -> bool:
    """Whether ``module`` has weights of bfloat16, which NumPy and recipes do not know."""
    import torch

    return contract.precision == 'bf16' or any(p.dtype == torch.bfloat16 for p in module.parameters())


def refused(contract: Contract, given: Mapping[str, int], said: str) -> str:
    """Return the message for a module that takes none of the example inputs of the sizes ``given``."""
    shapes = listed([replace(port, shape=port.sized(**given)) for port in contract.inputs])
    named = [name for name in given if name != BATCH]
    free = [name for name in named if name not in contract.sizes] or named
    floats = {'f16': 'float16', 'f32': 'float32'}.get(contract.precision)
    advice = []
    if any(p.dtype.startswith('float') and p.dtype != floats for p in contract.inputs) and floats:
        advice.append(f'dtype: {floats}, which its weights are')
    if free:
        advice.append(f'benchmark: {{sizes: {{{free[0]}: …}}}} with sizes that it takes')
    if not advice:
        advice.append('shapes and types in the recipe that it takes')
    return f'forward refuses made-up inputs ({shapes}): {said}\nwhat to try: {", or ".join(advice)}'
