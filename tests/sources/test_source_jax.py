"""Weights of JAX are data that fit the model by name and shape; else one message says why, and nothing is left."""

from __future__ import annotations

import json
import struct
from pathlib import Path
from typing import Any

import pytest

from stages.sources import jax_weights
from tests.locked_cases import answer, case, gone_through

pytestmark = [pytest.mark.environments, pytest.mark.network, pytest.mark.slow]

X = ('x', ('batch', 6), 'float32')
FIRST, BIAS = ('F32', [6, 4]), ('F32', [4])


def tensors(**held: tuple[str, list[int]]) -> bytes:
    """Return a safetensors file of twos; a name's double underscores are dots."""
    head: dict[str, Any] = {}
    body = b''
    for name, (kind, shape) in held.items():
        size = 1
        for side in shape:
            size *= side
        number = {'F32': struct.pack('<f', 2.0), 'F64': struct.pack('<d', 2.0), 'I32': struct.pack('<i', 2)}[kind]
        said = {'dtype': kind, 'shape': shape, 'data_offsets': [len(body), len(body) + size * len(number)]}
        head[name.replace('__', '.')] = said
        body += number * size
    text = json.dumps(head).encode()
    return struct.pack('<Q', len(text)) + text + body


def packed(*parts: bytes) -> bytes:
    """Return msgpack: a map of pairs of name and value."""
    return bytes([0x80 | len(parts) // 2]) + b''.join(parts)


def word(text: str) -> bytes:
    return bytes([0xA0 | len(text)]) + text.encode()


def array(*shape: int) -> bytes:
    """Return an array of twos as Flax packs it: shape, type and bytes, in an extension of the type 1."""
    size = 1
    for side in shape:
        size *= side
    held = struct.pack('<f', 2.0) * size
    sides = bytes([0x90 | len(shape), *shape])
    inner = b'\x93' + sides + word('float32') + b'\xc5' + struct.pack('>H', len(held)) + held
    return b'\xc8' + struct.pack('>HB', len(inner), 1) + inner


GOOD = tensors(first=FIRST, second__bias=BIAS)
TRAINED = packed(word('step'), b'\x03', word('params'), packed(
    word('first'), array(6, 4), word('second'), packed(word('bias'), array(4)),
))  # fmt: skip
TAKEN = {
    'as they are': ('w.safetensors', GOOD, {}),
    'all below one word': ('w.safetensors', tensors(net__first=FIRST, net__second__bias=BIAS), {}),
    'some left out': ('w.safetensors', tensors(first=FIRST, second__bias=BIAS, adam__m=BIAS), {'drop': ['adam.*']}),
    'in double precision': ('w.safetensors', tensors(first=('F64', [6, 4]), second__bias=BIAS), {}),
    'as Flax packs them': ('w.msgpack', TRAINED, {'key': 'params'}),
}
UNREAD = 'cannot be read as weights'
LIAR = packed(word('first'), array(6, 4).replace(b'\x92\x06\x04', b'\x92\x06\x7f'))
HOSTILE = {
    'nothing': ('w.safetensors', b'', UNREAD),
    'a page': ('w.safetensors', b'<html>not found</html>', UNREAD),
    'a head longer than the file': ('w.safetensors', struct.pack('<Q', 1 << 60) + b'{}', UNREAD),
    'cut short': ('w.safetensors', GOOD[:-4], UNREAD),
    'more than its arrays': ('w.safetensors', GOOD + bytes(8), UNREAD),
    'one missing': ('w.safetensors', tensors(first=FIRST), '1 missing: second.bias'),
    'one too many': ('w.safetensors', tensors(first=FIRST, second__bias=BIAS, third=BIAS), '1 unexpected: third'),
    'another shape': ('w.safetensors', tensors(first=('F32', [4, 6]), second__bias=BIAS), 'first [4, 6], the model'),
    'whole numbers': ('w.safetensors', tensors(first=('I32', [6, 4]), second__bias=BIAS), 'of another kind of number'),
    'a pickle': ('w.pkl', b'\x80\x04cposix\nsystem\n.', 'no file of weights that is read here'),
    'a pickle by another name': ('w.msgpack', b'\x80\x04cposix\nsystem\n.', UNREAD),
    'an array that lies of its shape': ('w.msgpack', LIAR, UNREAD),
    'maps in maps in maps': ('w.msgpack', b'\x81\xa1a' * 5000, UNREAD),
    'a name twice': ('w.msgpack', packed(word('a'), packed(word('b'), array(4)), word('a.b'), array(4)), "are 'a.b'"),
    'words': ('w.msgpack', packed(word('first'), word('not an array')), 'first is str, no array'),
    'objects': ('w.msgpack', packed(word('first'), array(6, 4).replace(word('float32'), word('objects'))), UNREAD),
    'sizes below nothing': ('w.msgpack', packed(word('first'), array(6, 4).replace(b'\x06\x04', b'\xfe\xfe')), UNREAD),
    'cut in an array': ('w.msgpack', TRAINED[:-9], UNREAD),
    'more than one map': ('w.msgpack', TRAINED + TRAINED, UNREAD),
    'Orbax': ('_METADATA', b'{"tree_metadata": {}}', 'a part of a checkpoint of Orbax'),
    'as many as there are numbers': ('w.msgpack', b'\xdf\xff\xff\xff\xff', UNREAD),
}


@pytest.fixture(scope='module')
def done(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp('jax')
    cases = {}
    for name, (file, content, *rest) in {**TAKEN, **HOSTILE}.items():
        place = folder / f'{name} of it'
        place.mkdir()
        (place / file).write_bytes(content)
        pick = rest[0] if name in TAKEN else {}
        cases[name] = case('pair', X, weights=str(place), pick=pick)
    return gone_through(folder, 'jax', cases)


@pytest.mark.parametrize('name', TAKEN)
def test_weights_take_the_place_of_those_that_the_python_makes(name: str, done: Path) -> None:
    import numpy as np

    assert 'error' not in answer(done, name), answer(done, name)
    x = np.load(done / name / 'feed.npz')['x']
    [given] = np.load(done / name / 'answers.npz').values()

    np.testing.assert_allclose(given, np.tanh(x @ np.full((6, 4), 2.0) + 2.0), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize('name', HOSTILE)
def test_a_damaged_or_hostile_file_of_weights_gets_one_message_and_leaves_nothing(name: str, done: Path) -> None:
    found = answer(done, name)

    assert found['error'] == 'StepError', found
    assert HOSTILE[name][2] in found['message']
    assert len(found['message']) < 800
    assert [*(done / name / 'model').iterdir()] == []


def test_one_word_before_all_names_of_the_model_need_not_be_in_the_file() -> None:
    import numpy as np

    own = {'params.a': np.zeros(2, 'f4'), 'params.b': np.zeros(3, 'f4')}
    held = {'a': np.ones(2, 'f4'), 'b': np.ones(3, 'f4')}

    assert [*jax_weights.fitted('net', 'w', own, held, '', '', ())] == [*own]
