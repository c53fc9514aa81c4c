"""A model as its contract tells it: arrays in the contract's order in, a tuple of arrays in its order out."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from stages.contract.port import Contract
from stages.errors import StepError
from stages.frameworks.jax import trees
from stages.frameworks.jax.model import Model
from stages.frameworks.torch.arguments import arranged

Answer = list[tuple[str, Any]]
"""What one call returned, by path."""


def calling(model: Model, contract: Contract) -> Callable[..., tuple[Any, ...]]:
    """Return a function of the weights by path, then of arrays; pure, so that JAX may trace and compile it."""
    run = answering('', model, [port.in_file for port in contract.inputs])
    wanted = [port.in_file for port in contract.outputs]

    def call(weights: Mapping[str, Any], *given: Any) -> tuple[Any, ...]:
        found = dict(run(weights, *given))
        return tuple(found[path] for path in wanted)

    return call


def answering(where: str, model: Model, inputs: Sequence[str]) -> Callable[..., Answer]:
    """Return a function that takes weights by path and arrays for ``inputs``, which are paths too, and gives an answer.

    It raises StepError, which begins with ``where``, for what the model returns that is no array of numbers.
    """

    def run(weights: Mapping[str, Any], *given: Any) -> Answer:
        placed, named = arranged(model.taken, dict(zip(inputs, given, strict=True)))
        result = model.apply(model.of(weights), *placed, **named)
        return [(path, _plain(where, path, leaf)) for path, leaf in trees.leaves(result)]

    return run


def _plain(where: str, path: str, leaf: Any) -> Any:
    """Return a leaf as an array that NumPy can hold: it has no bfloat16."""
    import jax
    import jax.numpy as jnp

    if isinstance(leaf, (bool, int, float)):
        return jnp.asarray(leaf)
    dtype = getattr(leaf, 'dtype', None)
    if dtype is None or jax.dtypes.issubdtype(dtype, jax.dtypes.extended):
        raise StepError(
            f'{where}: it returns as {path} an object of the type {type(leaf).__name__}\n'
            'what to try: return arrays, in a tuple, a dict or a dataclass that JAX knows as a tree'
        )
    return leaf.astype('float32') if dtype == jnp.bfloat16 else leaf
