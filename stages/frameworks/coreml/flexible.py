"""Which sizes an input of a Core ML model may have, as its description tells them: a range, or a list of shapes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from stages.errors import IntegrityError
from stages.frameworks.coreml.layer import LARGEST

SHOWN: Final = 6
"""Shapes that a note names."""


def is_open(feature: Any) -> bool:
    """Say whether a description leaves any size open."""
    kind = feature.type.WhichOneof('Type')
    if kind not in ('imageType', 'multiArrayType'):
        return False
    word = 'SizeFlexibility' if kind == 'imageType' else 'ShapeFlexibility'
    return getattr(feature.type, kind).WhichOneof(word) is not None


def default(feature: Any, rank: int) -> list[int]:
    """Return the shape that an input has where nothing else is asked for; of a picture, its height and width last.

    Raises IntegrityError where it is no shape of ``rank`` axes.
    """
    kind = feature.type.WhichOneof('Type')
    if kind == 'imageType':
        found = [1] * (rank - 2) + [int(feature.type.imageType.height), int(feature.type.imageType.width)]
    else:
        found = [int(each) for each in getattr(feature.type, kind).shape] if kind == 'multiArrayType' else []
    if len(found) != rank or min(found, default=1) < 1 or max(found, default=1) > LARGEST:
        raise IntegrityError(f'{feature.name}: its description has the shape {found}, its program {rank} axes')
    return found


def notes(feature: Any, shape: Sequence[int | str]) -> list[str]:
    """Return what Core ML lets the open sizes of ``shape`` be; empty where nothing is said."""
    if not is_open(feature):
        return []
    kind, rank = feature.type.WhichOneof('Type'), len(shape)
    told = getattr(feature.type, kind)
    word = told.WhichOneof('SizeFlexibility' if kind == 'imageType' else 'ShapeFlexibility')
    if word == 'enumeratedShapes':
        return _listed(feature.name, [[int(each) for each in one.shape] for one in told.enumeratedShapes.shapes])
    if word == 'enumeratedSizes':
        return _listed(feature.name, [[int(one.height), int(one.width)] for one in told.enumeratedSizes.sizes])
    ranges: dict[int, Any] = {}
    if word == 'shapeRange':
        ranges = dict(enumerate(told.shapeRange.sizeRanges))
    elif word == 'imageSizeRange':
        ranges = {rank - 2: told.imageSizeRange.heightRange, rank - 1: told.imageSizeRange.widthRange}
    return [
        f'axis {axis} of {feature.name} is {_range(each)} in Core ML'
        for axis, each in ranges.items()
        if axis < rank and isinstance(shape[axis], str)
    ]


def _range(told: Any) -> str:
    low, high = int(told.lowerBound), int(told.upperBound)
    return f'{low} to {high}' if high >= 0 else f'{low} or more'


def _listed(name: str, shapes: list[list[int]]) -> list[str]:
    shown = ', '.join(str(each) for each in shapes[:SHOWN])
    return [f'{name} is one of {shown}{" …" if len(shapes) > SHOWN else ""} in Core ML']


def others(feature: Any, shape: Sequence[int]) -> dict[int, int]:
    """Return, for each axis of a network's input that Core ML leaves open, another size than ``shape`` has there."""
    kind, rank = feature.type.WhichOneof('Type'), len(shape)
    if not is_open(feature):
        return {}
    told = getattr(feature.type, kind)
    word = told.WhichOneof('SizeFlexibility' if kind == 'imageType' else 'ShapeFlexibility')
    if word in ('enumeratedShapes', 'enumeratedSizes'):
        first = rank - 2 if kind == 'imageType' else 0
        listed = [
            [int(one.height), int(one.width)] if kind == 'imageType' else [int(each) for each in one.shape]
            for one in (told.enumeratedSizes.sizes if kind == 'imageType' else told.enumeratedShapes.shapes)
        ]
        rows = [dict(enumerate(one, first)) for one in listed if len(one) == rank - first]
        seen = {axis: sorted({row[axis] for row in rows} - {shape[axis]}) for axis in range(first, rank)}
        open_ = [axis for axis, sizes in seen.items() if sizes and sizes[0] > 0]
        return {axis: seen[axis][place % len(seen[axis])] for place, axis in enumerate(open_)}
    ranges: dict[int, Any] = {}
    if word == 'shapeRange':
        ranges = {axis: each for axis, each in enumerate(told.shapeRange.sizeRanges) if axis < rank}
    elif word == 'imageSizeRange':
        ranges = {rank - 2: told.imageSizeRange.heightRange, rank - 1: told.imageSizeRange.widthRange}
    found: dict[int, int] = {}
    for axis, each in ranges.items():
        low, high, size = max(1, int(each.lowerBound)), int(each.upperBound), shape[axis]
        wanted = [size * (2 + len(found)), high, low]  # a multiple keeps what strides divide
        able = [one for one in wanted if one != size and one >= low and (high < 0 or one <= high)]
        if able:
            found[axis] = able[0]
    return found
