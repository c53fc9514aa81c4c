"""Sizes that a Keras configuration names, against the weights that lie in the file and a budget.

Keras makes a layer's weights and buffers from these numbers before anyone sees that the file has none of them.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from typing import Any, Final

from stages.errors import IntegrityError

PLAIN: Final = 4096
"""A size up to which a layer needs no proof."""

MOST: Final = 1 << 28
"""Numbers in one shape, and in the weights of one layer where the file holds no array of that many."""

ALONE: Final = 1 << 24
"""The most that one number may be which is no size of weights: of repeats, of tokens, of a length."""

WEIGHTS: Final = (
    'units', 'filters', 'output_dim', 'input_dim', 'kernel_size', 'depth_multiplier', 'num_heads', 'key_dim',
    'num_query_heads', 'num_key_value_heads', 'head_dim', 'value_dim', 'output_shape', 'rank',
)  # fmt: skip
"""What multiplies to the size of a layer's weights; a ``value_dim`` stands beside its ``key_dim``."""

GROWING: Final = (
    'BatchNormalization', 'LayerNormalization', 'RMSNormalization', 'GroupNormalization', 'Normalization', 'PReLU',
    'AdditiveAttention',
)  # fmt: skip
"""Layers whose weights are as many as what they take has, and which name no size themselves."""

SOUND: Final = ('fft_length', 'num_mel_bins')
"""What multiplies to the matrix of a spectrum."""

SHAPES: Final = re.compile(r'.*(shape|size|padding|cropping|repeats|reps|dims).*')
"""Names of options that are a shape, or change one, number by number."""

VALUES: Final = re.compile(r'.*(seed|salt|value|vocabulary|token|boundaries|mean|variance|rate|freq|weights).*')
"""Names of options whose numbers are no sizes."""


def check(file: str, part: dict[str, Any], sizes: set[int]) -> None:
    """Raise IntegrityError for a layer larger than the budget, unless the arrays of the file are of these ``sizes``."""
    name = part['class_name']
    config = part['config'] if isinstance(part.get('config'), dict) else {}
    shapes = [*_lists(part.get('build_config'))]
    for shape in shapes:
        _check_product(file, name, 'build_config', shape)
    for key, value in config.items():
        if SHAPES.fullmatch(key) and not VALUES.fullmatch(key):
            for shape in _lists(value):
                _check_product(file, name, key, shape)
        if key not in WEIGHTS and not VALUES.fullmatch(key) and _is_size(value) and value > ALONE:
            raise IntegrityError(f'{file}: {name} has {key} {value:,}; at most {ALONE:,} is taken')
    _check_product(file, name, ' and '.join(SOUND), [config.get(key) for key in SOUND])
    _check_weights(file, name, config, shapes, sizes)


def _check_weights(file: str, name: str, config: dict[str, Any], shapes: list[list[Any]], sizes: set[int]) -> None:
    given: dict[str, list[Any]] = {key: _numbers(config[key]) for key in WEIGHTS if key in config}
    if name in GROWING or (given and name != 'Embedding'):  # an embedding takes numbers of rows, however many
        given['build_config'] = [size for shape in shapes for size in _taken(name, config, shape)]
    for key, numbers in given.items():
        for size in numbers:
            if size > PLAIN and not any(n and n % size == 0 for n in sizes):
                raise IntegrityError(f'{file}: {name} has {key} {size:,}; no weights in the file are of that size')
    counts: dict[str, Any] = {key: math.prod(numbers) for key, numbers in given.items()}
    counts['build_config'] = max(given.get('build_config', []), default=1)  # of several inputs each has its own
    counts['key_dim'] = max(counts.get('key_dim', 1), counts.pop('value_dim', 1))
    if (made := math.prod(counts.values())) > max({MOST, *sizes}):
        raise IntegrityError(f'{file}: {name} makes weights of {made:,} numbers; no array in the file is of that size')


def _taken(name: str, config: dict[str, Any], shape: list[Any]) -> list[Any]:
    """Return the sizes of what a layer takes that its weights have too: of its channels, or all."""
    if name == 'PReLU':
        return _numbers(shape)
    axis = 1 if config.get('data_format') == 'channels_first' else config.get('axis', -1)
    axes = [n for n in (axis if isinstance(axis, list) else [axis]) if isinstance(n, int)]
    return _numbers([shape[n] for n in axes if -len(shape) <= n < len(shape)])


def _check_product(file: str, name: str, key: str, shape: list[Any]) -> None:
    if math.prod(_numbers(shape)) > MOST:
        raise IntegrityError(f'{file}: {name} has the {key} {shape}; at most {MOST:,} numbers are taken')


def _lists(value: Any) -> Iterator[list[Any]]:
    """Give every list of numbers at any depth, but not in classes of their own, which are parts themselves."""
    if isinstance(value, dict) and value.get('class_name') in (None, '__tuple__'):
        for part in value.values():
            yield from _lists(part)
    elif isinstance(value, list):
        if any(map(_is_size, value)):
            yield value
        for part in value:
            yield from _lists(part)


def _numbers(value: Any) -> list[Any]:
    """Return the sizes in a number, or in a list of them."""
    return [part for part in (value if isinstance(value, list) else [value]) if _is_size(part)]


def _is_size(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and value > 0  # Keras takes 3.0 for 3
