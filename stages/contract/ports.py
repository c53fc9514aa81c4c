"""A recipe's inputs and outputs beside those that a model file has: by name where the names agree, else by place."""

from __future__ import annotations

from collections.abc import Sequence

from stages.contract.port import Tensor
from stages.errors import StepError


def order(found: Sequence[Tensor], declared: Sequence[Tensor]) -> list[int]:
    """Return, for each declared input, where the model has it."""
    if len(found) != len(declared):
        raise StepError(f'the model takes {_listed(found)}; the recipe declares {_listed(declared)}')
    places = {tensor.name: place for place, tensor in enumerate(found)}
    if all(tensor.name in places for tensor in declared):
        return [places[tensor.name] for tensor in declared]
    return list(range(len(declared)))


def merged(found: Sequence[Tensor], declared: Sequence[Tensor]) -> tuple[Tensor, ...]:
    """
    Return the declared inputs, in their order, with the sizes and the element types that the model insists on.

    A name stays where the model takes any size. Raises StepError where the two contradict each other.
    """
    if not declared:
        return tuple(found)
    return tuple(_merge(found[at], tensor) for at, tensor in zip(order(found, declared), declared, strict=True))


def check(
    file: str, found: Sequence[Tensor], outputs: Sequence[str], declared: Sequence[Tensor], names: Sequence[str]
) -> None:
    """
    Raise StepError when ``file`` is not the model that the recipe describes.

    ``outputs`` are the model's, in its order. Outputs go by place, so the recipe's own names are free; but where it
    uses the model's, in another order, one would be taken for another.
    """
    try:
        merged(found, declared)
    except StepError as error:
        raise StepError(f'{file}: {error}') from error
    if not names:
        return
    if len(names) != len(outputs):
        raise StepError(f'{file}: the model returns {", ".join(outputs)}; the recipe names {", ".join(names)}')
    if set(names) & set(outputs) and list(names) != list(outputs):
        raise StepError(f'{file}: the outputs come in another order; write: outputs: [{", ".join(outputs)}]')


def _merge(found: Tensor, declared: Tensor) -> Tensor:
    fits = len(found.shape) == len(declared.shape) and all(
        isinstance(one, str) or isinstance(two, str) or one == two
        for one, two in zip(found.shape, declared.shape, strict=True)
    )
    # int64 for int32 is what a recipe of another form of the same model says; the engine casts
    same = found.dtype == declared.dtype or {found.dtype, declared.dtype} <= {'int32', 'int64'}
    if not fits or not same:
        raise StepError(f'the model takes {_listed([found])}; the recipe declares {_listed([declared])}')
    shape = tuple(two if isinstance(one, str) else one for one, two in zip(found.shape, declared.shape, strict=True))
    return Tensor(declared.name, shape, found.dtype)


def _listed(tensors: Sequence[Tensor]) -> str:
    return ', '.join(f'{t.name} {t.dtype} [{", ".join(map(str, t.shape))}]' for t in tensors) or 'nothing'
