"""Texts as numbers: what an output says, and how many changes make it what was wanted."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from typing import Any, Final

from stages.errors import StepError
from stages.judges.usual import labels_of

FILL: Final = -1
Text = tuple[int, ...]


def sequences(
    name: str, blank: int | None, end: int | None, axis: int | None, outputs: Sequence[Any], data: Mapping[str, Any]
) -> tuple[list[Text], list[Text]]:
    """Return the texts that a model gave, and those that were wanted."""
    labels = labels_of(name, data, len(outputs))
    if labels.ndim != 2 or labels.dtype.kind not in 'iu':
        raise StepError(f'{name}: `labels` must be a row of whole numbers for each sample, filled up with {FILL}')
    wanted = [_until(tuple(int(n) for n in row if n != FILL), end) for row in labels]
    return [_until(_said(name, answer, blank, axis), end) for answer in outputs], wanted


def words(text: Text, space: int) -> tuple[Text, ...]:
    """Return the words of a text, without those of nothing."""
    found: list[list[int]] = [[]]
    for number in text:
        if number == space:
            found.append([])
        else:
            found[-1].append(number)
    return tuple(tuple(word) for word in found if word)


def error_rate(name: str, answers: Sequence[Sequence[Hashable]], wanted: Sequence[Sequence[Hashable]]) -> float:
    """Return all changes over all lengths; above 1 where answers are much longer."""
    length = sum(map(len, wanted))
    if not length:
        raise StepError(f'{name}: the texts that are wanted are all empty')
    return sum(distance(one, two) for one, two in zip(answers, wanted, strict=True)) / length


def distance(one: Sequence[Hashable], two: Sequence[Hashable]) -> int:
    """Return how many insertions, deletions and substitutions make ``one`` the same as ``two``."""
    row = list(range(len(two) + 1))
    for n, left in enumerate(one, start=1):
        corner, row[0] = row[0], n
        for m, right in enumerate(two, start=1):
            corner, row[m] = row[m], min(row[m] + 1, row[m - 1] + 1, corner + (left != right))
    return row[-1]


def _said(name: str, answer: Any, blank: int | None, axis: int | None) -> Text:
    import numpy as np

    array = np.asarray(answer)
    if array.dtype.kind == 'f':
        array = np.squeeze(array) if axis is None else array
        if array.ndim != 2:
            raise StepError(f"{name}: one sample's output is {list(np.shape(answer))}; expected steps by scores")
        array = array.argmax(-1 if axis is None else axis)
    numbers = [int(n) for n in array.ravel() if n != FILL]
    if blank is None:
        return tuple(numbers)
    return tuple(n for n, before in zip(numbers, [None, *numbers], strict=False) if n not in (before, blank))


def _until(text: Text, end: int | None) -> Text:
    return text[: text.index(end)] if end is not None and end in text else text
