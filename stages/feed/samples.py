"""Arrays of samples, and the feeds that a model takes: the same for calibration, check and measuring.

The first axis of an array counts samples, wherever the model has its batch. What a sample is follows from the port and
from the array's rank, never from sizes:

    the input has a batch axis        rows: the array has the input's rank, its first axis in place of the batch axis;
                                      or one axis more: whole inputs, whose batch axis is 1
    it has none                       whole inputs: the array has one axis more than the input
                                      or the input's rank: one input, the same for every sample; where the input's
                                      first axis is fixed to 1, rows
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from stages.contract.port import BATCH, Contract, Port, listed
from stages.errors import StepError

if TYPE_CHECKING:
    import numpy

MADE_UP: Final = 16
"""How many samples are made up for a recipe that brings none."""


@dataclass(frozen=True)
class Samples:
    """Samples of every input: arrays whose first axis counts them, and whose others are one sample's, batch apart."""

    arrays: Mapping[str, numpy.ndarray]
    shared: frozenset[str] = frozenset()
    """Inputs that are the same for every sample."""

    @property
    def count(self) -> int:
        return min((len(array) for array in self.arrays.values()), default=0)

    def first(self, count: int) -> Samples:
        """Return the first ``count`` samples."""
        return Samples({name: array[:count] for name, array in self.arrays.items()}, self.shared)

    def joins(self, contract: Contract) -> bool:
        """Whether one feed can hold several samples: what has no batch axis must be the same for all of them."""
        return contract.batched and all(p.batch is not None or p.name in self.shared for p in contract.inputs)


def samples(
    arrays: Mapping[str, numpy.ndarray], contract: Contract, sizes: Mapping[str, int], seed: int = 0
) -> Samples:
    """Return samples for every input: of ``arrays`` where they hold it, zeros for state that is carried, else made up.

    Named dimensions in ``sizes`` are cut, or repeated, to that size. Raises StepError where an array does not fit.
    """
    import numpy as np

    given = {p.name: _stacked(arrays[p.name], p, sizes) for p in contract.inputs if p.name in arrays}
    counted = {name: len(rows) for name, (rows, several) in given.items() if several}
    if len({*counted.values()}) > 1:
        words = ', '.join(f'{name} {count}' for name, count in counted.items())
        raise StepError(f'the arrays hold different numbers of samples: {words}')
    made = made_up(contract, sizes, seed)
    total = next(iter(counted.values()), 1 if given and len(given) == len(contract.inputs) else MADE_UP)
    result: dict[str, numpy.ndarray] = {}
    for port in contract.inputs:
        if port.name in given:
            rows, several = given[port.name]
            result[port.name] = rows if several else np.broadcast_to(rows, (total, *rows.shape[1:]))
        elif port.carries:
            result[port.name] = np.zeros((total, *_row(port, sizes)), port.dtype)
        else:
            result[port.name] = np.resize(made[port.name], (total, *made[port.name].shape[1:]))
    return Samples(result, frozenset(name for name, (_, several) in given.items() if not several))


def made_up(contract: Contract, sizes: Mapping[str, int], seed: int = 0) -> dict[str, numpy.ndarray]:
    """Return ``MADE_UP`` seeded samples of every input: normal floats, whole numbers 0 and 1.

    0 and 1 are valid in any vocabulary and for any mask or token type; what is quantized takes the whole range of its
    type. Seeded by the input's name too, so that two inputs of one shape differ.
    """
    import numpy as np

    made = {}
    for port in contract.inputs:
        noise, shape = np.random.default_rng([seed, *port.name.encode()]), (MADE_UP, *_row(port, sizes))
        kind = np.dtype(port.dtype).kind
        if kind == 'f':
            made[port.name] = noise.standard_normal(shape).astype(port.dtype)
        elif kind in 'iu' and port.quantization:
            about = np.iinfo(port.dtype)
            made[port.name] = noise.integers(about.min, about.max, shape, endpoint=True, dtype=port.dtype)
        elif kind in 'biu':
            made[port.name] = noise.integers(0, 2, shape).astype(port.dtype)
        else:
            raise StepError(f'{port.name}: values of type {port.dtype} cannot be made up; bring data: evaluate')
    return made


def feed(found: Samples, contract: Contract, chosen: Sequence[int]) -> dict[str, numpy.ndarray]:
    """Return one feed of the chosen samples, each input laid out as the model takes it."""
    return {port.name: _laid_out(found.arrays[port.name], port, chosen) for port in contract.inputs}


def width(contract: Contract, batch: int) -> int:
    """Return how many samples a feed holds: what the model insists on, else ``batch``; 1 where it has no batch axis."""
    return (contract.rows or batch) if contract.batched else 1


def feeds(found: Samples, contract: Contract, batch: int = 1) -> list[dict[str, numpy.ndarray]]:
    """Return all samples as feeds of ``width``; the last one is filled up from the first samples."""
    size, total = width(contract, batch), found.count
    return [feed(found, contract, [i % total for i in range(start, start + size)]) for start in range(0, total, size)]


def _row(port: Port, sizes: Mapping[str, int]) -> tuple[int, ...]:
    """Return the shape of one sample of ``port``, its batch axis left out."""
    whole = port.sized(**sizes)
    return whole if port.batch is None else (*whole[: port.batch], *whole[port.batch + 1 :])


def _stacked(array: numpy.ndarray, port: Port, sizes: Mapping[str, int]) -> tuple[numpy.ndarray, bool]:
    """Return ``array`` as rows (see the module), and whether its first axis counts samples."""
    rank, what, several = len(port.shape), f'{port.name}: the data has the shape {list(array.shape)}', True
    if array.ndim not in (rank, rank + 1):
        raise StepError(f'{what}; the input is {listed([port])}: expected {_rows_expected(port)}')
    whole = array.ndim == rank + 1
    if whole and port.batch is not None:
        if array.shape[port.batch + 1] != 1:
            rows = _rows_expected(port)
            raise StepError(
                f'{what}, whole inputs of several rows; expected {rows}, or whole inputs with 1 for `batch`'
            )
        array = array.squeeze(port.batch + 1)
    elif not whole and port.batch is None:
        if port.shape and port.shape[0] in (f'{port.in_file}_0', f'{port.name}_0'):
            raise StepError(
                f'{what}; neither file nor recipe says whether the first axis of {listed([port])} counts samples\n'
                f'what to try: inputs: {{{port.name}: {{shape: [batch, …]}}}} where it does, else whole inputs'
            )
        several = bool(port.shape) and port.shape[0] == 1
        array = array[:, None] if several else array[None]
    if not len(array):
        raise StepError(f'{port.name}: the data holds no sample')
    return _sized(_typed(array, port), port, sizes), several


def _sized(rows: numpy.ndarray, port: Port, sizes: Mapping[str, int]) -> numpy.ndarray:
    """Bring named dimensions to ``sizes``: cut, or repeated; what an artifact fixes of a named one is cut."""
    import numpy as np

    axes = [axis for axis in range(len(port.shape)) if axis != port.batch]
    for at, axis in enumerate(axes, start=1):
        size, name, there = port.shape[axis], port.name_of(axis), rows.shape[at]
        wanted = size if isinstance(size, int) else sizes.get(name, there)
        if there == wanted:
            continue
        if name and (name in sizes or there > wanted):
            rows = np.take(rows, range(wanted), axis=at, mode='wrap')
        elif _turned(rows, port, axes, sizes):
            order = [*rows.shape[1:]]
            raise StepError(
                f'{port.name}: the axes of the data are in another order: a sample is {order}, the input is '
                f'{listed([port])}; transpose the data, as in numpy.moveaxis'
            )
        else:
            raise StepError(
                f'{port.name}: the data has {there} where the model takes {wanted} ({listed([port])})\n'
                'what to try: data of that size, or benchmark: {sizes: {…}}, which says what an artifact of fixed '
                'sizes is made for'
            )
    return np.ascontiguousarray(rows)


def _turned(rows: numpy.ndarray, port: Port, axes: list[int], sizes: Mapping[str, int]) -> bool:
    """Whether the sizes of a sample are those of the input in another order."""
    wanted = [sizes.get(size, 0) if isinstance(size, str) else size for size in (port.shape[axis] for axis in axes)]
    return 0 not in wanted and sorted(wanted) == sorted(rows.shape[1:])


def _typed(array: numpy.ndarray, port: Port) -> numpy.ndarray:
    """Return ``array`` in the port's type. Widths may differ, kinds of numbers may not, and no number may change."""
    import numpy as np

    wanted = np.dtype(port.dtype)
    if array.dtype == wanted:
        return array
    if (array.dtype.kind in 'iub' and wanted.kind in 'iu') or np.can_cast(array.dtype, wanted, 'same_kind'):
        made = array.astype(wanted)
        if wanted.kind == 'f' or bool((made == array).all()):
            return made
    raise StepError(f'{port.name}: the data is {array.dtype}, the input is {port.dtype}')


def _laid_out(array: numpy.ndarray, port: Port, chosen: Sequence[int]) -> numpy.ndarray:
    import numpy as np

    if port.batch is None:
        # ``asarray``: one sample of a scalar input is a NumPy scalar, which engines refuse
        return np.require(np.asarray(array[chosen[0]]), requirements=['C', 'W'])
    return np.ascontiguousarray(np.moveaxis(array[list(chosen)], 0, port.batch))


def _rows_expected(port: Port) -> str:
    if port.batch is None:
        return f'one axis more, [samples, {", ".join(map(str, port.shape))}]'.replace(', ]', ']')
    rest = [str(d) for axis, d in enumerate(port.shape) if axis != port.batch]
    return f'[{", ".join(["samples", *rest])}]'


def dimensions(contract: Contract) -> set[str]:
    """Return the named dimensions of the inputs besides the batch."""
    return {d for port in contract.inputs for d in port.shape if isinstance(d, str) and d != BATCH}
