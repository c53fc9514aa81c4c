"""The words for what goes into a model and what comes out."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Tensor:
    """One input or output: its name, its shape and its element type.

    A dimension is a number, or a name (``batch``) where the model takes any size.
    ``dtype`` is NumPy's word: ``float32``, ``int64`` …
    """

    name: str
    shape: tuple[int | str, ...]
    dtype: str

    def sized(self, **sizes: int) -> tuple[int, ...]:
        """Return the shape with every named dimension replaced; a name that is not given counts 1."""
        return tuple(sizes.get(d, 1) if isinstance(d, str) else d for d in self.shape)
