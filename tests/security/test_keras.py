"""Keras files that ask for more than they hold, or bring what they were trained with."""

from __future__ import annotations

import json
import time
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from stages.contract.job import Job
from stages.contract.port import Contract
from stages.errors import IntegrityError
from stages.sources import keras as source

pytestmark = pytest.mark.tensorflow
pytest.importorskip('tensorflow', reason='needs modelkiln[tensorflow]: pip install "modelkiln[tensorflow]"')


def net() -> Any:
    import keras

    layers = keras.layers
    return keras.Sequential(
        [
            keras.Input((8, 8, 3), name='image'),
            layers.Conv2D(4, 3),
            layers.BatchNormalization(),
            layers.PReLU(shared_axes=[1, 2]),
            layers.GlobalAveragePooling2D(),
            layers.Dense(5),
        ]
    )


@pytest.fixture(scope='module')
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp('keras')
    net().save(folder / 'net.keras')
    return folder


def changed(made: Path, folder: Path, change: Callable[[Any], None]) -> Path:
    """Write the net to ``folder`` with its configuration changed; return the folder."""
    folder.mkdir()
    with zipfile.ZipFile(made / 'net.keras') as theirs, zipfile.ZipFile(folder / 'net.keras', 'w') as target:
        for name in theirs.namelist():
            content = theirs.read(name)
            if name == 'config.json':
                config = json.loads(content)
                change(config)
                content = json.dumps(config).encode()
            target.writestr(name, content)
    return folder


def take(theirs: Path, out: Path) -> Contract:
    out.mkdir()
    return source.run(source.Params(), Job({'file': theirs}, out, Contract(()), lambda fraction, words: None))


def layer(config: Any, kind: str) -> Any:
    return next(part for part in config['config']['layers'] if part['class_name'] == kind)


BOMBS: dict[str, Callable[[Any], None]] = {
    'what a dense layer takes': lambda c: layer(c, 'Dense').update(build_config={'input_shape': [None, 10**8]}),
    'what a convolution takes': lambda c: layer(c, 'Conv2D').update(build_config={'input_shape': [None, 8, 8, 10**8]}),
    'what is normalized': lambda c: layer(c, 'BatchNormalization').update(
        build_config={'input_shape': [None, 1, 1, 10**8]}),
    'what is scaled': lambda c: layer(c, 'PReLU').update(build_config={'input_shape': [None, 10**4, 10**4, 1]}),
    'a shape': lambda c: layer(c, 'PReLU').update(build_config={'input_shape': [None, 10**6, 10**6, 1]}),
    'a shape by another name': lambda c: layer(c, 'PReLU').update(build_config={'shapes_dict': {'a': [None, 10**9]}}),
    'a kernel': lambda c: layer(c, 'Conv2D')['config'].update(kernel_size=[10**5, 10**5]),
    'a kernel of odd numbers': lambda c: layer(c, 'Conv2D')['config'].update(kernel_size=[60000.0, 4]),
    'filters': lambda c: layer(c, 'Conv2D')['config'].update(filters=10**9),
    'many small sizes': lambda c: layer(c, 'Conv2D').update(
        config=layer(c, 'Conv2D')['config'] | {'kernel_size': [4000, 4000], 'filters': 4000}),
    'repeats': lambda c: layer(c, 'Dense').update(class_name='RepeatVector', config={'name': 'r', 'n': 10**9}),
    'a padding': lambda c: layer(c, 'PReLU').update(
        class_name='ZeroPadding2D', config={'padding': [[10**6, 10**6], [0, 0]]}),
    'an upsampling': lambda c: layer(c, 'PReLU').update(class_name='UpSampling2D', config={'size': [10**6, 10**6]}),
    'a spectrum': lambda c: layer(c, 'PReLU').update(
        class_name='MelSpectrogram', config={'fft_length': 10**6, 'num_mel_bins': 10**6}),
}  # fmt: skip


@pytest.mark.parametrize('word', BOMBS)
def test_a_size_that_the_weights_do_not_bear_out_is_refused_at_once(made: Path, tmp_path: Path, word: str) -> None:
    theirs = changed(made, tmp_path / 'theirs', BOMBS[word])
    start = time.monotonic()

    with pytest.raises(IntegrityError, match=r'net.keras: \w+ (has|makes)'):
        take(theirs, tmp_path / 'out')

    assert time.monotonic() - start < 5
    assert list((tmp_path / 'out').iterdir()) == []


def test_what_a_model_was_trained_with_is_left_behind(made: Path, tmp_path: Path) -> None:
    evil = {'loss': {'class_name': 'Lambda', 'module': 'os', 'config': 'system'}, 'optimizer': 'x'}
    theirs = changed(made, tmp_path / 'theirs', lambda c: c.update(compile_config=evil))

    take(theirs, tmp_path / 'out')

    with zipfile.ZipFile(tmp_path / 'out/model.keras') as kept:
        assert 'compile_config' not in json.loads(kept.read('config.json'))
        assert b'system' not in kept.read('config.json')


def test_so_it_is_in_a_file_of_keras_2_and_the_weights_stay(tmp_path: Path) -> None:
    import h5py
    import keras

    model = net()
    model.compile(loss='mse', optimizer='adam')
    (tmp_path / 'theirs').mkdir()
    model.save(tmp_path / 'theirs/net.h5')

    take(tmp_path / 'theirs', tmp_path / 'out')

    with h5py.File(tmp_path / 'out/model.h5') as kept:
        assert 'training_config' not in kept.attrs
    again = keras.saving.load_model(tmp_path / 'out/model.h5', compile=False)
    image = np.ones((1, 8, 8, 3), 'float32')
    np.testing.assert_allclose(model(image, training=False), again(image, training=False), rtol=1e-6)


def several() -> dict[str, Callable[[], Any]]:
    import keras

    layers = keras.layers
    tokens, sound = keras.Input((12_000,), name='x', dtype='int32'), keras.Input((160_000, 1), name='x')
    rows = keras.Input((6,), name='y')
    return {
        'words': lambda: keras.Model(tokens, layers.GlobalMaxPooling1D()(layers.Embedding(20_000, 4)(tokens))),
        'sound': lambda: keras.Model(sound, layers.LSTM(3)(layers.Conv1D(4, 80, 400, activation='relu')(sound))),
        'wide': lambda: keras.Sequential(
            [keras.Input((64, 64, 3)), layers.Flatten(), layers.Dense(5), layers.LayerNormalization()]
        ),
        'attention': lambda: keras.Model(
            rows, layers.MultiHeadAttention(2, 4)(*[layers.Embedding(30_000, 8)(rows)] * 2)
        ),
        'channels': lambda: keras.Sequential(
            [keras.Input((8, 8, 3)), layers.SeparableConv2D(6, 3), layers.UpSampling2D(4), layers.ZeroPadding2D(2)]
        ),
        'table': lambda: keras.Sequential(
            [
                keras.Input((3,), dtype='int64'),
                layers.IntegerLookup(vocabulary=[10**9, 5], output_mode='one_hot'),
                layers.Dense(2),
            ]
        ),
    }


@pytest.mark.parametrize('word', ['words', 'sound', 'wide', 'attention', 'channels', 'table'])
def test_large_inputs_tables_and_kernels_that_are_honest_come_through(tmp_path: Path, word: str) -> None:
    (tmp_path / 'theirs').mkdir()
    several()[word]().save(tmp_path / 'theirs/net.keras')

    contract = take(tmp_path / 'theirs', tmp_path / 'out')

    assert len(contract.inputs) == 1
    assert (tmp_path / 'out/model.keras').read_bytes() == (tmp_path / 'theirs/net.keras').read_bytes()
