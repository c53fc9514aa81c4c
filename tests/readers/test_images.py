"""Images as a model takes them: held against Pillow and arithmetic of the test's own."""

from __future__ import annotations

import struct
import zlib
from pathlib import Path

import numpy as np
import pytest

from stages.contract.port import Contract, Port, Quantization
from stages.contract.reader import ALL, Part
from stages.errors import StepError
from stages.readers import images

pillow = pytest.importorskip('PIL.Image', reason="pip install 'modelkiln[data]'")

NCHW = Contract((Port('image', ('batch', 3, 8, 8), 'float32'),))


def photo(folder: Path, name: str, size: tuple[int, int] = (8, 8), seed: int = 0) -> np.ndarray:
    """Write a picture of noise, width by height; return its pixels."""
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    pixels = np.random.default_rng(seed).integers(0, 256, (size[1], size[0], 3), np.uint8)
    pillow.fromarray(pixels).save(path)
    return pixels


def read(folder: Path, contract: Contract = NCHW, part: Part = ALL, **params: object) -> dict[str, np.ndarray]:
    files = {path.relative_to(folder).as_posix(): path for path in sorted(folder.rglob('*')) if path.is_file()}
    return images.read(images.Params(**params), files, contract, part)


def test_pixels_are_scaled_normalised_and_laid_out(tmp_path: Path) -> None:
    pixels = photo(tmp_path, '1.png')

    made = read(tmp_path, mean=(0.5, 0.4, 0.3), std=(0.2, 0.25, 0.5))['image']

    expected = (pixels / 255 - [0.5, 0.4, 0.3]) / [0.2, 0.25, 0.5]
    assert np.allclose(made, expected.transpose(2, 0, 1)[None], atol=1e-6)


def test_bgr_of_caffe_in_its_own_range(tmp_path: Path) -> None:
    pixels = photo(tmp_path, '1.png')
    nhwc = Contract((Port('image', ('batch', 8, 8, 3), 'float32'),))

    made = read(tmp_path, nhwc, colours='bgr', range=(0, 255), mean=(104, 117, 123))['image']

    assert np.allclose(made[0], pixels[:, :, ::-1] - np.asarray([104.0, 117, 123]), atol=1e-4)


def test_the_shorter_side_is_resized_and_the_middle_cut_out(tmp_path: Path) -> None:
    photo(tmp_path, '1.png', (40, 20))
    image = pillow.open(tmp_path / '1.png').resize((20, 10), pillow.Resampling.BICUBIC).crop((6, 1, 14, 9))

    made = read(tmp_path, resize=10, filter='bicubic')['image']

    assert np.allclose(made[0].transpose(1, 2, 0), np.asarray(image) / 255, atol=1e-6)


def test_padding_keeps_the_whole_picture(tmp_path: Path) -> None:
    photo(tmp_path, '1.png', (16, 8))

    made = read(tmp_path, crop='pad', fill=255)['image'][0]

    assert (made[:, :2] == 1).all() and (made[:, -2:] == 1).all() and not (made[:, 2:6] == 1).all()


def test_an_int8_input_gets_numbers_by_its_scale_and_zero_point(tmp_path: Path) -> None:
    pixels = photo(tmp_path, '1.png')
    quantized = Contract((Port('image', (1, 8, 8, 3), 'int8', batch=0, quantization=Quantization((1 / 128,), (-3,))),))

    made = read(tmp_path, quantized, range=(-1, 1))['image']

    real = pixels / 255 * 2 - 1
    assert np.abs((made[0].astype(float) + 3) / 128 - np.clip(real, -125 / 128, 130 / 128)).max() <= 0.5 / 128 + 1e-6


def test_class_folders_label_what_is_in_them(tmp_path: Path) -> None:
    for n, name in enumerate(('cat/1.png', 'cat/2.png', 'ant/1.png')):
        photo(tmp_path / 'photos', name, seed=n)

    assert sorted(read(tmp_path)['labels'].tolist()) == [0, 1, 1]
    assert sorted(read(tmp_path, classes=('dog', 'cat', 'ant'))['labels'].tolist()) == [1, 1, 2]
    with pytest.raises(StepError, match='cat are not among the 1 `classes`'):
        read(tmp_path, classes=('ant',))


def test_folders_called_by_numbers_mean_two_things_and_are_asked_about(tmp_path: Path) -> None:
    for name in ('2', '10'):
        photo(tmp_path, f'{name}/1.png')

    with pytest.raises(StepError, match="'10' is class 10 by its number, 0 in the order of the names"):
        read(tmp_path)
    assert sorted(read(tmp_path, classes='numbers')['labels'].tolist()) == [2, 10]
    assert sorted(read(tmp_path, classes='names')['labels'].tolist()) == [0, 1]


def test_a_table_says_what_each_image_shows(tmp_path: Path) -> None:
    for n in range(3):
        photo(tmp_path, f'{n}.png', seed=n)
    (tmp_path / 'seen.csv').write_text('file,label\n0.png,7\n2.png,5\n')

    assert sorted(read(tmp_path, labels='seen.csv')['labels'].tolist()) == [5, 7]
    (tmp_path / 'seen.csv').write_text('file,label\n0.png,7\n9.png,5\n')
    with pytest.raises(StepError, match=r"seen\.csv:3: there is no file '9\.png'"):
        read(tmp_path, labels='seen.csv')


def test_a_split_is_stable_disjoint_and_blind_to_how_samples_are_read(tmp_path: Path) -> None:
    for n in range(40):
        photo(tmp_path, f'{n:02}.png', seed=n)
    part = Part(0.0, 0.3), Part(0.3, 1.0)
    one, two = ({row.tobytes() for row in read(tmp_path, part=p)['image']} for p in part)
    photo(tmp_path, '99.png', seed=99)
    later = {row.tobytes() for row in read(tmp_path, part=part[0])['image']}

    assert len(one) + len(two) == 40 and not one & two
    assert one <= later
    assert len(read(tmp_path, part=part[0], mean=(1.0,))['image']) == len(later)
    assert len(read(tmp_path, part=Part(limit=5))['image']) == 5


@pytest.mark.parametrize(
    ('shape', 'params', 'words'),
    [
        (('batch', 3, 8, 3), {}, 'write `layout: nchw` or `layout: nhwc`'),
        (('batch', 3, 8, 8), {'layout': 'nhwc'}, 'with `layout: nhwc` no axis of 1 or 3 channels'),
        (('batch', 4, 8, 8), {}, 'no axis of 1 or 3 channels'),
        (('batch', 3, 'height', 'width'), {}, 'leaves the size open: write `size'),
        (('batch', 3, 8, 8), {'size': 9}, 'takes 8×8, and `size` says 9×9'),
        (('batch', 5), {}, 'is no image'),
        (('batch', 3, 8, 8), {'mean': (1.0, 2.0)}, '`mean` has 2 numbers; expected 1, or 3'),
        (('batch', 3, 8, 8), {'colours': 'grey'}, 'has 3 channels, and `colours` is grey'),
        (('batch', 3, 8, 8), {'input': 'photo'}, "there is no input 'photo'"),
    ],
)
def test_what_could_mean_two_things_or_nothing_is_refused(tmp_path: Path, shape, params, words) -> None:
    photo(tmp_path, '1.png')

    with pytest.raises(StepError, match=words):
        read(tmp_path, Contract((Port('image', shape, 'float32'),)), **params)


def chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack('>I', len(body)) + kind + body + struct.pack('>I', zlib.crc32(kind + body))


def test_a_picture_that_unpacks_to_a_mountain_is_refused_before_its_pixels(tmp_path: Path) -> None:
    header = chunk(b'IHDR', struct.pack('>IIBBBBB', 60_000, 60_000, 8, 2, 0, 0, 0))
    (tmp_path / '1.png').write_bytes(b'\x89PNG\r\n\x1a\n' + header + chunk(b'IDAT', zlib.compress(b'')))

    with pytest.raises(StepError, match=r'1\.png.*(60000×60000 pixels|Bomb)'):
        read(tmp_path)


@pytest.mark.parametrize('body', [b'', b'GIF89a', b'%!PS-Adobe EPSF-3.0\n', b'<svg/>', b'\xff\xd8\xff\xe0' + b'0' * 99])
def test_what_is_no_picture_is_named(tmp_path: Path, body: bytes) -> None:
    (tmp_path / '1.jpg').write_bytes(body)

    with pytest.raises(StepError, match=r'1\.jpg is no image that can be read'):
        read(tmp_path)


def test_sixteen_bits_and_strange_files_are_refused(tmp_path: Path) -> None:
    pillow.fromarray(np.zeros((8, 8), np.uint16)).save(tmp_path / '1.png')
    with pytest.raises(StepError, match=r'1\.png: pixels of the kind I;16'):
        read(tmp_path)
    (tmp_path / 'notes.txt').write_text('x')
    with pytest.raises(StepError, match=r'notes\.txt: no files of \.jpg'):
        read(tmp_path)
