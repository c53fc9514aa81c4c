"""Photos for ImageNet classifiers: [n, 3, 224, 224] RGB, ``(x - 127) / 128``. No torch here.

``evaluate``: the 20 photos of the foolbox package, whose names end in their ImageNet class. ``calibrate``: photos of
the scikit-image package, other pictures altogether, cut and mirrored.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from typing import IO

    from PIL import Image

Arrays = dict[str, np.ndarray]

_SIZE = 224
# Everyday colour photographs; the package's other pictures are drawings, textures and microscopy.
_CALIBRATE = ('astronaut.png', 'chelsea.png', 'coffee.png', 'motorcycle_left.png', 'rocket.jpg')


def evaluate(folder: Path) -> Arrays:
    """Return the middle square of each photo, with its class."""
    files = sorted(folder.glob('imagenet_*_*.jpg'))
    return {
        'image': np.stack([pixels(file) for file in files]),
        'labels': np.array([int(file.stem.rsplit('_', 1)[1]) for file in files], np.int64),
    }


def pixels(file: Path | IO[bytes]) -> np.ndarray:
    """Return the middle square of a photo as the net takes it, without the batch."""
    return _array(_crop(_open(file), 0.5, 0.5, 1.0))


def calibrate(folder: Path) -> Arrays:
    """Return 30 cuts: of each photo the middle, four corners and a mirrored middle."""
    cuts = []
    for name in _CALIBRATE:
        photo = _open(folder / name)
        cuts.append(_array(_crop(photo, 0.5, 0.5, 1.0)))
        cuts.append(cuts[-1][:, :, ::-1])
        cuts += [_array(_crop(photo, x, y, 0.6)) for x in (0.1, 0.9) for y in (0.1, 0.9)]
    return {'image': np.stack(cuts)}


def _open(file: Path | IO[bytes]) -> Image.Image:
    from PIL import Image

    with Image.open(file, formats=('JPEG', 'PNG')) as image:
        return image.convert('RGB')


def _crop(photo: Image.Image, x: float, y: float, share: float) -> Image.Image:
    """Return the square at (x, y), 0 to 1, whose side is ``share`` of the short side, at 224 x 224."""
    from PIL import Image

    side = round(min(photo.size) * share)
    left, top = round((photo.width - side) * x), round((photo.height - side) * y)
    return photo.resize((_SIZE, _SIZE), Image.Resampling.BICUBIC, (left, top, left + side, top + side))


def _array(photo: Image.Image) -> np.ndarray:
    pixels = np.asarray(photo, np.float32)
    return np.ascontiguousarray(((pixels - 127) / 128).transpose(2, 0, 1))
