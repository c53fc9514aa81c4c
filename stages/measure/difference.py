"""How far a model's answers are from the source's, sample by sample.

A wrong shape, a missing output or a NaN where the source has a number is an answer here (a sentence under
``failure``), not an exception. Not-finite numbers are data: where both have the same one, they agree and are left out
of the figures.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from math import sqrt
from typing import TYPE_CHECKING, Any, Final

from stages.measure.figures import Difference

if TYPE_CHECKING:
    import numpy

EXACT: Final = 2**53
"""Above it, float64 no longer holds every whole number."""

NOTHING: Final = 1e-6
"""The mean size of a value up to which an answer counts as zeros beside a reference of zeros, which has no scale."""

SHOWN: Final = 8
"""Names in a sentence that lists what there is."""


def difference(
    outputs: Mapping[str, Sequence[numpy.ndarray]],
    reference: Mapping[str, Sequence[numpy.ndarray]],
    free: Mapping[str, Collection[int]] | None = None,
) -> Difference:
    """Return how far ``outputs`` are from ``reference``: by output, one array for each sample, of any shape.

    ``free`` are axes, by output, whose size the model itself decides (detections found, characters read); those along
    which the source's own samples differ are free too. Along these one more or one less is a matter of degree: what
    one side lacks counts as zeros.
    """
    worst: list[_Apart] = []
    if wrong := _names(list(outputs), list(reference)):
        return Difference(None, None, None, wrong)
    for name, expected in reference.items():
        got = outputs[name]
        if len(got) != len(expected):
            words = f'output {name} has {_count(len(got), "sample")} where the source has {len(expected)}'
            return Difference(None, None, None, words)
        axes = {*(free or {}).get(name, ()), *_varying(expected)}
        padded = [_padded(a, b, axes) for a, b in zip(got, expected, strict=True)]
        pairs = [_pair(name, i, a, b) for i, (a, b) in enumerate(padded)]
        for pair in pairs:
            if isinstance(pair, str):
                return Difference(None, None, None, pair)
        worst.append(_apart(name, [pair for pair in pairs if isinstance(pair, _Pair)]))
    largest = max(worst, key=lambda one: one.max_abs, default=_Apart())
    cosines = [one.cosine for one in worst if one.cosine is not None]
    return Difference(
        max_abs=largest.max_abs,
        relative=max((one.relative for one in worst), default=0.0),
        cosine=min(cosines, default=None),
        where=largest.where,
    )


@dataclass(frozen=True)
class _Pair:
    """The comparable numbers of one sample, flat, with where they stand in it."""

    sample: int
    got: Any
    expected: Any
    apart: Any
    """Got minus expected: of whole numbers exact also where float64 is not."""

    places: Any
    """Flat positions of the numbers in the sample; None: all of them."""

    shape: tuple[int, ...]


@dataclass(frozen=True)
class _Apart:
    max_abs: float = 0.0
    relative: float = 0.0
    cosine: float | None = None
    where: str = ''


def _varying(arrays: Sequence[Any]) -> set[int]:
    """Return the axes along which the samples of one output differ in size."""
    shapes = {array.shape for array in arrays}
    if len({len(shape) for shape in shapes}) > 1:
        return set()
    return {axis for axis, sizes in enumerate(zip(*shapes, strict=True)) if len({*sizes}) > 1}


def _padded(got: Any, expected: Any, free: Collection[int]) -> tuple[Any, Any]:
    """Return both in one shape where they differ along ``free`` axes alone; else as they are."""
    import numpy as np

    a, b = np.asarray(got), np.asarray(expected)
    if a.shape == b.shape or a.ndim != b.ndim or not (_numeric(a) and _numeric(b)):
        return a, b
    if any(x != y and axis not in free for axis, (x, y) in enumerate(zip(a.shape, b.shape, strict=True))):
        return a, b
    whole = tuple(map(max, a.shape, b.shape))
    one, two = (np.pad(x, [(0, size - own) for size, own in zip(whole, x.shape, strict=True)]) for x in (a, b))
    return one, two


def _names(given: list[str], expected: list[str]) -> str | None:
    if missing := [name for name in expected if name not in given]:
        return f'output {_listed(missing)} is missing; there {"is" if len(given) == 1 else "are"} {_listed(given)}'
    if more := [name for name in given if name not in expected]:
        return f'output {_listed(more)} is none of the source, which has {_listed(expected)}'
    return None


def _pair(name: str, sample: int, a: Any, b: Any) -> _Pair | str | None:
    """Return the numbers of a sample; a sentence where they cannot be compared; None where equal texts were."""
    import numpy as np

    got, expected = np.asarray(a), np.asarray(b)
    here = f'output {name}, sample {sample}'
    if got.shape != expected.shape:
        return f'{here}: the shape is {list(got.shape)} where the source has {list(expected.shape)}'
    if not (_numeric(got) and _numeric(expected)):
        return _texts(here, got, expected)
    if 'c' in (got.dtype.kind, expected.dtype.kind):
        got, expected = (np.stack([x.real, x.imag], -1) for x in (got, expected))
    kinds = {got.dtype.kind, expected.dtype.kind}
    if kinds <= {'b', 'i', 'u'}:
        apart = _whole(got, expected)
        return _Pair(
            sample, got.astype(np.float64).ravel(), expected.astype(np.float64).ravel(), apart, None, got.shape
        )
    x, y = (array.astype(np.float64).ravel() for array in (got, expected))
    usual = np.isfinite(x) & np.isfinite(y)
    if usual.all():
        return _Pair(sample, x, y, _minus(x, y), None, got.shape)
    agree = usual | (x == y) | (np.isnan(x) & np.isnan(y))
    if not agree.all():
        first = int(np.argmin(agree))
        words = f'{here}{_at(first, got.shape)} is {x[first]:.6g} where the source has {y[first]:.6g}'
        if str(got.dtype) == 'float16' and np.isinf(x[first]) and np.isfinite(y[first]):
            words += ' (float16 ends at 65504)'
        several = int(agree.size - agree.sum())
        return words + (f'; so are {several} of {agree.size} values' if several > 1 else '')
    x, y = x[usual], y[usual]
    return _Pair(sample, x, y, _minus(x, y), np.flatnonzero(usual), got.shape)


def _minus(x: numpy.ndarray, y: numpy.ndarray) -> numpy.ndarray:
    """Return the difference of finite numbers, finite too."""
    import numpy as np

    with np.errstate(over='ignore'):
        apart: numpy.ndarray = np.nan_to_num(x - y)
    return apart


def _whole(got: numpy.ndarray, expected: numpy.ndarray) -> numpy.ndarray:
    """Return the difference of whole numbers: exact before it is rounded to float64."""
    import numpy as np

    a, b = got.ravel(), expected.ravel()
    plain: numpy.ndarray = a.astype(np.float64) - b.astype(np.float64)
    if all(x.dtype.itemsize < 8 for x in (a, b)) or not a.size:
        return plain
    for place in np.flatnonzero((a != b) & (_large(a) | _large(b))):
        plain[place] = float(int(a[place]) - int(b[place]))
    return plain


def _large(array: numpy.ndarray) -> numpy.ndarray:
    import numpy as np

    large: numpy.ndarray = np.abs(array.astype(np.float64)) >= EXACT
    return large


def _apart(name: str, pairs: Sequence[_Pair]) -> _Apart:
    """Return the figures of one output over all its samples. Scaled first: squares of large numbers overflow."""
    import numpy as np

    scale = max((float(np.abs(v).max(initial=0.0)) for p in pairs for v in (p.got, p.expected, p.apart)), default=0.0)
    numbers = sum(p.got.size for p in pairs)
    if not numbers:
        return _Apart()
    if not scale:
        return _Apart(cosine=1.0)
    apart2 = got2 = expected2 = both = 0.0
    furthest, where = 0.0, ''
    for pair in pairs:
        a, b, d = pair.got / scale, pair.expected / scale, pair.apart / scale
        apart2, both = apart2 + float(d @ d), both + float(a @ b)
        got2, expected2 = got2 + float(a @ a), expected2 + float(b @ b)
        if pair.apart.size and (most := float(np.abs(pair.apart).max())) > furthest:
            furthest, where = most, _furthest(name, pair)
    if expected2:
        relative = sqrt(apart2 / expected2)
        cosine = min(1.0, both / sqrt(got2 * expected2)) if got2 else 0.0
    else:
        # A reference of zeros has no scale: how far a value is on average is then the best figure there is.
        relative = scale * sqrt(apart2 / numbers)
        cosine = 1.0 if relative <= NOTHING else 0.0
    return _Apart(furthest, relative, cosine, where)


def _furthest(name: str, pair: _Pair) -> str:
    import numpy as np

    flat = int(np.argmax(np.abs(pair.apart)))
    place = flat if pair.places is None else int(pair.places[flat])
    values = f'{pair.got[flat]:.6g} where the source has {pair.expected[flat]:.6g}'
    return f'output {name}, sample {pair.sample}{_at(place, pair.shape)}: {values}'


def _numeric(array: numpy.ndarray) -> bool:
    # 'V' with a name: bfloat16 and its like, which other packages bring
    return array.dtype.kind in 'biufc' or 'float' in array.dtype.name


def _texts(here: str, got: numpy.ndarray, expected: numpy.ndarray) -> str | None:
    """Compare what are no numbers, value by value; a sentence for the first that differs."""
    a, b = ([_plain(value) for value in array.ravel().tolist()] for array in (got, expected))
    for flat, (one, two) in enumerate(zip(a, b, strict=True)):
        if type(one) is not type(two) or not (one == two or (one != one and two != two)):  # NaN is not itself
            return f'{here}{_at(flat, got.shape)} is {_short(one)} where the source has {_short(two)}'
    return None


def _plain(value: object) -> object:
    return value.decode('utf-8', 'surrogateescape') if isinstance(value, bytes) else value


def _short(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 60 else f'{text[:57]}…'


def _at(flat: int, shape: Sequence[int]) -> str:
    """Return ``, at [2, 17]``; nothing in a single number."""
    import numpy as np

    return f', at {[int(i) for i in np.unravel_index(flat, shape)]}' if len(shape) else ''


def _listed(names: Sequence[str]) -> str:
    shown = ', '.join(names[:SHOWN]) or 'none'
    return shown + (f' and {len(names) - SHOWN} more' if len(names) > SHOWN else '')


def _count(n: int, noun: str) -> str:
    return f'{n} {noun}{"s" * (n != 1)}'
