"""The bytes that Magika sees of a file, and the files that it is judged by."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path

import numpy as np
import pytest

_SPEC = importlib.util.spec_from_file_location(
    'magika_data', Path(__file__).parents[2] / 'recipes' / 'models' / 'magika_data.py'
)
assert _SPEC and _SPEC.loader
magika = importlib.util.module_from_spec(_SPEC)
_SPEC.loader.exec_module(magika)

NAMES = sorted(set(magika.TYPES.values()))
CONFIG = {'block_size': 16, 'beg_size': 4, 'end_size': 4, 'padding_token': 256, 'min_file_size_for_dl': 8}


@pytest.mark.parametrize(('content', 'row'), [
    (b'abcdefgh', [*b'abcd', *b'efgh']),
    (b' \nabcdef\t', [*b'abcd', *b'cdef']),                       # a small file is stripped at both ends
    (b' ab ', [*b'ab', 256, 256, 256, 256, *b'ab']),              # padding stands in the middle
    (b' ab' + b'.' * 30 + b'yz ', [*b'ab..', *b'..yz']),
    (b' ' * 15 + b'a' + b'.' * 30, [*b'a', 256, 256, 256, *b'....']),   # nothing beyond the first block is looked at
])  # fmt: skip
def test_the_ends_of_a_file_are_seen(content, row):
    assert magika.bytes_seen(content, CONFIG).tolist() == row


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """One file of each ending, one more that is empty, and thirty in Python."""
    (tmp_path / 'config.min.json').write_text(json.dumps({**CONFIG, 'target_labels_space': NAMES}))
    for ending in magika.TYPES:
        (tmp_path / f'one{ending}').write_text(f'content of {ending}')
    (tmp_path / 'empty.po').write_text(' ')
    (tmp_path / 'more').mkdir()
    for i in range(30):
        (tmp_path / 'more' / f'{i:02}.py').write_text(f'number = {i:02}')
    return tmp_path


def test_no_type_outweighs_the_others_and_the_first_rows_hold_all_of_them(folder):
    data = magika.evaluate(folder)

    others = len(magika.TYPES) - 1
    assert len(data['bytes']) == len(data['labels']) == others + magika.EACH
    assert {NAMES[label] for label in data['labels'][: others + 1]} == set(NAMES)
    python = data['bytes'][data['labels'] == NAMES.index('python')]
    ends = [bytes(row[-2:].astype(np.uint8)).decode() for row in python]
    assert (ends[0], ends[1], ends[-1]) == ('00', '02', 'py')  # evenly, from the first to the last


def test_an_ending_of_which_there_is_no_file_is_said(folder):
    (folder / 'one.ttf').unlink()

    with pytest.raises(ValueError, match=r'\.ttf'):
        magika.evaluate(folder)
