"""Nested containers of JAX (pytrees) as leaves by dotted paths: ``params.Dense_0.kernel``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from stages.frameworks.torch.paths import WHOLE


def leaves(tree: Any) -> list[tuple[str, Any]]:
    """Return every leaf with its path, in JAX's order (dicts by their sorted keys); a leaf by itself is ``WHOLE``."""
    import jax

    return [(_path(keys), leaf) for keys, leaf in jax.tree_util.tree_flatten_with_path(tree)[0]]


def replaced(tree: Any, values: Mapping[str, Any]) -> Any:
    """Return the tree with ``values`` at their paths; other leaves stay."""
    import jax

    found = leaves(tree)
    return jax.tree_util.tree_unflatten(
        jax.tree_util.tree_structure(tree), [values.get(path, leaf) for path, leaf in found]
    )


def is_array(leaf: Any) -> bool:
    """Whether a leaf is an array of numbers: no function, no random key, no plain number of Python."""
    import jax
    import numpy as np

    if not isinstance(leaf, (jax.Array, np.ndarray)):
        return False
    return not jax.dtypes.issubdtype(leaf.dtype, jax.dtypes.extended)


def _path(keys: tuple[Any, ...]) -> str:
    return '.'.join(map(_key, keys)) or WHOLE


def _key(key: Any) -> str:
    """Return one step of a path: a key of a dict, a place, or the name of a field."""
    words = (getattr(key, word) for word in ('key', 'idx', 'name') if hasattr(key, word))
    return str(next(words, key))
