"""Darknet sources: the two files are a whole net of sections that are read, or the message says what is not."""

from __future__ import annotations

import shutil
import struct
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from stages.errors import IntegrityError, ModelkilnError, StepError, UnsupportedError
from stages.frameworks.darknet import read
from stages.sources import darknet as source
from tests.sources.legacy_files import pair
from tests.sources.sources_helpers import job

pytestmark = pytest.mark.onnx

CFG = """[net]
# Testing
batch=1
width=16
height=8
channels=3

[convolutional]
batch_normalize=1
filters=14
size=3
stride=2
pad=1
activation=leaky

[convolutional]
filters=14
size=1
activation=linear

[yolo]
mask = 0,1
anchors = 1,2,  3,4
classes=2
num=2
"""
COUNT = 14 * 4 + 14 * 27 + 14 + 14 * 14
NUMBERS = np.random.default_rng(0).random(COUNT).astype('<f4')


def weights(numbers: np.ndarray = NUMBERS, minor: int = 2) -> bytes:
    seen = struct.pack('<q' if minor >= 2 else '<i', 32013312)
    return struct.pack('<3i', 0, minor, 0) + seen + numbers.tobytes()


@pytest.mark.parametrize('minor', [1, 2])
def test_the_two_files_say_what_goes_in_and_what_comes_out(minor: int, tmp_path: Path) -> None:
    files = pair(tmp_path, net_cfg=CFG, net_weights=weights(minor=minor))
    done = job(tmp_path / 'out', **files)

    contract = source.run(source.Params(epsilon=1e-6), done)

    assert [(p.name, p.shape) for p in contract.inputs] == [('data', ('batch', 3, 8, 16))]
    assert [(p.name, p.shape) for p in contract.outputs] == [('convolutional_1', ('batch', 14, 4, 8))]
    assert (done.output / 'model.weights').read_bytes() == weights(minor=minor)


def test_the_epsilon_that_a_net_was_trained_with_goes_into_its_variances(tmp_path: Path) -> None:
    done = job(tmp_path / 'out', **pair(tmp_path, net_cfg=CFG, net_weights=weights()))

    source.run(source.Params(epsilon=1e-3), done)

    before, after = NUMBERS, np.frombuffer((done.output / 'model.weights').read_bytes(), '<f4', offset=20)
    variances = slice(14 * 3, 14 * 4)
    np.testing.assert_allclose(after[variances], before[variances] + (1e-3 - 1e-6), rtol=1e-6)
    assert (np.delete(after, np.r_[variances]) == np.delete(before, np.r_[variances])).all()


def test_every_section_that_is_lacking_is_named_at_once(tmp_path: Path) -> None:
    text = CFG.replace('size=1', 'size=1\nxnor=1') + '[lstm]\noutput=3\n[made_up]\n'
    files = pair(tmp_path, net_cfg=text, net_weights=weights())

    with pytest.raises(UnsupportedError) as refused:
        source.run(source.Params(), job(tmp_path / 'out', **files))

    assert all(word in str(refused.value) for word in ('[lstm] (line 27)', '[made_up]', '`xnor` of [convolutional]'))


HOSTILE = {
    'nothing': ('', weights(), 'must begin with [net]'),
    'a page': ('<html>', weights(), "net.cfg:1: '<html>' is no line"),
    'bytes': (b'\xff\x00', weights(), 'not a .cfg'),
    'no picture': (CFG.replace('width=16', 'width=0'), weights(), 'only nets of pictures'),
    'a picture too large': (CFG.replace('width=16', 'width=99999999'), weights(), 'more than any net has'),
    'a value said twice': (CFG.replace('filters=14\nsize=1', 'filters=14\nfilters=7'), weights(), 'says filters twice'),
    'no number': (CFG.replace('size=3', 'size=big'), weights(), 'has size=big'),
    'a layer that is not there': (CFG + '[route]\nlayers=-9\n', weights(), 'takes layer -9'),
    'a window too large': (CFG.replace('size=3', 'size=200000'), weights(), 'ends too early'),
    'an activation of nobody': (CFG.replace('leaky', 'lively'), weights(), 'has the activation lively'),
    'a head without a net': ('[net]\nwidth=8\nheight=8\nchannels=3\n[yolo]\n', weights(), 'takes the picture itself'),
    'numbers left over': (CFG, weights(np.zeros(COUNT + 1, '<f4')), '1 of 645 numbers are left over'),
    'numbers too few': (CFG, weights(NUMBERS[:-1]), 'ends too early'),
    'cut within a number': (CFG, weights()[:-1], 'cut short'),
    'no weights': (CFG, b'', 'has 0 bytes'),
    'weights of something else': (CFG, b'PK\x03\x04' * 30, 'not a .weights file'),
    'many layers': (CFG + '[cost]\n' * 20_000, weights(), 'more than any net'),
    'an epsilon below zero': (CFG, weights(), '`epsilon` is -1'),
}  # fmt: skip


@pytest.mark.parametrize('case', HOSTILE)
def test_a_damaged_or_hostile_file_gets_one_message_and_leaves_nothing(case: str, tmp_path: Path) -> None:
    text, numbers, words = HOSTILE[case]
    done = job(tmp_path / 'out', **pair(tmp_path, net_cfg=text, net_weights=numbers))

    with pytest.raises((IntegrityError, StepError)) as refused:
        source.run(source.Params(-1.0 if 'epsilon' in case else 1e-5), done)

    assert words in str(refused.value)
    assert len(str(refused.value)) < 600
    assert [*done.output.iterdir()] == []


@settings(max_examples=60, deadline=2000, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_whatever_the_bytes_are_the_reader_ends_with_a_message_of_ours(tmp_path: Path, data: st.DataObject) -> None:
    text = CFG.encode()
    start, end = sorted(data.draw(st.tuples(*[st.integers(0, len(text))] * 2)))
    folder = tmp_path / 'drawn'
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    (folder / 'a.cfg').write_bytes(text[:start] + data.draw(st.binary(max_size=8)) + text[end:])
    (folder / 'a.weights').write_bytes(weights()[: data.draw(st.integers(0, len(weights())))])

    try:
        read.read(folder / 'a.cfg', folder / 'a.weights')
    except ModelkilnError as error:
        assert error.exit_code in (4, 6)


def test_a_net_is_recognised_with_the_weights_beside_it(tmp_path: Path) -> None:
    (tmp_path / 'tiny.cfg').write_text(CFG)
    (tmp_path / 'tiny_final.weights').write_bytes(weights())

    there = {'tiny.cfg': 'tiny.cfg', 'tiny_final.weights': 'tiny_final.weights'}
    assert source.recognise(tmp_path / 'tiny.cfg') == there
