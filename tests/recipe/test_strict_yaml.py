"""YAML 1.2 scalars, and the place of everything."""

from __future__ import annotations

from typing import Any

import pytest

from stages.errors import RecipeError
from stages.recipe.mistakes import Mistakes
from stages.recipe.strict_yaml import Node, plain, read_yaml


def read(text: str) -> Node:
    node = read_yaml(text, Mistakes('x.yaml'))
    assert node is not None
    return node


@pytest.mark.parametrize(
    ('text', 'value'),
    [
        ('no', 'no'), ('on', 'on'), ('yes', 'yes'), ('true', True), ('false', False), ('~', None), ('null', None),
        ('1e3', 1000.0), ('0777', 777), ('0o17', 15), ('0x1F', 31), ('12:30', '12:30'), ('12:30:45', '12:30:45'),
        ('1.10', 1.1), ('-.5', -0.5), ('1_000', '1_000'), ('2026-09-01', '2026-09-01'), ('"1"', '1'), ("'no'", 'no'),
        ('==1.0', '==1.0'), ('=', '='), ('.', '.'), ('-inf', '-inf'), ('.inf', float('inf')),
    ],
)  # fmt: skip
def test_a_scalar_means_what_yaml_1_2_says(text: str, value: Any) -> None:
    found = plain(read(f'[{text}]'))[0]
    assert (type(found), found) == (type(value), value)


def test_keys_and_values_know_where_they_stand() -> None:
    node = read('a: 1\nb:\n  - c: ünder\n    d: 2\n')
    below = node.value['b'].value[0].value
    assert [(key, key.line, key.column, n.line, n.column) for key, n in below.items()] == [
        ('c', 3, 5, 3, 8),
        ('d', 4, 5, 4, 8),
    ]


def test_every_double_key_is_reported_and_reading_goes_on() -> None:
    mistakes = Mistakes('x.yaml')
    node = read_yaml('a: 1\na: {b: 1, b: 2}\n1: x\nc: 3\n', mistakes)
    assert node is not None
    assert plain(node) == {'a': 1, 'c': 3}
    assert len(mistakes) == 3


def test_a_number_too_long_for_python_is_a_message() -> None:
    with pytest.raises(RecipeError, match='too many digits'):
        read('a: ' + '1' * 5000)
