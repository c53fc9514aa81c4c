"""The nets of `doit comparison` in PaddlePaddle: each takes the weights of its torch module, by torch's names.

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
    """Return the net of PaddlePaddle's own zoo with these weights."""
    from paddle.vision.models import resnet18

    def theirs(name: str) -> str:
        block, _, rest = name.removeprefix('blocks.').partition('.')
        if name.startswith('blocks.'):
            name = f'layer{int(block) // 2 + 1}.{int(block) % 2}.{rest}'.replace('shortcut', 'downsample')
        return name.replace('running_mean', '_mean').replace('running_var', '_variance')

    state = {theirs(name): array for name, array in weights.items() if not name.endswith('num_batches_tracked')}
    net = resnet18()
    net.set_state_dict(state | {'fc.weight': weights['fc.weight'].T})
    return net


def super_resolution(weights: Mapping[str, np.ndarray]) -> Any:
    """Return the net in PaddlePaddle."""
    from paddle import nn as paddle_nn

    parts = []
    for number in range(1, 5):
        outer, inner, width, _ = weights[f'conv{number}.weight'].shape
        layer = paddle_nn.Conv2D(inner, outer, width, padding=width // 2)
        layer.set_state_dict({part: weights[f'conv{number}.{part}'] for part in ('weight', 'bias')})
        parts += [layer, paddle_nn.PixelShuffle(2) if number == 4 else paddle_nn.Tanh()]
    return paddle_nn.Sequential(*parts)


def voice_recognition(weights: Mapping[str, np.ndarray]) -> Any:
    """Return the net in PaddlePaddle, whose LSTM has torch's weights by torch's names."""
    from paddle import nn as paddle_nn
    from paddle.nn import functional

    (width, banks, _), letters = weights['conv1.weight'].shape, len(weights['letters.bias'])

    class Net(paddle_nn.Layer):  # type: ignore[misc]
        def __init__(self) -> None:
            super().__init__()
            self.conv1 = paddle_nn.Conv1D(banks, width, 5, 2, 2)
            self.conv2 = paddle_nn.Conv1D(width, width, 5, 2, 2)
            self.lstm = paddle_nn.LSTM(width, width, 3, direction='bidirect')
            self.letters = paddle_nn.Linear(2 * width, letters)

        def forward(self, sound: Any) -> Any:
            x = functional.relu(self.conv2(functional.relu(self.conv1(sound.transpose([0, 2, 1])))))
            x, _ = self.lstm(x.transpose([0, 2, 1]))
            return functional.log_softmax(self.letters(x), -1)

    net = Net()
    net.set_state_dict({**weights, 'letters.weight': weights['letters.weight'].T})
    return net


def bert_base(weights: Mapping[str, np.ndarray]) -> Any:
    """Return the net in PaddlePaddle."""
    from paddle import arange, matmul
    from paddle import nn as paddle_nn
    from paddle.nn import functional

    (words, width), length = weights['words.weight'].shape, len(weights['places.weight'])
    inner = len(weights['layers.0.inner.bias'])

    class Layer(paddle_nn.Layer):  # type: ignore[misc]
        def __init__(self) -> None:
            super().__init__()
            self.query, self.key, self.value, self.mixed = (paddle_nn.Linear(width, width) for _ in range(4))
            self.inner, self.outer = paddle_nn.Linear(width, inner), paddle_nn.Linear(inner, width)
            self.first, self.second = (paddle_nn.LayerNorm(width, epsilon=1e-12) for _ in range(2))

        def forward(self, x: Any, mask: Any) -> Any:
            query, key, value = (
                part(x).reshape([0, 0, HEADS, width // HEADS]).transpose([0, 2, 1, 3])
                for part in (self.query, self.key, self.value)
            )
            scores = matmul(query, key, transpose_y=True) / math.sqrt(width // HEADS) + mask
            seen = matmul(functional.softmax(scores, -1), value).transpose([0, 2, 1, 3]).reshape([0, 0, width])
            x = self.first(x + self.mixed(seen))
            return self.second(x + self.outer(functional.gelu(self.inner(x))))

    class Net(paddle_nn.Layer):  # type: ignore[misc]
        def __init__(self) -> None:
            super().__init__()
            self.words, self.places = paddle_nn.Embedding(words, width), paddle_nn.Embedding(length, width)
            self.norm = paddle_nn.LayerNorm(width, epsilon=1e-12)
            self.layers = paddle_nn.LayerList([Layer() for _ in range(LAYERS)])

        def forward(self, input_ids: Any, attention_mask: Any) -> Any:
            mask = (1.0 - attention_mask.unsqueeze([1, 2]).astype('float32')) * MASKED
            x = self.norm(self.words(input_ids) + self.places(arange(input_ids.shape[1])))
            for layer in self.layers:
                x = layer(x, mask)
            return x

    def theirs(name: str, array: np.ndarray) -> np.ndarray:
        is_product = array.ndim > 1 and name not in ('words.weight', 'places.weight')
        return array.T if is_product else array

    net = Net()
    net.set_state_dict({name: theirs(name, array) for name, array in weights.items() if name != 'order'})
    return net


NETS = {
    'resnet18': resnet18, 'super_resolution': super_resolution, 'voice_recognition': voice_recognition,
    'bert_base': bert_base,
}  # fmt: skip
"""By what a recipe calls them."""
