"""Sounds as a model takes them: sines written by the standard library, held against sines."""

from __future__ import annotations

import struct
import wave
from pathlib import Path

import numpy as np
import pytest

from stages.contract.port import Contract, Port
from stages.contract.reader import ALL, Part
from stages.errors import StepError
from stages.readers import audio

pytest.importorskip('soundfile', reason="pip install 'modelkiln[data]'")
pytest.importorskip('soxr', reason="pip install 'modelkiln[data]'")

SECOND = Contract((Port('sound', ('batch', 16000), 'float32'),))


def sine(path: Path, rate: int, seconds: float, hertz: float = 440.0, channels: int = 1) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    values = np.rint(np.sin(2 * np.pi * hertz * np.arange(int(rate * seconds)) / rate) * 16384).astype('<i2')
    with wave.open(str(path), 'wb') as file:
        file.setnchannels(channels)
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes(np.repeat(values, channels).tobytes())


def read(folder: Path, contract: Contract = SECOND, part: Part = ALL, **params: object) -> dict[str, np.ndarray]:
    files = {p.relative_to(folder).as_posix(): p for p in sorted(folder.rglob('*')) if p.is_file()}
    return audio.read(audio.Params(**{'rate': 16000, **params}), files, contract, part)


def test_another_rate_is_resampled_and_channels_are_mixed(tmp_path: Path) -> None:
    sine(tmp_path / '1.wav', 44100, 1.0, channels=2)

    made = read(tmp_path)['sound']

    expected = np.sin(2 * np.pi * 440 * np.arange(16000) / 16000) / 2
    assert made.shape == (1, 16000)
    assert np.abs(made[0] - expected)[200:-200].max() < 1e-3


def test_a_long_sound_is_cut_into_windows_with_its_label(tmp_path: Path) -> None:
    sine(tmp_path / 'hum/1.wav', 16000, 3.5)
    sine(tmp_path / 'beep/1.wav', 16000, 0.5, 880.0)

    made = read(tmp_path)
    more = read(tmp_path, hop=0.5, windows=4)

    assert sorted(made['labels'].tolist()) == [0, 1, 1, 1]
    assert sorted(more['labels'].tolist()) == [0, 1, 1, 1, 1]
    short = made['sound'][made['labels'] == 0][0]
    assert np.abs(short[:8000]).max() > 0.4 and not short[8000:].any()


def test_whole_numbers_of_16_bits_are_as_they_were_in_the_file(tmp_path: Path) -> None:
    sine(tmp_path / '1.wav', 16000, 1.0)
    whole = Contract((Port('sound', ('batch', 1, 16000), 'float32'),))

    with wave.open(str(tmp_path / '1.wav')) as file:
        written = np.frombuffer(file.readframes(16000), '<i2')
    assert (read(tmp_path, whole, scale=32768.0)['sound'][0, 0] == written).all()


@pytest.mark.parametrize(
    ('shape', 'params', 'words'),
    [
        (('batch', 'time'), {}, 'leaves it open how long a sound is'),
        (('batch', 8000), {'window': 1.0}, 'takes 8000 values, and `window` is 16000'),
        (('batch', 80, 100), {}, 'takes no single line of sound'),
    ],
)
def test_what_the_input_does_not_take_is_refused(tmp_path: Path, shape: tuple, params: dict, words: str) -> None:
    sine(tmp_path / '1.wav', 16000, 1.0)

    with pytest.raises(StepError, match=words):
        read(tmp_path, Contract((Port('sound', shape, 'float32'),)), **params)


def test_files_that_are_no_sound_or_promise_too_much_are_named(tmp_path: Path) -> None:
    (tmp_path / '1.wav').write_bytes(b'RIFF\xff\xff\xff\xffWAVE')
    with pytest.raises(StepError, match=r'1\.wav (is no sound|holds no sound)'):
        read(tmp_path)
    body = b'fmt ' + struct.pack('<IHHIIHH', 16, 1, 1, 16000, 32000, 2, 16) + b'data' + struct.pack('<I', 1 << 31)
    (tmp_path / '1.wav').write_bytes(b'RIFF' + struct.pack('<I', 1 << 31) + b'WAVE' + body)
    with pytest.raises(StepError, match=r'1\.wav'):
        read(tmp_path)
