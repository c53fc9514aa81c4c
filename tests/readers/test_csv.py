"""Tables as a model takes them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from stages.contract.port import Contract, Port
from stages.contract.reader import ALL, Part
from stages.errors import StepError
from stages.readers import csv

ROW = Contract((Port('x', ('batch', 2), 'float32'),))
TABLE = 'width,height,label\n1,2,0\n3,4,1\n5,6,0\n'


def read(
    folder: Path, text: str, contract: Contract = ROW, part: Part = ALL, **params: object
) -> dict[str, np.ndarray]:
    (folder / 'x.csv').write_text(text)
    return csv.read(csv.Params(**params), {'x.csv': folder / 'x.csv'}, contract, part)


def test_columns_are_the_only_input_and_label_the_class(tmp_path: Path) -> None:
    made = read(tmp_path, TABLE, mean={'x': (1.0, 2.0)}, std={'x': (2.0,)})

    assert sorted(made['x'].tolist()) == [[0, 0], [1, 1], [2, 2]] and made['x'].dtype == np.float32
    assert made['labels'][made['x'][:, 0] == 1].tolist() == [1]


def test_several_inputs_take_their_columns_in_the_order_that_is_said(tmp_path: Path) -> None:
    two = Contract((Port('a', ('batch', 2), 'float32'), Port('b', ('batch', 1), 'int64')))
    made = read(tmp_path, TABLE, two, columns={'a': ('height', 'width'), 'b': 'label'}, label='label')

    assert sorted(made['a'].tolist()) == [[2, 1], [4, 3], [6, 5]]
    assert sorted(made['b'].ravel().tolist()) == [0, 0, 1]


def test_numbers_that_should_come_out_are_no_classes(tmp_path: Path) -> None:
    made = read(tmp_path, 'width,height,price\n1,2,0.5\n', truth='price')

    assert made['truth'].tolist() == [[0.5]] and 'labels' not in made


@pytest.mark.parametrize(
    ('text', 'params', 'words'),
    [
        ('width,height,depth,label\n1,2,3,0\n', {}, r'takes 2 numbers a sample; there are 3 columns'),
        (TABLE, {'columns': {'x': ('width', 'hight')}}, r"no column 'hight'; there are width, height, label"),
        ('a,b,c\n1,2,3\n', {'columns': {'x': ('a', 'b')}}, r'x\.csv:1: c is in no input'),
        ('a,b\n1,x\n', {}, r"x\.csv:2: b is 'x'; expected a number"),
        ('a,b\n1,\n', {}, r'x\.csv:2: b is empty; write `empty: NUMBER`'),
        ('a,b\n1,2,3\n', {}, r'x\.csv:2: 3 columns; the first line has 2'),
        ('a,a\n1,2\n', {}, r'x\.csv:1: two columns have the same name'),
        ('a,b,label\n1,2,cat\n', {}, r'write `classes: \[…\]`'),
        ('a,b,label\n1,2,cat\n', {'classes': ('dog',)}, r"label is 'cat', none of the 1 `classes`"),
        ('a,b\n', {}, 'has no rows'),
    ],
)
def test_what_does_not_fit_is_told_with_its_line(tmp_path: Path, text: str, params: dict, words: str) -> None:
    with pytest.raises(StepError, match=words):
        read(tmp_path, text, **params)


def test_rows_that_repeat_are_on_one_side_of_a_split(tmp_path: Path) -> None:
    text = 'a,b\n' + ''.join(f'{n % 20},{n % 20}\n' for n in range(100))
    one, two = (read(tmp_path, text, part=part)['x'] for part in (Part(0.0, 0.4), Part(0.4, 1.0)))

    assert len(one) + len(two) == 100 and not {*map(tuple, one)} & {*map(tuple, two)}
