"""What a model answers, sample by sample, and what that shows of its outputs: which axis counts samples, if any."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from stages.contract.port import BATCH, Contract, Port
from stages.errors import StepError
from stages.feed.samples import Samples, feed, width

if TYPE_CHECKING:
    import numpy

    from stages.contract.engine import Session

TOGETHER: Final = 3
"""Samples of the feed that shows which axis of an output counts them."""

AT_ONCE: Final = 16
"""Samples of a feed once that is known, at most."""

ALIKE: Final = 0.99
"""Cosine of the answers to a sample alone and among others; below it, what is together is not for each its own."""

Answers = dict[str, list['numpy.ndarray']]
"""By output: one array for each sample, of any shape."""


def alone(session: Session, contract: Contract, found: Samples) -> Answers:
    """Return the answers to every sample, each asked by itself: nothing has to be known of the outputs' axes.

    A model that insists on several samples gets full feeds, and its outputs are split along the axis that its contract
    names. State that is carried goes from each sample to the next, from zeros.
    """
    if contract.rows not in (None, 1):
        return together(session, contract, found, contract.rows or 1)
    carried = {port.name: port.carries for port in contract.inputs if port.carries}
    answers: Answers = {port.name: [] for port in contract.outputs}
    last: dict[str, numpy.ndarray] = {}
    for i in range(found.count):
        asked = feed(found, contract, [i])
        if last:
            asked |= {name: last[output] for name, output in carried.items()}
        last = _run(session, contract, asked)
        for name, array in last.items():
            answers[name].append(array)
    return answers


def together(session: Session, contract: Contract, found: Samples, size: int) -> Answers:
    """Return the answers to every sample, asked at most ``size`` at a time, or as many as the model insists on.

    All feeds are of one size, for which some engines compile: as even as they come. The last one is filled up, and the
    surplus cut off.
    """
    total = found.count
    size = width(contract, -(-total // -(-total // size)))
    answers: Answers = {port.name: [] for port in contract.outputs}
    for start in range(0, total, size):
        chosen = [i % total for i in range(start, start + size)]
        results = _run(session, contract, feed(found, contract, chosen))
        for port in contract.outputs:
            parts = _split(results[port.name], port, size)
            answers[port.name] += parts[: total - start]
    return answers


def turned(session: Session, contract: Contract, found: Samples) -> Contract:
    """Return the contract of a model of fixed rows with the batch axis of each output that does not tell it yet.

    Shown by feeding the same samples in turn: an axis counts samples when the answers turn along it as the samples do.
    """
    import numpy as np

    size, total = contract.rows or 1, found.count
    if size == 1 or total < size or all(port.batch is not None for port in contract.outputs):
        return contract
    first = _run(session, contract, feed(found, contract, range(size)))
    second = _run(session, contract, feed(found, contract, [(i + 1) % size for i in range(size)]))

    def axis_of(port: Port) -> int | None:
        one, two = first[port.name], second[port.name]
        if port.batch is not None or one.shape != two.shape or _same(one, two):
            return port.batch
        fits = [d for d, n in enumerate(one.shape) if n == size and _same(np.roll(one, -1, d), two)]
        return fits[0] if len(fits) == 1 else None

    return replace(contract, outputs=tuple(replace(port, batch=axis_of(port)) for port in contract.outputs))


def described(contract: Contract, answers: Answers) -> Contract:
    """Return ``contract`` with what its outputs really are: element types, and the sizes that no sample changes."""
    outputs = tuple(_described(port, answers[port.name], contract.rows) for port in contract.outputs)
    return replace(contract, outputs=outputs)


def several(session: Session, contract: Contract, found: Samples) -> dict[str, numpy.ndarray] | None:
    """Return the answers to one feed of ``TOGETHER`` samples; None where the model does not take them."""
    try:
        return _run(session, contract, feed(found, contract, range(TOGETHER)))
    except Exception:  # whatever the framework raises: some formats do not say that their batch is 1
        return None


def may_join(contract: Contract, found: Samples) -> bool:
    """Whether a feed of several samples can be tried: nothing fixes how many, and there are enough of them."""
    carried = any(port.carries for port in contract.inputs)
    return contract.rows is None and not carried and found.joins(contract) and found.count >= TOGETHER


def joined(contract: Contract, results: Mapping[str, numpy.ndarray], answers: Answers) -> Contract | None:
    """Return ``contract`` with the batch axis of each output, shown by ``results``, the answers to several samples.

    An axis counts samples when it alone grew with the feed and its slices are what each sample alone gave. None where
    samples in one feed are not answered each by itself.
    """
    ports = [_joined(port, results[port.name], answers[port.name]) for port in contract.outputs]
    found_all = [port for port in ports if port is not None]
    return replace(contract, outputs=tuple(found_all)) if len(found_all) == len(ports) else None


def one_row(contract: Contract) -> Contract:
    """Return ``contract`` saying that the model takes one sample at a time, as running it showed."""
    sizes: Mapping[str, int] = {BATCH: 1}
    inputs = tuple(
        replace(port, shape=tuple(sizes.get(str(d), d) for d in port.shape)) if port.batch is not None else port
        for port in contract.inputs
    )
    return replace(contract, inputs=inputs)


def _run(session: Session, contract: Contract, asked: Mapping[str, numpy.ndarray]) -> dict[str, numpy.ndarray]:
    import numpy as np

    results = session.run(asked)
    if missing := [port.name for port in contract.outputs if port.name not in results]:
        raise StepError(f'the model returned no {", ".join(missing)}; it returned {", ".join(results)}')
    # Copied: an engine may hand out its own buffer, and fill it again at the next call.
    return {port.name: _plain(np.array(results[port.name])) for port in contract.outputs}


def _plain(array: numpy.ndarray) -> numpy.ndarray:
    """Return ``array`` without Python objects: strings come as such from some runtimes, and would need a pickle."""
    import numpy as np

    if array.dtype != object:
        return array
    if all(isinstance(item, str) for item in array.ravel()):
        return array.astype(np.str_)
    kinds = ', '.join(sorted({type(item).__name__ for item in array.ravel()}))
    raise StepError(f'an output holds {kinds}; expected a tensor of numbers or strings')


def _split(array: numpy.ndarray, port: Port, size: int) -> list[numpy.ndarray]:
    """Return the part of each sample, in the shape it has alone: the batch axis stays, of size 1."""
    import numpy as np

    if port.batch is None:
        return [array] * size
    if array.ndim <= port.batch or array.shape[port.batch] != size:
        raise StepError(
            f'{port.name}: {list(array.shape)} came back for {size} samples; expected {size} along axis {port.batch}'
        )
    return np.split(array, size, axis=port.batch)


def _described(port: Port, arrays: Sequence[numpy.ndarray], rows: int | None) -> Port:
    """Return the port as its answers show it: a name it has already stays, a number that does not hold goes."""
    first = arrays[0]
    if any(a.ndim != first.ndim for a in arrays):
        return replace(port, dtype=first.dtype.name)
    told = port.shape if len(port.shape) == first.ndim else (None,) * first.ndim
    shape: list[int | str] = []
    for axis, said in enumerate(told):
        sizes = {a.shape[axis] for a in arrays}
        if axis == port.batch and rows is not None:
            shape.append(rows)
        elif isinstance(said, str) or (axis == port.batch and said is not None):
            shape.append(said)
        else:
            shape.append(sizes.pop() if len(sizes) == 1 else f'{port.name}_{axis}')
    return replace(port, shape=tuple(shape), dtype=first.dtype.name)


def _joined(port: Port, several: numpy.ndarray, arrays: Sequence[numpy.ndarray]) -> Port | None:
    """Return the port with the axis that grew with the feed, or with none where nothing did; None where neither."""
    alone_shape, count = arrays[0].shape, min(TOGETHER, len(arrays))
    if several.ndim != len(alone_shape) or any(a.shape != alone_shape for a in arrays[:count]):
        return None
    grown = [axis for axis, size in enumerate(several.shape) if size != alone_shape[axis]]
    if not grown:
        return replace(port, batch=None) if all(_alike(several, a) for a in arrays[:count]) else None
    axis = grown[0]
    if len(grown) > 1 or alone_shape[axis] != 1 or several.shape[axis] != count:
        return None
    parts = _split(several, replace(port, batch=axis), count)
    if not all(_alike(part, a) for part, a in zip(parts, arrays, strict=False)):
        return None
    shape = list(port.shape) if len(port.shape) == several.ndim else list(alone_shape)
    shape[axis] = BATCH
    return replace(port, shape=tuple(shape), batch=axis)


def _same(one: numpy.ndarray, other: numpy.ndarray) -> bool:
    """Whether two answers of one kernel to one feed, its samples turned, are equal but for rounding."""
    import numpy as np

    if one.dtype.kind != 'f':
        return bool((one == other).all())
    return bool(np.allclose(one, other, rtol=1e-4, atol=1e-6, equal_nan=True))


def _alike(one: numpy.ndarray, other: numpy.ndarray) -> bool:
    import numpy as np

    if one.dtype.kind not in 'biuf':
        return bool((one == other).all())
    a, b = (np.nan_to_num(x.astype(np.float64).ravel(), posinf=1e30, neginf=-1e30) for x in (one, other))
    sizes = float(np.linalg.norm(a) * np.linalg.norm(b))
    return float(a @ b) >= ALIKE * sizes if sizes else bool(np.allclose(a, b))
