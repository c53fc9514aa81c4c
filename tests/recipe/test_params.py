"""A mapping becomes a dataclass by its hints, and every mistake is noted."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from stages.recipe.mistakes import Mistakes
from stages.recipe.params import read_params
from stages.recipe.strict_yaml import read_yaml


@dataclass(frozen=True)
class Params:
    level: int
    name: str = 'x'
    mode: Literal['fast', 'small'] = 'fast'
    scale: float = 1.0
    deep: bool = False
    sizes: tuple[int, ...] = ()
    seed: int | None = None

    def __post_init__(self) -> None:
        if self.deep and self.level < 2:
            raise ValueError('deep needs level 2; expected level: 2 or more')


def read(text: str) -> tuple[Any, str]:
    mistakes = Mistakes('x')
    node = read_yaml(text, mistakes)
    assert node is not None
    return read_params(Params, node.value, node, '`kind`', mistakes), str(mistakes.error())


def test_values_take_the_types_of_their_fields() -> None:
    assert read('{level: 1, scale: 2, sizes: [1, 2], seed: null, mode: small}') == (
        Params(1, scale=2.0, sizes=(1, 2), mode='small'),
        '',
    )


def test_true_is_no_number_and_one_is_not_true() -> None:
    assert 'expected a whole number' in read('{level: true}')[1]
    assert 'expected true or false' in read('{level: 1, deep: 1}')[1]
    assert 'did you mean `true`?' in read('{level: 1, deep: yes}')[1]


def test_every_mistake_is_noted() -> None:
    params, said = read('{levl: 1, name: 1.10, scale: .inf, sizes: [1, a], seed: b}')
    assert params is None
    assert len(said.splitlines()) == 5
    assert 'did you mean `level`?' in said
    assert 'put it in quotes' in said


def test_a_missing_parameter_is_named() -> None:
    assert read('{name: a}') == (None, 'x:1:1: `kind` needs `level`: a whole number')


def test_what_the_dataclass_refuses_is_reported() -> None:
    assert read('{level: 1, deep: true}') == (None, 'x:1:1: `kind`: deep needs level 2; expected level: 2 or more')
