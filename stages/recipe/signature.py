"""What goes into the model and what comes out: ``inputs`` and ``outputs``."""

from __future__ import annotations

from typing import Final

from stages.contract.port import Tensor
from stages.recipe import entries, names
from stages.recipe.mistakes import Mistakes, shown
from stages.recipe.strict_yaml import Node

DTYPES: Final = (
    'float32', 'float16', 'float64', 'int64', 'int32', 'int16', 'int8', 'uint8', 'bool',
)  # fmt: skip


Carried = dict[str, Node]
"""By input: where the recipe names the output that it takes over from the sample before."""


def read_inputs(node: Node, mistakes: Mistakes) -> tuple[tuple[Tensor, ...], Carried] | None:
    """Return the inputs in their order, and those that carry state; None when any is wrong."""
    given = entries.mapping(node, '`inputs`', mistakes)
    if given is None:
        return None
    if not given:
        mistakes.add(
            node, '`inputs` is empty; expected at least one: `image: {shape: [batch, 3, 224, 224], dtype: float32}`'
        )
        return None
    tensors = []
    carried: Carried = {}
    for key, below in given.items():
        if not names.TENSOR.fullmatch(key):
            mistakes.add(key, f'the input is called {shown(str(key))}; expected letters, digits, `_`, `-` and `.`')
        tensors.append(_read_tensor(str(key), below, carried, mistakes))
    found = tuple(tensor for tensor in tensors if tensor is not None)
    return (found, carried) if len(found) == len(tensors) else None


def read_carries(carried: Carried, outputs: tuple[str, ...], mistakes: Mistakes) -> tuple[tuple[str, str], ...]:
    """Return each input that carries state with the output it takes over."""
    return tuple(
        (name, output)
        for name, node in carried.items()
        if (output := entries.word(node, outputs, f'`carries` of the input {shown(name)}', mistakes))
    )


def _read_tensor(name: str, node: Node, carried: Carried, mistakes: Mistakes) -> Tensor | None:
    what = f'the input {shown(name)}'
    given = entries.mapping(node, what, mistakes, ('shape', 'dtype', 'carries'), ('shape', 'dtype'))
    shape = dtype = None
    for key, below in (given or {}).items():
        if key == 'shape':
            shape = _read_shape(below, what, mistakes)
        elif key == 'carries':
            carried[name] = below
        else:
            dtype = entries.word(below, DTYPES, f'`dtype` of {what}', mistakes)
    return None if shape is None or dtype is None else Tensor(name, shape, dtype)


def _read_shape(node: Node, what: str, mistakes: Mistakes) -> tuple[int | str, ...] | None:
    if not isinstance(node.value, list) or len(node.value) > 16:
        mistakes.add(node, f'`shape` of {what} is {shown(node.value)}; expected a list like [batch, 3, 224, 224]')
        return None
    before = len(mistakes)
    for below in node.value:
        whole = type(below.value) is int and 0 < below.value < 2**31
        if not whole and not (isinstance(below.value, str) and names.DIMENSION.fullmatch(below.value)):
            mistakes.add(below, f'a dimension of {what} is {shown(below.value)}; expected a number above 0, or a name')
    return tuple(below.value for below in node.value) if len(mistakes) == before else None


def read_outputs(node: Node, mistakes: Mistakes) -> tuple[str, ...]:
    found: tuple[str, ...] = entries.typed(node, tuple[str, ...], '`outputs`', mistakes) or ()
    for below in node.value if found else ():
        if not names.TENSOR.fullmatch(below.value):
            mistakes.add(
                below, f'the output is called {shown(below.value)}; expected letters, digits, `_`, `-` and `.`'
            )
    if len({*found}) < len(found):
        mistakes.add(node, '`outputs` has a name twice; every output needs its own')
    if node.value == []:
        mistakes.add(node, '`outputs` is empty; expected the names of what the model returns')
    return found
