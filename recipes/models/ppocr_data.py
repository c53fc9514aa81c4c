"""Lines of text for PaddleOCR's recognition and orientation models, drawn in DejaVu fonts. No framework here.

What calibrates and what judges share no line. The fonts come from matplotlib's wheel, the order of the model's
characters from the package that has the model.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont

Arrays = dict[str, np.ndarray]

HEIGHT, SHORT, LONG = 48, 192, 320
FONTS = ('DejaVuSans.ttf', 'DejaVuSerif.ttf', 'DejaVuSansMono.ttf', 'DejaVuSans-Bold.ttf', 'DejaVuSerif-Italic.ttf')
EVALUATE = (
    'Opening hours',
    'Invoice 20417',
    'total 1,284.50',
    'Platform 9b',
    'Keep refrigerated',
    'Batch: 7Q-3318',
    'best before 06/27',
    'Quiet please!',
    'Gate closes 14:35',
    'made in Finland',
    '(see page 112)',
    'Room 0.48 West',
    'VAT no. 55082',
    'two thin jackets',
    'Press any key',
    'Serial X9-40Z',
    'fragile: glass',
    'Weight 3.75 kg',
    'Lake View Road',
    'Queue here',
    'zinc, 15 mg',
    'Part #66301',
    'Bring exact change',
    '50% off today',
    'Wipe your feet',
    'north exit only',
    'Volume 8, no. 2',
    'Jazz at midnight',
    'Fuse box B12',
    'ask for help',
    'Recycle paper',
    'Speed limit 30',
    'yellow marker',
    'DO NOT ENTER',
    'Checked: K. Ruiz',
    'copy 4 of 9',
)
CALIBRATE = (
    'Ticket office',
    'Receipt 88312',
    'sum 76.20 net',
    'Track 17 south',
    'Store cool, dry',
    'Lot: 5K-0926',
    'use by 11/30',
    'Mind the gap',
    'Doors open 19:00',
    'woven in Peru',
    '(cf. note 43)',
    'Hall 2.31 East',
    'Order no. 9174',
    'six round plates',
    'Insert coin',
    'Model T4-22V',
    'this side up',
    'Length 1.09 m',
    'Old Mill Lane',
    'Push to open',
    'iron, 20 mg',
    'Item #30857',
    'Wash your hands',
    '25% extra free',
    'Watch the step',
    'staff only',
    'Chapter 6, p. 71',
    'Evening concert',
    'Valve D03',
    'call for service',
    'Switch off lights',
    'Max. load 450',
)


def lines(folder: Path) -> Arrays:
    """Return 36 lines to read, and the classes of their characters, zeros behind."""
    character = _classes(folder / 'ppocr_keys_v1.txt')
    truth = np.zeros((len(EVALUATE), max(map(len, EVALUATE))), np.int64)
    for row, text in zip(truth, EVALUATE, strict=True):
        row[: len(text)] = [character[c] for c in text]
    return {'image': _drawn(folder, EVALUATE, LONG, 1), 'truth': truth}


def calibration_lines(folder: Path) -> Arrays:
    """Return 32 other lines."""
    return {'image': _drawn(folder, CALIBRATE, LONG, 2)}


def turned(folder: Path) -> Arrays:
    """Return 36 lines of which each second one is upside down, which is class 1."""
    labels = np.arange(len(EVALUATE), dtype=np.int64) % 2
    return {'image': _drawn(folder, EVALUATE, SHORT, 3, turn=True), 'labels': labels}


def calibration_turned(folder: Path) -> Arrays:
    """Return 32 other lines, each second one upside down."""
    return {'image': _drawn(folder, CALIBRATE, SHORT, 4, turn=True)}


def characters_right(outputs: Arrays, data: Arrays) -> np.ndarray:
    """Return per line 1 less its character error rate: edits from what was read to what is there, over its length."""
    scores = []
    for frames, truth in zip(outputs['prob'].argmax(-1), data['truth'], strict=True):
        # CTC: runs of a class are one character, class 0 is none
        read = [int(c) for i, c in enumerate(frames) if c and (i == 0 or c != frames[i - 1])]
        there = [int(c) for c in truth if c]
        scores.append(max(0.0, 1 - _edits(read, there) / len(there)))
    return np.array(scores)


def _edits(one: list[int], two: list[int]) -> int:
    """Return how many insertions, deletions and replacements turn ``one`` into ``two``."""
    row = list(range(len(two) + 1))
    for i, a in enumerate(one, start=1):
        before, row[0] = row[0], i
        for j, b in enumerate(two, start=1):
            before, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, before + (a != b))
    return row[-1]


def _classes(keys: Path) -> dict[str, int]:
    """Return the class of each character: 0 is the blank, the file's lines follow, a space is last."""
    known = keys.read_text(encoding='utf-8').split('\n')
    known = known[:-1] if known[-1] == '' else known
    return {character: number for number, character in enumerate([*known, ' '], start=1)}


def _drawn(folder: Path, texts: Sequence[str], width: int, seed: int, turn: bool = False) -> np.ndarray:
    """Return lines as [n, 3, 48, width], -1 to 1, zeros on the right; with ``turn`` each second one upside down."""
    rng = np.random.default_rng(seed)
    made = np.zeros((len(texts), 3, HEIGHT, width), np.float32)
    for number, text in enumerate(texts):
        font = ImageFont.truetype(str(folder / FONTS[number % len(FONTS)]), int(rng.integers(16, 30)))
        left, top, right, bottom = font.getbbox(text)
        margin = int(rng.integers(2, 6))
        size = (int(right - left) + 2 * margin, int(bottom - top) + 2 * margin)
        ink, paper = (int(rng.integers(*between)) for between in ((0, 90), (170, 256)))
        line = Image.new('L', size, paper)
        ImageDraw.Draw(line).text((margin - left, margin - top), text, ink, font)
        if turn and number % 2:
            line = line.transpose(Image.Transpose.ROTATE_180)
        fitted = min(width, round(HEIGHT * size[0] / size[1]))
        grey = np.asarray(line.resize((fitted, HEIGHT), Image.Resampling.BILINEAR), np.float32)
        grey = (grey + rng.normal(0, 6, grey.shape)).clip(0, 255)  # as a camera's sensor would
        made[number, :, :, :fitted] = (grey / 127.5 - 1).astype(np.float32)
    return made
