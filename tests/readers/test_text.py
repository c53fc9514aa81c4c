"""Texts as a model takes them, by a small tokenizer of words."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from stages.contract.port import Contract, Port
from stages.contract.reader import ALL
from stages.errors import StepError
from stages.readers import text

tokenizers = pytest.importorskip('tokenizers', reason="pip install 'modelkiln[data]'")

IDS, MASK, TYPES = (
    Port(name, ('batch', 'words'), 'int64') for name in ('input_ids', 'attention_mask', 'token_type_ids')
)
BERT = Contract((IDS, MASK, TYPES))
WORDS = {'[PAD]': 0, '[UNK]': 1, 'a': 2, 'dog': 3, 'barks': 4}


def read(folder: Path, name: str, body: str, contract: Contract = BERT, fills: bool = True, **params: object):
    made = tokenizers.Tokenizer(tokenizers.models.WordLevel(WORDS, unk_token='[UNK]'))
    made.pre_tokenizer = tokenizers.pre_tokenizers.Whitespace()
    if fills:
        made.enable_padding(pad_id=0, pad_token='[PAD]')
    made.save(str(folder / 'tokenizer.json'))
    (folder / name).write_text(body)
    return text.read(text.Params(**params), {p.name: p for p in folder.iterdir()}, contract, ALL)


def test_lines_are_cut_and_filled_up(tmp_path: Path) -> None:
    made = read(tmp_path, 'x.txt', 'a dog barks a dog\ndog\n', length=4)

    assert sorted(made['input_ids'].tolist()) == [[2, 3, 4, 2], [3, 0, 0, 0]]
    assert sorted(made['attention_mask'].tolist()) == [[1, 0, 0, 0], [1, 1, 1, 1]]
    assert made['token_type_ids'].sum() == 0 and made['input_ids'].dtype == np.int64


def test_json_lines_have_pairs_and_labels(tmp_path: Path) -> None:
    lines = [{'text': 'a dog', 'pair': 'barks', 'label': 'yes'}, {'text': 'a', 'pair': 'dog', 'label': 'no'}]
    body = ''.join(json.dumps(line) + '\n' for line in lines)

    made = read(tmp_path, 'x.jsonl', body, length=3, pair='pair', classes=('no', 'yes'))

    by_label = dict(zip(made['labels'].tolist(), made['input_ids'].tolist(), strict=True))
    assert by_label == {1: [2, 3, 4], 0: [2, 3, 0]}
    assert made['token_type_ids'][made['labels'] == 1].tolist() == [[0, 0, 1]]


def test_the_length_is_the_inputs_own_where_it_says_one(tmp_path: Path) -> None:
    fixed = Contract((Port('tokens', (1, 6), 'int32', batch=0),))

    assert read(tmp_path, 'x.txt', 'a\n', fixed, ids='tokens')['tokens'].shape == (1, 6)
    with pytest.raises(StepError, match=r'`length` says 4, the input tokens int32 .* takes 6'):
        read(tmp_path, 'x.txt', 'a\n', fixed, ids='tokens', length=4)


@pytest.mark.parametrize(
    ('name', 'body', 'params', 'words'),
    [
        ('x.txt', 'a\n', {}, 'leaves it open how many tokens'),
        ('x.txt', 'a\n', {'length': 4, 'pad': '<pad>'}, "has no token '<pad>'"),
        ('x.txt', 'a\n', {'length': 4, 'ids': 'tokens'}, "there is no input 'tokens'"),
        ('x.txt', 'a\n', {'length': 4, 'tokenizer': 'vocab.txt'}, "no tokenizer 'vocab.txt'"),
        ('x.jsonl', '{"words": 1}\n', {'length': 4}, r"x\.jsonl:1 has no text in the field 'text'"),
        ('x.jsonl', '[' * 100_000, {'length': 4}, r'x\.jsonl:1 is no JSON'),
        ('x.jsonl', '{"text": "a", "label": "yes"}\n', {'length': 4}, r"x\.jsonl:1: the label is 'yes'"),
    ],
)
def test_what_does_not_fit_is_told(tmp_path: Path, name: str, body: str, params: dict, words: str) -> None:
    with pytest.raises(StepError, match=words):
        read(tmp_path, name, body, **params)


def test_a_tokenizer_without_filling_is_asked_about(tmp_path: Path) -> None:
    with pytest.raises(StepError, match='does not say what to fill up with; write `pad: TOKEN`'):
        read(tmp_path, 'x.txt', 'a\n', length=4, fills=False)
    (tmp_path / 'tokenizer.json').write_text('{}')
    with pytest.raises(StepError, match=r'tokenizer\.json is no tokenizer'):
        text.read(text.Params(), {p.name: p for p in tmp_path.iterdir()}, BERT, ALL)
