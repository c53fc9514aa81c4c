"""The tokenizer and the metric of the recipe minilm; ids are those of the published tokenizer, taken once by hand."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import numpy as np
import pytest

_SPEC = importlib.util.spec_from_file_location(
    'minilm_data', Path(__file__).parents[2] / 'recipes' / 'models' / 'minilm_data.py'
)
assert _SPEC and _SPEC.loader
minilm = importlib.util.module_from_spec(_SPEC)
_SPEC.loader.exec_module(minilm)

# the part of the vocabulary that these texts need, with the published ids
KNOWN = {
    '[PAD]': 0,
    '[UNK]': 100,
    '[CLS]': 101,
    '[SEP]': 102,
    '$': 1002,
    "'": 1005,
    '.': 1012,
    '5': 1019,
    '[': 1031,
    ']': 1033,
    'a': 1037,
    'b': 1038,
    't': 1056,
    '京': 1755,
    '東': 1879,
    'don': 2123,
    'love': 2293,
    '##ble': 3468,
    '##ish': 4509,
    'tiger': 6816,
    'mask': 7308,
    'cafe': 7668,
    'ab': 11113,
    'una': 14477,
    '##ffa': 20961,
}


@pytest.mark.parametrize(
    ('text', 'ids'),
    [
        ('love', [2293]),
        ('Tiger  TIGER\ttiger\n', [6816, 6816, 6816]),
        ('Café', [7668]),
        ("don't", [2123, 1005, 1056]),
        ('unaffable', [14477, 20961, 3468]),
        ('$5.', [1002, 1019, 1012]),
        ('東京a', [1879, 1755, 1037]),
        ('a\u200bb', [11113]),
        ('a\u00a0b', [1037, 1038]),
        ('tigerish', [6816, 4509]),
        ('tigerlove', [100]),
        ('', []),
    ],
    ids=repr,
)
def test_a_text_becomes_the_published_ids(text, ids):
    assert minilm.ids(text, KNOWN) == ids


def test_a_special_token_in_a_text_is_only_text():
    assert minilm.ids('[MASK]', KNOWN) == [1031, 7308, 1033]


def test_a_word_of_more_than_100_letters_is_unknown():
    known = {'a': 1, '##a': 2}

    assert minilm.pieces('a' * 100, known) == ['a', *['##a'] * 99]
    assert minilm.pieces('a' * 101, known) == ['[UNK]']


def test_short_texts_are_padded_and_masked_and_long_ones_cut_before_the_end_mark():
    made = minilm.encode(['love', 'a b a b a b'], KNOWN, 5)

    assert made['input_ids'].tolist() == [[101, 2293, 102, 0, 0], [101, 1037, 1038, 1037, 102]]
    assert made['attention_mask'].tolist() == [[1, 1, 1, 0, 0], [1, 1, 1, 1, 1]]
    assert {a.dtype for a in made.values()} == {np.dtype('int64')}


def test_pairs_are_rows_one_after_the_other(tmp_path):
    (tmp_path / 'vocab.txt').write_text('[PAD]\n[CLS]\n[SEP]\nlove\ntiger\n')
    (tmp_path / 'wordsim353.tsv').write_text('# Word 1\tWord 2\tHuman (mean)\nlove\ttiger\t6.5\ntiger\ttiger\t10.00\n')

    made = minilm.evaluate(tmp_path)

    assert made['input_ids'][:, 1].tolist() == [3, 4, 4, 4]
    assert made['truth'].tolist() == [6.5, 10.0]


def test_equal_values_share_their_rank():
    assert minilm.ranks(np.array([3.0, 1.0, 3.0, 2.0])).tolist() == [3.5, 1.0, 3.5, 2.0]


@pytest.mark.parametrize(('truth', 'figure'), [([1.0, 2.0, 9.0], 1.0), ([9.0, 2.0, 1.0], -1.0)])
def test_the_metric_is_the_order_of_the_pairs_and_not_their_size(truth, figure):
    angles = np.array([0.0, 2.0, 0.0, 1.0, 0.0, 0.1])
    points = np.stack([np.cos(angles), np.sin(angles)], 1).astype(np.float32) * np.arange(1, 7)[:, None]

    assert minilm.spearman({'embedding': points}, {'truth': np.array(truth)}) == pytest.approx(figure)
