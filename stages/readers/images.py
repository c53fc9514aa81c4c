"""Images: a folder, class folders, or those that a CSV lists, as the model takes them."""

from __future__ import annotations

import io
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Literal

from stages.contract.port import Contract, Port, listed
from stages.contract.reader import Files, Part
from stages.errors import StepError
from stages.readers.labelled import Sample, labelled
from stages.readers.usual import chosen, digest_of_file, hold, stored, the_input

if TYPE_CHECKING:
    import numpy
    from PIL.Image import Image

READER: Final = 'images'
TOOLS = ('numpy', 'pillow')

SUFFIXES: Final = ('.jpg', '.jpeg', '.png', '.bmp', '.webp', '.gif', '.ppm', '.pgm', '.tif', '.tiff')
FORMATS: Final = ('JPEG', 'PNG', 'BMP', 'WEBP', 'GIF', 'PPM', 'TIFF')
"""What is opened: no format that calls a program, as EPS does."""

MODES: Final = ('1', 'L', 'LA', 'P', 'PA', 'RGB', 'RGBA', 'CMYK', 'YCbCr')
"""Pixels of 8 bits and less; 16 bits would be cut by the conversion, and nobody would know."""

MOST_PIXELS: Final = 100_000_000
MOST_BYTES: Final = 256 << 20


@dataclass(frozen=True)
class Params:
    input: str = ''
    """The input that takes them; absent: the only one."""

    size: int | tuple[int, int] | None = None
    """Height and width that the model gets, or one number for both; absent: as its input says."""

    crop: Literal['center', 'none', 'pad'] = 'center'
    """`center`: scaled until it covers the size, its middle taken; `none`: stretched; `pad`: fitted in, in `fill`."""

    resize: int | None = None
    """Of `crop: center`: the shorter side before the middle is taken, 256 for 224; absent: as short as it can be."""

    filter: Literal['nearest', 'box', 'bilinear', 'bicubic', 'lanczos'] = 'bilinear'
    """How pixels are scaled; as Pillow does, with all that lies under a pixel of the result."""

    fill: int = 0
    """Of `crop: pad`: the value of the pixels around, 0 to 255."""

    colours: Literal['rgb', 'bgr', 'grey'] | None = None
    """The order of the channels; absent: `rgb`, or `grey` for one channel."""

    layout: Literal['nchw', 'nhwc'] | None = None
    """Where the channels are; absent: as the input's sizes say, where they say it."""

    range: tuple[float, float] = (0.0, 1.0)
    """What 0 and 255 become, before `mean` and `std`. An input of whole numbers gets the pixels as they are."""

    mean: tuple[float, ...] = ()
    """Subtracted: one number, or one for each channel in the model's order."""

    std: tuple[float, ...] = ()
    """Divided by, then."""

    labels: str = ''
    """A CSV among the files, with the columns `file` and `label`, or `truth` (another image); absent: class folders."""

    classes: tuple[str, ...] | str | None = None
    """The model's classes in their order: a list, a file of a line each, `names` (sorted) or `numbers`."""

    def __post_init__(self) -> None:
        if self.crop != 'center' and self.resize:
            raise ValueError('`resize` goes with `crop: center` only')
        if not 0 <= self.fill <= 255:
            raise ValueError(f'`fill` is {self.fill}; expected 0 to 255')
        if not self.range[0] < self.range[1]:
            raise ValueError('`range` is what 0 and 255 become; expected the smaller number first, like [0, 1]')
        if 0 in self.std:
            raise ValueError('`std` holds a zero, and is divided by')


@dataclass(frozen=True)
class Form:
    """How one image lies in an input."""

    port: Port
    height: int
    width: int
    channels: int
    first: bool
    """Whether the channels come before height and width."""

    whole: tuple[int, ...]
    """The shape of one sample."""


def read(params: Params, files: Files, contract: Contract, part: Part) -> dict[str, Any]:
    """Return the images by the input's name, ``labels`` where there are some, ``truth`` where a table names images."""
    import numpy as np

    port = the_input(contract, params.input, READER)
    form = form_of(params, port, contract)
    samples = labelled(files, SUFFIXES, params.labels, params.classes, READER)
    samples = [samples[place] for place in chosen(part, [digest_of_file(s.path) for s in samples], '`images`')]
    hold(len(samples), form.height * form.width * form.channels * np.dtype(port.dtype).itemsize, READER)
    arrays = {port.name: np.stack([_array(params, form, sample) for sample in samples])}
    if any(sample.label is not None for sample in samples):
        arrays['labels'] = np.asarray([sample.label for sample in samples], np.int64)
    if all(sample.truth for sample in samples):
        arrays['truth'] = _truth(params, form, samples)
    return arrays


def form_of(params: Params, port: Port, contract: Contract) -> Form:
    """Return where channels, height and width are in one sample; raise StepError where that could mean two things."""
    row = [axis for axis in range(len(port.shape)) if axis != port.batch]
    sizes = [contract.sizes.get(d, 0) if isinstance(d, str) else d for d in (port.shape[axis] for axis in row)]
    outer = [1] if len(sizes) == 4 and sizes[0] == 1 else []
    inner, what = sizes[len(outer) :], f'`images`: the input {listed([port])}'
    if len(inner) == 2:
        channels, first, sides = 1, None, inner
    elif len(inner) == 3:
        channels, first, sides = _channels(params, inner, what)
    else:
        raise StepError(f'{what} is no image: expected height and width, and channels before or behind them')
    height, width = _size(params, sides, what)
    pixel = [height, width] if first is None else [channels, height, width] if first else [height, width, channels]
    if (params.colours in ('rgb', 'bgr') and channels == 1) or (params.colours == 'grey' and channels == 3):
        raise StepError(f'{what} has {channels} channels, and `colours` is {params.colours}')
    return Form(port, height, width, channels, bool(first), (*outer, *pixel))


def _channels(params: Params, sizes: list[int], what: str) -> tuple[int, bool, list[int]]:
    first, last = sizes[0] in (1, 3), sizes[2] in (1, 3)
    if params.layout is None and first and last:
        raise StepError(f'{what} may have its channels first or last: write `layout: nchw` or `layout: nhwc`')
    front = params.layout == 'nchw' if params.layout else first
    if not (first if front else last):
        tried = f'with `layout: {params.layout}` ' if params.layout else ''
        raise StepError(f'{what} has {tried}no axis of 1 or 3 channels; images have no other number')
    return (sizes[0], True, sizes[1:]) if front else (sizes[2], False, sizes[:2])


def _size(params: Params, sides: list[int], what: str) -> tuple[int, int]:
    asked = (params.size, params.size) if isinstance(params.size, int) else params.size
    if asked is None:
        if 0 in sides:
            raise StepError(f'{what} leaves the size open: write `size: [HEIGHT, WIDTH]`, or benchmark: {{sizes: …}}')
        return sides[0], sides[1]
    if min(asked) < 1:
        raise StepError(f'`images`: `size` is {list(asked)}; expected two numbers from 1')
    if any(side and side != size for side, size in zip(sides, asked, strict=True)):
        raise StepError(f'{what} takes {sides[0]}×{sides[1]}, and `size` says {asked[0]}×{asked[1]}; keep one of them')
    return asked[0], asked[1]


def _array(params: Params, form: Form, sample: Sample) -> numpy.ndarray:
    """Return one sample as the model takes it."""
    return stored(_real(params, form, _fitted(params, form, opened(sample.path, sample.place))), form.port)


def _real(params: Params, form: Form, image: Image) -> numpy.ndarray:
    """Return the pixels as numbers, normalised, at their axes."""
    import numpy as np

    pixels = np.asarray(image, np.float32).reshape(image.height, image.width, form.channels)
    if params.colours == 'bgr':
        pixels = pixels[:, :, ::-1]
    plain = np.dtype(form.port.dtype).kind in 'iu' and form.port.quantization is None
    if plain:
        if params.mean or params.std or params.range != Params.range:
            raise StepError(f'`images`: {listed([form.port])} takes pixels as they are: no `range`, `mean` or `std`')
        if np.iinfo(form.port.dtype).max < 255:
            raise StepError(f'`images`: {listed([form.port])} cannot hold 0 to 255, and says no scale and zero point')
    else:
        low, high = params.range
        pixels = pixels * np.float32((high - low) / 255) + np.float32(low)
        pixels = (pixels - _each(params.mean, 0.0, 'mean', form)) / _each(params.std, 1.0, 'std', form)
    if form.first:
        pixels = pixels.transpose(2, 0, 1)
    return np.ascontiguousarray(pixels)


def _each(values: tuple[float, ...], absent: float, name: str, form: Form) -> numpy.ndarray:
    import numpy as np

    if len(values) not in (0, 1, form.channels):
        raise StepError(
            f'`images`: `{name}` has {len(values)} numbers; expected 1, or {form.channels} for the channels'
        )
    return np.asarray(values or (absent,), np.float32)


def _truth(params: Params, form: Form, samples: list[Sample]) -> numpy.ndarray:
    """Return the images to compare with, in the scale of the input and in their own size, which must be one for all."""
    import numpy as np

    images = [opened(sample.truth, sample.truth.name) for sample in samples if sample.truth]
    if len({image.size for image in images}) > 1:
        raise StepError('`images`: the images of the column `truth` have different sizes')
    mode = 'L' if form.channels == 1 else 'RGB'
    return np.stack([_real(params, form, image.convert(mode)) for image in images]).astype(np.float32)


def opened(path: Path, place: str) -> Image:
    """Return the image at ``path``, upright as its camera says, its pixels read.

    Raises StepError for what is damaged, in no format that is opened, or larger than ``MOST_PIXELS``: pictures of zeros
    pack to nothing.
    """
    from PIL import Image as pillow
    from PIL import ImageOps

    if path.stat().st_size > MOST_BYTES:
        raise StepError(f'{place}: more than {MOST_BYTES >> 20} MiB; an image is smaller')
    try:
        with warnings.catch_warnings():
            warnings.simplefilter('ignore')  # of its own limit of pixels: ours is held before it reads them
            image: Image = pillow.open(io.BytesIO(path.read_bytes()), formats=FORMATS)
            if image.width * image.height > MOST_PIXELS:
                raise StepError(f'{place}: {image.width}×{image.height} pixels; at most {MOST_PIXELS:,} are read')
            if image.mode not in MODES:
                raise StepError(f'{place}: pixels of the kind {image.mode}; expected 8 bits a channel')
            image.load()
            return ImageOps.exif_transpose(image)
    except (StepError, MemoryError):
        raise
    except Exception as error:  # a damaged file makes Pillow raise many kinds
        raise StepError(f'{place} is no image that can be read: {type(error).__name__}: {error}') from error


def _fitted(params: Params, form: Form, image: Image) -> Image:
    """Return the image in the model's size and channels."""
    from PIL import Image as pillow

    image = image.convert('L' if form.channels == 1 else 'RGB')
    size, how = (form.width, form.height), pillow.Resampling[params.filter.upper()]
    if params.crop == 'none':
        return image if image.size == size else image.resize(size, how)
    ratios = [side / there for side, there in zip(size, image.size, strict=True)]
    factor = max(ratios) if params.crop == 'center' else min(ratios)
    if params.resize:
        if params.resize < min(size):
            raise StepError(f'`images`: `resize: {params.resize}` leaves less than the {size[0]}×{size[1]} to cut')
        factor = params.resize / min(image.size)
    # as torchvision does: the longer side is cut off to whole pixels, the middle is rounded to an even one
    scaled = [max(1, int(there * factor + 1e-6)) for there in image.size]
    if params.crop == 'center':
        scaled = [max(side, made) for side, made in zip(size, scaled, strict=True)]
    if (made := (scaled[0], scaled[1])) != image.size:
        image = image.resize(made, how)
    left, top = (round((made[0] - size[0]) / 2), round((made[1] - size[1]) / 2))
    if params.crop == 'center':
        return image.crop((left, top, left + size[0], top + size[1]))
    canvas = pillow.new(image.mode, size, (params.fill,) * len(image.getbands()))
    canvas.paste(image, (-left, -top))
    return canvas
