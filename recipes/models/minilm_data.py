"""Texts for MiniLM: WordPiece ids by the published vocabulary, and word pairs that people have rated.

Evaluation: the 353 pairs of WordSim-353, rows 2i and 2i + 1 a pair; the figure is Spearman's rank correlation between
the cosine of two embeddings and the human mean. Calibration: sentences of the Lee background corpus, none of them
evaluated. No torch here.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator
from pathlib import Path

import numpy as np

Arrays = dict[str, np.ndarray]

CLS, SEP, UNKNOWN = '[CLS]', '[SEP]', '[UNK]'
LONGEST_WORD = 100  # beyond this the published tokenizer does not look
LENGTH = 64  # of a calibration text, with [CLS] and [SEP]
TEXTS = 128


def calibrate(folder: Path) -> Arrays:
    """Return 128 beginnings of news, 64 tokens each."""
    lines = (folder / 'lee_background.cor').read_text('utf-8').splitlines()
    return encode([line for line in lines if line.strip()][:TEXTS], vocabulary(folder), LENGTH)


def evaluate(folder: Path) -> Arrays:
    """Return both words of every pair, one after the other, the human mean of every pair, and which word is of which.

    ``groups`` lets an interval be told of the rank correlation: pairs are drawn, not words.
    """
    pairs = rated(folder)
    words = [word for one, two, _ in pairs for word in (one, two)]
    truth = np.array([float(mean) for _, _, mean in pairs])
    return {**encode(words, vocabulary(folder), LENGTH), 'truth': truth, 'groups': np.arange(len(words)) // 2}


def rated(folder: Path) -> list[list[str]]:
    """Return the rated pairs: two words and the human mean, as they are written."""
    lines = (folder / 'wordsim353.tsv').read_text('utf-8').splitlines()
    return [line.split('\t') for line in lines if line and not line.startswith('#')]


def evaluate_padded(folder: Path) -> Arrays:
    """Return what ``evaluate`` does, every word padded to 64 tokens: for models compiled for one length."""
    found = evaluate(folder)
    wide = LENGTH - found['input_ids'].shape[1]
    return {name: a if name in ('truth', 'groups') else np.pad(a, ((0, 0), (0, wide))) for name, a in found.items()}


def spearman(outputs: Arrays, data: Arrays) -> float:
    """Return the rank correlation of the pairs' cosines with what people said."""
    unit = outputs['embedding'] / np.linalg.norm(outputs['embedding'], axis=1, keepdims=True)
    near = (unit[0::2].astype(np.float64) * unit[1::2]).sum(1)
    return float(np.corrcoef(ranks(near), ranks(data['truth']))[0, 1])


def ranks(values: np.ndarray) -> np.ndarray:
    """Return ranks from 1; equal values share the mean of theirs."""
    _, which, count = np.unique(values, return_inverse=True, return_counts=True)
    last = np.cumsum(count)
    return (last - (count - 1) / 2)[which]


def vocabulary(folder: Path) -> dict[str, int]:
    """Return the ids of the pieces: a piece's line number in ``vocab.txt``."""
    return {piece: i for i, piece in enumerate((folder / 'vocab.txt').read_text('utf-8').split('\n')) if piece}


def encode(texts: list[str], known: dict[str, int], most: int) -> Arrays:
    """Return the model's inputs, padded to the longest text, which is cut to ``most`` tokens."""
    rows = [[known[CLS], *ids(text, known)[: most - 2], known[SEP]] for text in texts]
    shape = len(rows), max(map(len, rows))
    words, mask = np.zeros(shape, np.int64), np.zeros(shape, np.int64)
    for i, row in enumerate(rows):
        words[i, : len(row)] = row
        mask[i, : len(row)] = 1
    return {'input_ids': words, 'attention_mask': mask, 'token_type_ids': np.zeros(shape, np.int64)}


def ids(text: str, known: dict[str, int]) -> list[int]:
    """Return the ids of a text's pieces, without [CLS] and [SEP]."""
    return [known[piece] for word in split(text) for piece in pieces(word, known)]


def split(text: str) -> Iterator[str]:
    """Give words in lower case without accents; each mark of punctuation and each Chinese character is a word."""
    word = ''
    for character in _plain(text):
        alone = _punctuation(character) or _chinese(character)
        if character.isspace() or alone:
            if word:
                yield word
            word = ''
        if alone:
            yield character
        elif not character.isspace():
            word += character
    if word:
        yield word


def pieces(word: str, known: dict[str, int]) -> list[str]:
    """Cut a word into the longest known pieces from the left; a word with an unknown rest is unknown as a whole."""
    found: list[str] = []
    start = 0
    while start < len(word) <= LONGEST_WORD:
        mark = '##' if start else ''
        end = next((end for end in range(len(word), start, -1) if mark + word[start:end] in known), None)
        if end is None:
            break
        found.append(mark + word[start:end])
        start = end
    return found if start == len(word) else [UNKNOWN]


def _plain(text: str) -> str:
    # NFD takes accents off their letters, as marks of their own (Mn); letter by letter, so that no sigma is a final one
    kept = ''.join(' ' if c in '\t\n\r' else c for c in text if c in '\t\n\r' or not _control(c))
    return ''.join(c.lower() for c in unicodedata.normalize('NFD', kept) if unicodedata.category(c) != 'Mn')


def _control(character: str) -> bool:
    return unicodedata.category(character) in ('Cc', 'Cf', 'Co', 'Cs') or character == '\ufffd'


def _punctuation(character: str) -> bool:
    # All that is neither letter, digit nor space in ASCII counts, '$' and '^' too, which Unicode calls symbols.
    ascii_mark = '!' <= character <= '~' and not character.isalnum()
    return ascii_mark or unicodedata.category(character).startswith('P')


def _chinese(character: str) -> bool:
    return any(
        first <= ord(character) <= last
        for first, last in (
            (0x4E00, 0x9FFF),
            (0x3400, 0x4DBF),
            (0x20000, 0x2A6DF),
            (0x2A700, 0x2B73F),
            (0x2B740, 0x2B81F),
            (0x2B820, 0x2CEAF),
            (0xF900, 0xFAFF),
            (0x2F800, 0x2FA1F),
        )
    )
