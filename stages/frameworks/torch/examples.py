"""Example inputs that a signature asks for, and the names and sizes that go with them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from stages.contract.port import Tensor

if TYPE_CHECKING:
    import numpy
    import torch

# First axis named (a batch): 2, never 1, since exporters take a 1 for a constant. Other named axes are lengths or image
# sides: big enough for a few strides. The second set differs in every size, so that a size baked in shows.
FIRST, SECOND = (2, 32), (3, 48)


def named_sizes(signature: tuple[Tensor, ...], pair: tuple[int, int] = FIRST) -> dict[str, int]:
    """Return a size for each named dimension of ``signature``."""
    leading = {t.shape[0] for t in signature if t.shape}
    named = {d for t in signature for d in t.shape if isinstance(d, str)}
    return {name: pair[0] if name in leading else pair[1] for name in sorted(named)}


def arrays(signature: tuple[Tensor, ...], sizes: Mapping[str, int]) -> dict[str, numpy.ndarray]:
    """Return the same arrays each time: normal floats; whole numbers 0 and 1, which are valid in any vocabulary."""
    import numpy as np

    rng = np.random.default_rng(0)
    made: dict[str, Any] = {}
    for tensor in signature:
        shape = tensor.sized(**sizes)
        if np.issubdtype(np.dtype(tensor.dtype), np.floating):
            made[tensor.name] = rng.standard_normal(shape).astype(tensor.dtype)
        else:
            made[tensor.name] = rng.integers(0, 2, shape).astype(tensor.dtype)
    return made


def tensors(signature: tuple[Tensor, ...], pair: tuple[int, int] = FIRST) -> tuple[torch.Tensor, ...]:
    """Return ``arrays`` as torch tensors, in the order of ``signature``."""
    import torch

    return tuple(torch.from_numpy(a) for a in arrays(signature, named_sizes(signature, pair)).values())


def flat(result: Any) -> tuple[Any, ...]:
    """Return the tensors in what a torch module returned, in order; None and plain numbers fall out."""
    import torch

    if isinstance(result, torch.Tensor):
        return (result,)
    if isinstance(result, Mapping):
        result = result.values()
    if isinstance(result, (str, bytes)) or not hasattr(result, '__iter__'):
        return ()
    return tuple(tensor for part in result for tensor in flat(part))


def output_names(declared: tuple[str, ...], count: int) -> list[str]:
    """Return one name per output: the declared ones, or ``output`` (``output_0``, ``output_1`` …)."""
    if declared:
        if len(declared) != count:
            from stages.errors import UnsupportedError

            msg = f'the model returns {count} tensors; the recipe names {len(declared)}: {", ".join(declared)}'
            raise UnsupportedError(msg)
        return list(declared)
    return ['output'] if count == 1 else [f'output_{i}' for i in range(count)]
