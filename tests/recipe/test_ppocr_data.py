"""What the two PaddleOCR recipes are judged by."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip('PIL', reason='needs modelkiln[data]: pip install "modelkiln[data]"')
_SPEC = importlib.util.spec_from_file_location(
    'ppocr_data', Path(__file__).parents[2] / 'recipes' / 'models' / 'ppocr_data.py'
)
assert _SPEC and _SPEC.loader
ppocr = importlib.util.module_from_spec(_SPEC)
_SPEC.loader.exec_module(ppocr)


def answers(*frames: list[int]) -> dict[str, np.ndarray]:
    """Return outputs whose most probable classes are these, frame by frame."""
    return {'prob': np.eye(9, dtype=np.float32)[np.array(frames)]}


@pytest.mark.parametrize(
    ('frames', 'truth', 'right'),
    [
        ([0, 3, 3, 0, 4, 5], [3, 4, 5], 1.0),
        ([3, 3, 3, 0, 0, 0], [3, 3, 0], 0.5),  # a run is one character, and one of two is missing
        ([3, 0, 3, 0, 0, 0], [3, 3, 0], 1.0),  # a blank between parts the two
        ([3, 7, 5, 0, 0, 0], [3, 4, 5], 2 / 3),
        ([3, 4, 5, 6, 0, 0], [3, 4, 5], 2 / 3),
        ([0, 0, 0, 0, 0, 0], [3, 4, 5], 0.0),
        ([1, 2, 1, 2, 1, 2], [3, 0, 0], 0.0),  # more errors than characters: never below nothing
    ],
)
def test_characters_are_counted_as_read(frames, truth, right):
    assert ppocr.characters_right(answers(frames), {'truth': np.array([truth])}) == pytest.approx([right])


def test_every_line_is_judged_for_itself():
    scores = ppocr.characters_right(answers([3, 4], [3, 3]), {'truth': np.array([[3, 4], [5, 0]])})

    assert scores.tolist() == [1.0, 0.0]


def test_no_line_both_tunes_and_judges():
    assert not set(ppocr.EVALUATE) & set(ppocr.CALIBRATE)
    assert len(set(ppocr.EVALUATE)) == len(ppocr.EVALUATE) == 36


@pytest.fixture
def folder(tmp_path) -> Path:
    """What the recipe fetches: the fonts, and characters in the order of their classes."""
    fonts = pytest.importorskip('matplotlib', reason='needs modelkiln[report]').get_data_path() + '/fonts/ttf'
    for name in ppocr.FONTS:
        (tmp_path / name).write_bytes((Path(fonts) / name).read_bytes())
    characters = sorted(set(''.join(ppocr.EVALUATE)) - {' '})
    (tmp_path / 'ppocr_keys_v1.txt').write_text('\n'.join(characters) + '\n')
    return tmp_path


def test_lines_come_with_the_classes_of_their_characters(folder):
    made = ppocr.lines(folder)

    characters = ['', *(folder / 'ppocr_keys_v1.txt').read_text().split(), ' ']
    assert [''.join(characters[c] for c in row) for row in made['truth']] == list(ppocr.EVALUATE)
    assert made['image'].shape == (36, 3, 48, 320) and np.abs(made['image']).max() <= 1


def test_each_second_line_is_upside_down(folder):
    made = ppocr.turned(folder)

    upright = ppocr._drawn(folder, ppocr.EVALUATE, ppocr.SHORT, 3)
    ink = [(line[0] < 0).astype(float) for line in made['image']]
    before = [(line[0] < 0).astype(float) for line in upright]
    same = [np.corrcoef(a.ravel(), b.ravel())[0, 1] > 0.9 for a, b in zip(ink, before, strict=True)]
    assert same == [label == 0 for label in made['labels']]
