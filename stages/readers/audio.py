"""Sounds: WAV, FLAC or OGG in a folder, in class folders, or listed by a CSV, in the model's rate, cut into windows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Literal

from stages.contract.port import Contract, Port, listed
from stages.contract.reader import Files, Part
from stages.errors import StepError
from stages.readers.labelled import Sample, labelled
from stages.readers.usual import chosen, digest_of_file, hold, stored, the_input

if TYPE_CHECKING:
    import numpy

READER: Final = 'audio'
TOOLS = ('numpy', 'soundfile', 'soxr')
SUFFIXES: Final = ('.wav', '.flac', '.ogg')
MOST_FRAMES: Final = 1 << 28
"""Of one file, over its channels: an hour and a half at 48 kHz. A header may promise anything."""


@dataclass(frozen=True)
class Params:
    rate: int
    """Samples a second that the model expects; other files are resampled."""

    input: str = ''
    """The input that takes them; absent: the only one."""

    window: float | None = None
    """Seconds of one sample; absent: as long as the input says. Shorter sounds are filled up with silence."""

    hop: float | None = None
    """Seconds from one window to the next; absent: one after the other, and what is left over at the end is left."""

    windows: int | None = None
    """The most windows of one file; absent: all."""

    mix: Literal['mean', 'first'] = 'mean'
    """What becomes of several channels: their mean, or the first."""

    scale: float = 1.0
    """What the loudest possible value becomes: 32768 for models that take whole numbers of 16 bits as floats."""

    labels: str = ''
    """A CSV among the files, with the columns `file` and `label`; absent: class folders, or none."""

    classes: tuple[str, ...] | str | None = None
    """The model's classes in their order: a list, a file of a line each, `names` (sorted) or `numbers`."""

    def __post_init__(self) -> None:
        if not 100 <= self.rate <= 768_000:
            raise ValueError(f'`rate` is {self.rate}; expected samples a second, like 16000')
        for name in ('window', 'hop'):
            if (value := getattr(self, name)) is not None and value * self.rate < 1:
                raise ValueError(f'`{name}` is {value:g} seconds; that is not one sample')


def read(params: Params, files: Files, contract: Contract, part: Part) -> dict[str, Any]:
    """Return windows of sound by the input's name, and ``labels``: those of the files that they are cut from.

    A file's windows are all on one side of a split.
    """
    import numpy as np

    port = the_input(contract, params.input, READER)
    shape, length = _form(params, port, contract)
    sounds = labelled(files, SUFFIXES, params.labels, params.classes, READER)
    sounds = [sounds[place] for place in chosen(part, [digest_of_file(s.path) for s in sounds], f'`{READER}`')]
    cut: list[numpy.ndarray] = []
    labels: list[int | None] = []
    for sound in sounds:
        windows = _windows(params, _heard(params, sound), length)
        cut += windows
        labels += [sound.label] * len(windows)
        hold(len(cut), 8 * length, READER)
    if np.dtype(port.dtype).kind in 'iu' and port.quantization is None:
        values = np.rint(np.stack(cut) * (params.scale if params.scale != 1.0 else np.iinfo(port.dtype).max))
    else:
        values = np.stack(cut) * np.float32(params.scale)
    arrays = {port.name: stored(values, port).reshape(len(cut), *shape)}
    if any(label is not None for label in labels):
        arrays['labels'] = np.asarray(labels, np.int64)
    return arrays


def _form(params: Params, port: Port, contract: Contract) -> tuple[tuple[int, ...], int]:
    """Return the shape of one sample, and how many values of sound it has: its one axis that is longer than 1."""
    asked = round(params.window * params.rate) if params.window else 0
    row = [port.shape[axis] for axis in range(len(port.shape)) if axis != port.batch]
    sizes = [contract.sizes.get(size, 0) if isinstance(size, str) else size for size in row]
    long = [axis for axis, size in enumerate(sizes) if size != 1]
    what = f'`audio`: the input {listed([port])}'
    if len(long) > 1 or not sizes:
        raise StepError(f'{what} takes no single line of sound; expected one axis that is longer than 1')
    said = sizes[long[0]] if long else 0
    if asked and said and asked != said:
        raise StepError(
            f'{what} takes {said} values, and `window` is {asked} ({params.window:g} s of {params.rate} Hz)'
        )
    if not asked and not said:
        raise StepError(f'{what} leaves it open how long a sound is; write `window: SECONDS`')
    length = asked or said
    place = long[0] if long else len(sizes) - 1
    return (*sizes[:place], length, *sizes[place + 1 :]), length


def _heard(params: Params, sound: Sample) -> numpy.ndarray:
    """Return one channel of a file as floats from -1 to 1, at the rate that is asked for."""
    import soundfile
    import soxr

    try:
        with soundfile.SoundFile(sound.path) as file:
            if file.frames * file.channels > MOST_FRAMES:
                raise StepError(f'{sound.place}: {file.frames:,} frames of {file.channels} channels; too long')
            if not file.frames:
                raise StepError(f'{sound.place} holds no sound')
            heard = file.read(dtype='float32', always_2d=True)
            rate = file.samplerate
    except soundfile.SoundFileError as error:
        raise StepError(f'{sound.place} is no sound that can be read: {error}') from error
    one = heard[:, 0] if params.mix == 'first' else heard.mean(axis=1)
    made: numpy.ndarray = one if rate == params.rate else soxr.resample(one, rate, params.rate, quality='VHQ')
    return made


def _windows(params: Params, heard: numpy.ndarray, length: int) -> list[numpy.ndarray]:
    import numpy as np

    step = round(params.hop * params.rate) if params.hop else length
    starts = [*range(0, max(1, len(heard) - length + 1), step)][: params.windows]
    cut = [heard[start : start + length] for start in starts]
    return [np.pad(one, (0, length - len(one))) for one in cut]
