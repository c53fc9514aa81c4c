"""The nets of `doit comparison` in Keras: each takes the weights of its torch module, by torch's names.

Each is what the module is, so that its answers are: the check of the step holds one against the other.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np

HEADS, LAYERS, MASKED = 12, 12, -10000.0
"""Of BERT-base."""


def resnet18(weights: Mapping[str, np.ndarray]) -> Any:
    """Return the net in Keras; it takes channels first, as the module does, and computes with channels last."""
    from keras import Input, Model, layers

    def convolved(x: Any, conv: str, norm: str, stride: int = 1) -> Any:
        kernel = weights[f'{conv}.weight'].transpose(2, 3, 1, 0)
        width, padded = kernel.shape[0], stride > 1 and kernel.shape[0] > 1
        x = layers.ZeroPadding2D(width // 2)(x) if padded else x  # at a stride, 'same' is another padding than torch's
        layer = layers.Conv2D(kernel.shape[3], width, stride, 'valid' if padded else 'same', use_bias=False)
        scaled = layers.BatchNormalization(epsilon=1e-5)
        x = scaled(layer(x))
        layer.set_weights([kernel])
        scaled.set_weights([weights[f'{norm}.{part}'] for part in ('weight', 'bias', 'running_mean', 'running_var')])
        return x

    image = Input((3, 224, 224), name='image')
    x = layers.ReLU()(convolved(layers.Permute((2, 3, 1))(image), 'conv1', 'bn1', 2))
    x = layers.MaxPooling2D(3, 2)(layers.ZeroPadding2D(1)(x))
    for number in range(8):
        block, stride = f'blocks.{number}', 2 if number in (2, 4, 6) else 1
        y = layers.ReLU()(convolved(x, f'{block}.conv1', f'{block}.bn1', stride))
        y = convolved(y, f'{block}.conv2', f'{block}.bn2')
        if stride > 1:
            x = convolved(x, f'{block}.shortcut.0', f'{block}.shortcut.1', stride)
        x = layers.ReLU()(layers.Add()([y, x]))
    last = layers.Dense(1000, name='logits')
    logits = last(layers.GlobalAveragePooling2D()(x))
    last.set_weights([weights['fc.weight'].T, weights['fc.bias']])
    return Model(image, logits)


def super_resolution(weights: Mapping[str, np.ndarray]) -> Any:
    """Return the net in Keras, which computes with channels last; one channel may stand anywhere."""
    from keras import Input, Model, layers

    image = Input((1, 224, 224), name='image')
    x = layers.Reshape((224, 224, 1))(image)
    for number in range(1, 5):
        kernel = weights[f'conv{number}.weight'].transpose(2, 3, 1, 0)
        activation = None if number == 4 else 'tanh'
        layer = layers.Conv2D(kernel.shape[3], kernel.shape[0], padding='same', activation=activation)
        x = layer(x)
        layer.set_weights([kernel, weights[f'conv{number}.bias']])
    pixels = layers.Permute((1, 3, 2, 4))(layers.Reshape((224, 224, 2, 2))(x))
    return Model(image, layers.Reshape((1, 448, 448), name='large')(pixels))


def voice_recognition(weights: Mapping[str, np.ndarray]) -> Any:
    """Return the net in Keras: gates in torch's order, of its two biases the sum."""
    from keras import Input, Model, layers

    (width, banks, _), letters = weights['conv1.weight'].shape, len(weights['letters.bias'])

    def gates(layer: int, way: str) -> list[np.ndarray]:
        inner, outer, *biases = (
            weights[f'lstm.{part}_l{layer}{way}'] for part in ('weight_ih', 'weight_hh', 'bias_ih', 'bias_hh')
        )
        return [inner.T, outer.T, biases[0] + biases[1]]

    sound = Input((400, banks), name='sound')
    x = sound
    for name in ('conv1', 'conv2'):
        conv = layers.Conv1D(width, 5, 2, activation='relu')
        x = conv(layers.ZeroPadding1D(2)(x))
        conv.set_weights([weights[f'{name}.weight'].transpose(2, 1, 0), weights[f'{name}.bias']])
    for number in range(3):
        both = layers.Bidirectional(layers.LSTM(width, return_sequences=True))
        x = both(x)
        both.set_weights([*gates(number, ''), *gates(number, '_reverse')])
    last = layers.Dense(letters)
    x = last(x)
    last.set_weights([weights['letters.weight'].T, weights['letters.bias']])
    return Model(sound, layers.Activation('log_softmax', name='letters')(x))


def bert_base(weights: Mapping[str, np.ndarray]) -> Any:
    """Return the net in Keras."""
    from keras import Input, Model, activations, layers, ops

    (words, width), length = weights['words.weight'].shape, len(weights['places.weight'])

    def filled(layer: Any, x: Any, *arrays: np.ndarray) -> Any:
        y = layer(x)
        layer.set_weights(list(arrays))
        return y

    def dense(x: Any, name: str) -> Any:
        kernel = weights[f'{name}.weight'].T
        return filled(layers.Dense(kernel.shape[1]), x, kernel, weights[f'{name}.bias'])

    def normal(x: Any, name: str, title: str | None = None) -> Any:
        layer = layers.LayerNormalization(epsilon=1e-12, name=title)
        return filled(layer, x, weights[f'{name}.weight'], weights[f'{name}.bias'])

    def heads(x: Any, axes: tuple[int, int, int]) -> Any:
        return layers.Permute(axes)(layers.Reshape((-1, HEADS, width // HEADS))(x))

    ids, given = (Input((None,), dtype='int64', name=name) for name in ('input_ids', 'attention_mask'))
    # axes by name of the operation: a slice that adds them is none of TFLite where the length is open
    mask = (1.0 - ops.expand_dims(ops.cast(given, 'float32'), (1, 2))) * MASKED
    order = ops.cumsum(ops.ones_like(ids), axis=1) - 1
    x = filled(layers.Embedding(words, width), ids, weights['words.weight'])
    x = normal(x + filled(layers.Embedding(length, width), order, weights['places.weight']), 'norm')
    for number in range(LAYERS):
        name = f'layers.{number}'
        query, value = (heads(dense(x, f'{name}.{part}'), (2, 1, 3)) for part in ('query', 'value'))
        scores = ops.matmul(query, heads(dense(x, f'{name}.key'), (2, 3, 1))) / math.sqrt(width // HEADS) + mask
        seen = layers.Permute((2, 1, 3))(ops.matmul(ops.softmax(scores), value))
        x = normal(x + dense(layers.Reshape((-1, width))(seen), f'{name}.mixed'), f'{name}.first')
        inner = activations.gelu(dense(x, f'{name}.inner'), approximate=False)
        x = normal(x + dense(inner, f'{name}.outer'), f'{name}.second', 'hidden' if number == LAYERS - 1 else None)
    return Model([ids, given], x)


NETS = {
    'resnet18': resnet18, 'super_resolution': super_resolution, 'voice_recognition': voice_recognition,
    'bert_base': bert_base,
}  # fmt: skip
"""By what a recipe calls them."""
