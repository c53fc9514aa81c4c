"""Neural networks of Core ML for tests, put together by Apple's own builder, layer by layer."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from stages.frameworks.coreml.spec import MODEL, quiet

Shapes = Mapping[str, Sequence[int]]


def builder(inputs: Shapes, outputs: Iterable[str], *, old: bool = False, mode: str | None = None) -> Any:
    """Return a builder of a network; ``old``: of five axes, as until iOS 12."""
    with quiet():
        from coremltools.models import datatypes
        from coremltools.models.neural_network import NeuralNetworkBuilder

        features = [(name, datatypes.Array(*shape)) for name, shape in inputs.items()]
        named = [(name, None) for name in outputs]
        return NeuralNetworkBuilder(features, named, mode=mode, disable_rank5_shape_mapping=not old)


def add(net: Any, kind: str, inputs: Sequence[str], outputs: Sequence[str], **told: Any) -> None:
    """Add a layer of a kind, its fields as they are called in the format; arrays are weights."""
    layer = net.nn_spec.layers.add()
    layer.name = f'{kind}_{len(net.nn_spec.layers)}'
    layer.input.extend(inputs)
    layer.output.extend(outputs)
    part = getattr(layer, kind)
    part.SetInParent()
    fill(part, told)


def fill(part: Any, told: Mapping[str, Any]) -> None:
    """Set fields of a message; a mapping is a message in it."""
    for name, value in told.items():
        if isinstance(value, Mapping):
            getattr(part, name).SetInParent()
            fill(getattr(part, name), value)
        elif isinstance(value, np.ndarray):
            getattr(part, name).floatValue.extend(value.astype(float).ravel().tolist())
        elif isinstance(value, list) and value and isinstance(value[0], Mapping):
            for each in value:
                fill(getattr(part, name).add(), each)
        elif isinstance(value, list):
            getattr(part, name).extend(value)
        else:
            setattr(part, name, value)


def saved(spec: Any, folder: Path) -> Path:
    """Write a model as the source leaves it; return the package."""
    path = folder / 'model.mlpackage' / MODEL
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(spec.SerializeToString())
    return folder / 'model.mlpackage'


def border(top: int, left: int, bottom: int, right: int) -> dict[str, Any]:
    """Return border amounts, of height and of width."""
    sides = [(top, bottom), (left, right)]
    return {'borderAmounts': [{'startEdgeSize': start, 'endEdgeSize': end} for start, end in sides]}


def seeded() -> Any:
    """Return the network of recipes/legacy/recipes/seeded/net.mlmodel: seeded weights, layers as of iOS 11."""
    net = builder({'image': (3, 32, 32)}, ['prob'], old=True, mode='classifier')
    rng = np.random.default_rng(13)

    def weights(*shape: int) -> Any:
        return (rng.standard_normal(shape) / np.sqrt(np.prod(shape[1:]))).astype(np.float32)

    def conv(given: str, made: str, taken: int, channels: int, stride: int) -> None:
        told = {'outputChannels': channels, 'kernelChannels': taken, 'stride': [stride, stride], 'same': {}}
        add(net, 'convolution', [given], [f'{made}_maps'], weights=weights(channels, taken, 3, 3), **told)
        each = {word: weights(channels) * 0 + rng.random(channels) for word in ('gamma', 'beta', 'mean', 'variance')}
        add(net, 'batchnorm', [f'{made}_maps'], [f'{made}_even'], channels=channels, epsilon=1e-3, **each)
        add(net, 'activation', [f'{made}_even'], [made], leakyReLU={'alpha': 0.125})

    conv('image', 'a', 3, 16, 2)
    conv('a', 'b', 16, 16, 1)
    add(net, 'add', ['a', 'b'], ['c'])
    pool = {'kernelSize': [3, 3], 'stride': [2, 2], 'includeLastPixel': {'paddingAmounts': [0, 0]}}
    add(net, 'pooling', ['c'], ['d'], type=0, **pool)
    add(net, 'lrn', ['d'], ['e'], alpha=1e-2, beta=0.75, localSize=5, k=1)
    conv('e', 'f', 16, 32, 1)
    add(net, 'pooling', ['f'], ['g'], type=1, globalPooling=True, valid={})
    add(net, 'innerProduct', ['g'], ['h'], inputChannels=32, outputChannels=10, weights=weights(10, 32))
    add(net, 'softmax', ['h'], ['prob'])
    net.set_class_labels([f'class {n}' for n in range(10)], predicted_feature_name='label', prediction_blob='prob')
    net.set_pre_processing_parameters(image_input_names=['image'], image_scale=1 / 127.5, red_bias=-1, green_bias=-1,
                                      blue_bias=-1)  # fmt: skip
    return net.spec
