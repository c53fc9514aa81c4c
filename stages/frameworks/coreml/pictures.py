"""Pictures as inputs and outputs of Core ML neural networks: their sizes, colours, and what is done to them first."""

from __future__ import annotations

from typing import Any, Final

from stages.errors import IntegrityError, UnsupportedError
from stages.frameworks.coreml.layer import LARGEST, Values

COLOURS: Final = {'GRAYSCALE': ('gray',), 'RGB': ('red', 'green', 'blue'), 'BGR': ('blue', 'green', 'red')}


def _colours(feature: Any) -> tuple[str, ...]:
    told = feature.type.imageType
    known = told.ColorSpace.Name(told.colorSpace) if told.colorSpace in told.ColorSpace.values() else 'unknown'
    if known not in COLOURS:
        raise UnsupportedError(f'{feature.name} is a picture in {known}; expected {", ".join(COLOURS)}')
    return COLOURS[known]


def note(feature: Any) -> list[str]:
    """Return in words what a picture holds."""
    return [f'{feature.name} is a picture: {", ".join(_colours(feature))} from 0 to 255']


def size_of(feature: Any) -> tuple[list[int], list[str]]:
    """Return one sample's shape, channels before height and width, and notes on what it holds."""
    told, colours = feature.type.imageType, _colours(feature)
    shape = [1, len(colours), int(told.height), int(told.width)]
    if min(shape) < 1 or shape[2] * shape[3] > LARGEST:
        raise IntegrityError(f'{feature.name} is a picture of {told.height} × {told.width}')
    return shape, note(feature)


def prepared(net: Any, feature: Any, values: Values, picture: str, inputs: int) -> str:
    """Return a picture after the file's own scale and offsets, or less its mean picture."""
    import numpy as np

    for told in net.preprocessing:
        if told.featureName != feature.name and not (not told.featureName and inputs == 1):
            continue
        kind, shape = told.WhichOneof('preprocessor'), values.shape(picture)
        if kind == 'scaler':
            offsets = np.array([getattr(told.scaler, f'{colour}Bias') for colour in _colours(feature)], np.float32)
            scale = values.weight(np.array(told.scaler.channelScale, np.float32), f'{feature.name}_scale')
            scaled = values.ops('Mul', picture, scale, name=f'{feature.name}_scaled')[0]
            held = values.weight(offsets.reshape(-1, 1, 1), f'{feature.name}_offsets')
            picture = values.ops('Add', scaled, held, name=f'{feature.name}_moved')[0]
        elif kind == 'meanImage':
            mean = np.array(told.meanImage.meanImage, np.float32)
            if mean.size != np.prod(shape[1:]):
                raise IntegrityError(f'{feature.name}: a mean picture of {mean.size} numbers for {list(shape[1:])}')
            held = values.weight(mean.reshape(shape[1:]), f'{feature.name}_mean')
            picture = values.ops('Sub', picture, held, name=f'{feature.name}_less_mean')[0]
    return picture
