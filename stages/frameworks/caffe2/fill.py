"""Operators that make values out of what they are told: the weights of a model."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

from stages.frameworks.caffe2.net import Operator

if TYPE_CHECKING:
    import numpy

TYPES: Final = {1: 'float32', 2: 'int32', 5: 'bool', 10: 'int64', 13: 'float64'}
"""Of Caffe2's TensorProto."""

GIVEN: Final = {
    'GivenTensorFill': 'float32', 'GivenTensorIntFill': 'int32', 'GivenTensorInt64Fill': 'int64',
    'GivenTensorBoolFill': 'bool', 'GivenTensorDoubleFill': 'float64',
}  # fmt: skip
LARGEST: Final = 1 << 29
"""Numbers of one value, and of all values that are made of one number each."""

MOST_AXES: Final = 8


def fill(operator: Operator) -> numpy.ndarray:
    """Return the value that ``operator`` makes.

    Raises UnsupportedError for random ones, which are of a net that is yet to be trained, and for other types.
    """
    import numpy as np

    shape = operator['shape'].wholes
    if len(shape) > MOST_AXES or min(shape, default=1) < 0 or math.prod(shape) > LARGEST:
        raise operator.wrong(f'has the shape {shape[:MOST_AXES]}')
    if operator.type == 'ConstantFill':
        dtype = TYPES.get(operator['dtype'].whole or 1)
        if dtype is None:
            raise operator.refused(f'makes values of the type {operator["dtype"].whole}')
        return np.full(shape, operator['value'].number, dtype)
    if operator.type not in GIVEN:
        trained = 'which is how training begins' if 'Fill' in operator.type else 'which makes no weights'
        raise operator.refused(f'is not read among the weights, {trained}; there are {", ".join(GIVEN)}, ConstantFill')
    values = operator['values']
    numbers = values.numbers() if GIVEN[operator.type] == 'float32' else np.array(values.wholes or values.numbers())
    if numbers.size != math.prod(shape):
        raise operator.wrong(f'has {numbers.size} values for the shape {shape}')
    return numbers.astype(GIVEN[operator.type]).reshape(shape)
