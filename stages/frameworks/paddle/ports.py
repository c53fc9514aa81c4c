"""What the graph of a Paddle model says of its inputs, outputs and weights; read as data, without Paddle."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from stages.contract.port import Contract, Port
from stages.errors import StepError
from stages.frameworks import message

NUMBERED: Final = {
    0: 'bool', 1: 'int16', 2: 'int32', 3: 'int64', 4: 'float16', 5: 'float32', 6: 'float64', 20: 'uint8', 21: 'int8',
    22: 'bfloat16',
}  # fmt: skip
"""Types of tensors in a .pdmodel."""

LETTERED: Final = {
    'bool': 'bool', 'i8': 'int8', 'i16': 'int16', 'i32': 'int32', 'i64': 'int64', 'ui8': 'uint8', 'index': 'int64',
    'f16': 'float16', 'bf16': 'bfloat16', 'f32': 'float32', 'f64': 'float64',
}  # fmt: skip
"""Types of tensors in a .json, behind ``t_``."""

WORDS: Final = {'float16': 'f16', 'bfloat16': 'bf16', 'float32': 'f32', 'float64': 'f32'}


@dataclass(frozen=True)
class Tensor:
    """A value of the graph."""

    name: str
    dims: tuple[int, ...]
    dtype: str


@dataclass(frozen=True)
class Read:
    """What either form of a graph says."""

    inputs: Sequence[Tensor]
    """In the order in which the model was saved with them; a .pdmodel lists them in another one."""

    outputs: Sequence[Tensor]
    weights: Sequence[Tensor]
    operators: frozenset[str]


def graph_file(folder: Path) -> Path | None:
    """Return ``model.json`` or ``model.pdmodel``, whichever is in ``folder``."""
    return next((path for name in ('model.json', 'model.pdmodel') if (path := folder / name).exists()), None)


def read(path: Path) -> Contract:
    """Return the ports of the graph at ``path`` under its own names and in its order, and its precision.

    Raises StepError where it does not say them.
    """
    try:
        found = _of_json(json.loads(path.read_bytes())) if path.suffix == '.json' else _of_program(path.read_bytes())
    except (ValueError, KeyError, TypeError, IndexError, AttributeError) as error:
        raise StepError(f'{path.name}: does not say what it takes: {type(error).__name__}: {error}') from error
    if not found.outputs:
        raise StepError(f'{path.name}: returns nothing; expected an inference model (paddle.jit.save)')
    return Contract(
        tuple(_port(path.name, tensor) for tensor in found.inputs),
        tuple(_port(path.name, tensor) for tensor in found.outputs),
        precision=_precision(found),
    )


def _port(where: str, tensor: Tensor) -> Port:
    if not tensor.dtype:
        raise StepError(f'{where}: {tensor.name} has a type that is not known here; expected numbers')
    shape = tuple(f'{tensor.name}_{axis}' if size < 0 else size for axis, size in enumerate(tensor.dims))
    return Port(tensor.name, shape, tensor.dtype)


def _precision(found: Read) -> str:
    if any('quantize' in name for name in found.operators):
        return 'int8'
    numbers: dict[str, int] = {}
    for weight in found.weights:
        if weight.dtype in WORDS:
            word = WORDS[weight.dtype]
            numbers[word] = numbers.get(word, 0) + abs(math.prod(weight.dims))
    return max(sorted(numbers), key=lambda word: numbers[word]) if numbers else 'f32'


def _of_json(graph: Any) -> Read:
    """Read the form of Paddle 3: operators with named attributes (``A``), what they take (``I``) and give (``O``)."""
    operators = graph['program']['regions'][0]['blocks'][0]['ops']
    inputs: list[Tensor] = []
    outputs: list[tuple[int, Tensor]] = []
    weights: list[Tensor] = []
    for operator in operators:
        kind = operator['#'].rpartition('.')[2]
        if kind == 'p':  # a weight: its attributes are a list whose last part is its name
            weights.append(Tensor('', *_typed(operator['O'])))
        elif kind in ('data', 'fetch'):
            attributes = {a['N']: a['AT'].get('D') for a in operator['A']}
            made = Tensor(attributes['name'], *_typed(operator['O']))
            if kind == 'data':
                inputs.append(made)
            else:
                outputs.append((int(attributes.get('col', len(outputs))), made))
    ordered = [tensor for _, tensor in sorted(outputs, key=lambda pair: pair[0])]
    return Read(inputs, ordered, weights, frozenset(o['#'].rpartition('.')[2] for o in operators))


def _typed(given: Any) -> tuple[tuple[int, ...], str]:
    kind, dims = (given[0] if isinstance(given, list) else given)['TT']['D'][:2]
    return tuple(int(size) for size in dims), LETTERED.get(kind['#'].rpartition('t_')[2], '')


def _of_program(data: bytes) -> Read:
    """Read the form before Paddle 3: a message of blocks, each of variables and operators."""
    block = message.fields(next(value for number, value in message.parts(data) if number == 1))
    tensors = {}
    weights = []
    for variable in block.get(3, []):
        fields = message.fields(variable)
        tensor = _tensor(fields)
        if tensor is None:
            continue
        tensors[tensor.name] = tensor
        if fields.get(3, [0])[0]:
            weights.append(tensor)
    inputs: list[tuple[int, Tensor]] = []
    outputs: list[tuple[int, Tensor]] = []
    kinds: set[str] = set()
    for operator in block.get(4, []):
        fields = message.fields(operator)
        kind = bytes(fields[3][0]).decode()
        kinds.add(kind)
        if kind in ('feed', 'fetch'):
            # what a feed gives is an input, what a fetch takes is an output; ``col`` is its place
            [name] = [message.text(a) for part in fields[2 if kind == 'feed' else 1] for a in message.fields(part)[2]]
            attributes = {message.text(message.fields(a)[1][0]): message.fields(a) for a in fields.get(4, [])}
            (inputs if kind == 'feed' else outputs).append((attributes['col'][3][0], tensors[name]))
    return Read(_by_place(inputs), _by_place(outputs), weights, frozenset(kinds))


def _by_place(pairs: Sequence[tuple[Any, Tensor]]) -> list[Tensor]:
    return [tensor for _, tensor in sorted(pairs, key=lambda pair: int(pair[0]))]


def _tensor(variable: Mapping[int, list[Any]]) -> Tensor | None:
    """Return a variable as a tensor; None for the lists of feeds and fetches, and what else is none."""
    held = message.fields(variable[2][0]).get(3)
    if not held:
        return None
    described = message.fields(message.fields(held[0])[1][0])
    dims: list[int] = []
    for value in described.get(2, []):
        dims += [value] if isinstance(value, int) else message.packed(value)
    return Tensor(
        message.text(variable[1][0]), tuple(_signed(size) for size in dims), NUMBERED.get(described.get(1, [0])[0], '')
    )


def _signed(value: int) -> int:
    return value - (1 << 64) if value >> 63 else value
