"""What a caller gives, held against the contract: a sentence for what is wrong, else arrays that every engine takes."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from stages.contract.port import Contract, Port, listed
from stages.errors import FeedError

if TYPE_CHECKING:
    import numpy

TEXT: Final = 'str'
BRAIN: Final = 'bfloat16'
"""A type that NumPy gets from ``ml_dtypes`` alone: engines take any float for it."""

KINDS: Final = {'f': 'floating-point', 'i': 'whole', 'u': 'whole', 'b': 'true or false', 'U': 'text', 'c': 'complex'}


@dataclass(frozen=True)
class Slot:
    """One input, made ready to be compared with arrays."""

    port: Port
    dtype: Any
    """NumPy's type; None of text and of bfloat16."""

    rank: int
    fixed: tuple[tuple[int, int], ...]
    """Axes whose size the file fixes, but for the batch."""

    named: tuple[tuple[int, str], ...]
    """Axes of any size, and what they are called: the same name is the same size everywhere."""


def slots(contract: Contract) -> tuple[Slot, ...]:
    """Return the inputs of ``contract``, ready to be compared with."""
    return tuple(_slot(port) for port in contract.inputs)


def _slot(port: Port) -> Slot:
    import numpy as np

    sizes = list(enumerate(port.shape))
    return Slot(
        port,
        None if port.dtype in (TEXT, BRAIN) else np.dtype(port.dtype),
        len(port.shape),
        tuple((axis, size) for axis, size in sizes if isinstance(size, int) and axis != port.batch),
        tuple((axis, name) for axis, name in sizes if isinstance(name, str)),
    )


def checked(slots: Iterable[Slot], given: Mapping[str, Any], sizes: dict[str, int]) -> dict[str, numpy.ndarray]:
    """Return the arrays of a feed, each in its input's type, and leave in ``sizes`` how large named dimensions are.

    A number may get another width where none changes (and floats where they are rounded); never another kind. Inputs
    that carry state may be left out. Raises FeedError.
    """
    feed = {}
    for slot in slots:
        name = slot.port.name
        if name in given:
            feed[name] = _array(slot, given[name], sizes)
        elif not slot.port.carries:
            raise FeedError(f'{name}: is missing; the model takes {_takes(slots)}')
    if len(feed) < len(given):
        unknown = next(name for name in given if name not in feed)
        near = difflib.get_close_matches(unknown, [slot.port.name for slot in slots], 1)
        advice = f'; did you mean {near[0]}?' if near else ''
        raise FeedError(f'{unknown}: is no input; the model takes {_takes(slots)}{advice}')
    return feed


def _array(slot: Slot, value: Any, sizes: dict[str, int]) -> numpy.ndarray:
    import numpy as np

    array: numpy.ndarray = (
        value if type(value) is np.ndarray and value.dtype == slot.dtype else _typed(slot.port, value)
    )
    shape = array.shape
    if len(shape) != slot.rank:
        raise FeedError(f'{slot.port.name}: has {_sizes(shape)}, {len(shape)} axes; expected {_expected(slot.port)}')
    for axis, size in slot.fixed:
        if shape[axis] != size:
            called = slot.port.name_of(axis)
            made = f', which this artifact is made for ({called})' if called else ''
            raise FeedError(
                f'{slot.port.name}: has {_sizes(shape)}, {shape[axis]} along axis {axis}; '
                f'expected {_expected(slot.port)}{made}'
            )
    for axis, name in slot.named:
        if sizes.setdefault(name, shape[axis]) != shape[axis]:
            raise FeedError(
                f'{slot.port.name}: has {_sizes(shape)}, {shape[axis]} along {name}; '
                f'another input has {sizes[name]} there'
            )
    if slot.port.batch is not None and not shape[slot.port.batch]:
        raise FeedError(f'{slot.port.name}: has {_sizes(shape)}; it holds no sample')
    return array if array.flags.c_contiguous else np.ascontiguousarray(array)


def _typed(port: Port, value: Any) -> numpy.ndarray:
    """Return ``value`` as an array of the port's type."""
    import numpy as np

    try:
        array = np.asarray(value)
    except ValueError as error:
        raise FeedError(f'{port.name}: is no array: {error}') from error
    if port.dtype == TEXT:
        if array.dtype.kind == 'U' or (array.dtype.kind == 'O' and all(isinstance(v, str) for v in array.flat)):
            return array.astype(np.str_)
    elif port.dtype == BRAIN:
        if array.dtype.kind == 'f' or array.dtype.name == BRAIN:
            return array
    else:
        wanted = np.dtype(port.dtype)
        plain = isinstance(value, (list, tuple, int, float)) and array.dtype.kind in 'biuf'
        if array.dtype.kind == wanted.kind or (plain and np.can_cast(array.dtype, wanted, 'same_kind')):
            return array.astype(wanted, copy=False) if wanted.kind in 'fc' else _whole(port, array, wanted)
        if array.dtype.kind in 'iu' and wanted.kind in 'iu':
            return _whole(port, array, wanted)
    kind = KINDS.get(array.dtype.kind, 'other')
    raise FeedError(f'{port.name}: is {array.dtype} ({kind}); expected {port.dtype}')


def _whole(port: Port, array: numpy.ndarray, wanted: Any) -> numpy.ndarray:
    made = array.astype(wanted, copy=False)
    if not bool((made == array).all()):
        raise FeedError(f'{port.name}: is {array.dtype} and holds numbers that {wanted} has not')
    return made


def _takes(slots: Iterable[Slot]) -> str:
    return listed([slot.port for slot in slots])


def _expected(port: Port) -> str:
    return f'{port.dtype} [{", ".join(map(str, port.shape))}]'


def _sizes(shape: tuple[int, ...]) -> str:
    return f'[{", ".join(map(str, shape))}]'
