"""A Caffe net as its .prototxt says it: inputs, and the layers that run at test time, in order."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from stages.errors import IntegrityError, UnsupportedError
from stages.frameworks.caffe import text
from stages.frameworks.caffe.text import Message

OLD: Final = {
    'ABSVAL': 'AbsVal', 'ACCURACY': 'Accuracy', 'ARGMAX': 'ArgMax', 'BNLL': 'BNLL', 'CONCAT': 'Concat',
    'CONVOLUTION': 'Convolution', 'DECONVOLUTION': 'Deconvolution', 'DROPOUT': 'Dropout', 'ELTWISE': 'Eltwise',
    'EXP': 'Exp', 'FLATTEN': 'Flatten', 'IM2COL': 'Im2col', 'INNER_PRODUCT': 'InnerProduct', 'LRN': 'LRN',
    'MVN': 'MVN', 'POOLING': 'Pooling', 'POWER': 'Power', 'RELU': 'ReLU', 'SIGMOID': 'Sigmoid', 'SILENCE': 'Silence',
    'SOFTMAX': 'Softmax', 'SPLIT': 'Split', 'SLICE': 'Slice', 'TANH': 'TanH', 'THRESHOLD': 'Threshold',
    'DATA': 'Data', 'IMAGE_DATA': 'ImageData', 'HDF5_DATA': 'HDF5Data', 'MEMORY_DATA': 'MemoryData',
    'DUMMY_DATA': 'DummyData', 'WINDOW_DATA': 'WindowData', 'SOFTMAX_LOSS': 'SoftmaxWithLoss',
    'EUCLIDEAN_LOSS': 'EuclideanLoss', 'HINGE_LOSS': 'HingeLoss', 'CONTRASTIVE_LOSS': 'ContrastiveLoss',
    'SIGMOID_CROSS_ENTROPY_LOSS': 'SigmoidCrossEntropyLoss',
}  # fmt: skip
"""What layers are called in files from before 2014, and today."""

NET: Final = {
    'name', 'layer', 'layers', 'input', 'input_dim', 'input_shape', 'force_backward', 'state', 'debug_info',
}  # fmt: skip
LARGEST: Final = 1 << 28
"""Elements of one blob."""


@dataclass(frozen=True)
class Layer:
    """A layer of the net."""

    name: str
    type: str
    bottoms: tuple[str, ...]
    tops: tuple[str, ...]
    said: Message

    @property
    def what(self) -> str:
        """How messages name it."""
        return f'{self.said.file}:{self.said.line}: layer {self.name!r} ({self.type})'

    def refused(self, words: str) -> UnsupportedError:
        """Return the error that says what of this layer is not read."""
        return UnsupportedError(f'{self.what}: {words}')

    def wrong(self, words: str) -> IntegrityError:
        """Return the error that says what of this layer contradicts itself."""
        return IntegrityError(f'{self.what}: {words}')


@dataclass(frozen=True)
class Net:
    """What the file says."""

    file: str
    inputs: tuple[tuple[str, tuple[int, ...]], ...]
    """Name and shape, in order."""

    layers: tuple[Layer, ...]

    def writer(self, blob: str) -> tuple[Layer, int]:
        """Return the layer that writes ``blob`` last, and which of its tops that is."""
        return next((layer, layer.tops.index(blob)) for layer in self.layers[::-1] if blob in layer.tops)

    @property
    def outputs(self) -> tuple[str, ...]:
        """The blobs that no layer takes, in the order in which they are written."""
        free: dict[str, None] = {}
        for layer in self.layers:
            for blob in layer.bottoms:
                free.pop(blob, None)
            free |= dict.fromkeys(layer.tops)
        return tuple(free)


def read(path: Path) -> Net:
    """Return the net at ``path``. Raises IntegrityError or UnsupportedError, with the line."""
    root = text.read(path.name, path.read_bytes())
    if unknown := sorted(root.fields.keys() - NET):
        raise root.wrong(f'a net has no {", ".join(unknown)}; expected the .prototxt of a net')
    if root.fields.get('layer') and root.fields.get('layers'):
        raise root.wrong('has `layer` and `layers`: two forms of a net in one')
    inputs = dict(_declared(root))
    layers = []
    for said in root.messages('layer') or root.messages('layers'):
        layer = _layer(said)
        if not _at_test(said):
            continue
        if layer.type == 'Input':
            inputs |= dict(_given(layer))
        else:
            layers.append(layer)
    if not layers:
        raise root.wrong('has no layers; expected the .prototxt of a net')
    _check(layers, inputs)
    return Net(path.name, tuple(inputs.items()), tuple(layers))


def _layer(said: Message) -> Layer:
    kind = said.word('type')
    layer = Layer(said.word('name'), OLD.get(kind, kind), (*said.words('bottom'),), (*said.words('top'),), said)
    if not kind:
        raise said.wrong('a layer without a type')
    return layer


def _at_test(said: Message) -> bool:
    """Whether the layer is there at test time: TEST (1) is the phase, and there is no stage and no level."""

    def meets(rule: Message) -> bool:
        phase = rule.choice('phase', ('TRAIN', 'TEST')) if 'phase' in rule.fields else 'TEST'
        return phase == 'TEST' and not rule.fields.get('stage') and rule.whole('min_level', 0) <= 0

    if include := said.messages('include'):
        return any(meets(rule) for rule in include)
    return not any(meets(rule) for rule in said.messages('exclude'))


def _declared(root: Message) -> list[tuple[str, tuple[int, ...]]]:
    """Return the inputs of a net that lists them itself."""
    names, shapes, dims = root.words('input'), root.messages('input_shape'), root.wholes('input_dim')
    found = [tuple(shape.wholes('dim')) for shape in shapes]
    found += [tuple(dims[place : place + 4]) for place in range(0, len(dims), 4)]
    if len(names) != len(found):
        raise root.wrong(f'has {len(names)} inputs and the shapes of {len(found)}')
    return [(name, _shape(root, name, shape)) for name, shape in zip(names, found, strict=True)]


def _given(layer: Layer) -> list[tuple[str, tuple[int, ...]]]:
    shapes = [tuple(shape.wholes('dim')) for shape in layer.said.message('input_param').messages('shape')]
    shapes = shapes * len(layer.tops) if len(shapes) == 1 else shapes
    if len(shapes) != len(layer.tops):
        raise layer.wrong(f'gives {len(layer.tops)} blobs and says {len(shapes)} shapes')
    return [(top, _shape(layer.said, top, shape)) for top, shape in zip(layer.tops, shapes, strict=True)]


def _shape(said: Message, name: str, shape: Sequence[int]) -> tuple[int, ...]:
    size = 1
    for dim in shape:
        size *= dim
        if dim < 1 or size > LARGEST:
            raise said.wrong(f'the input {name!r} has the shape {list(shape)}; expected sizes from 1')
    if not shape or len(shape) > 8:
        raise said.wrong(f'the input {name!r} has {len(shape)} axes; expected 1 to 8')
    return tuple(shape)


def _check(layers: Sequence[Layer], inputs: dict[str, tuple[int, ...]]) -> None:
    """Refuse a layer that takes what nothing before it gives, and two layers of one name: weights go by it."""
    known, names = set(inputs), set[str]()
    for layer in layers:
        if missing := [blob for blob in layer.bottoms if blob not in known]:
            raise layer.wrong(f'takes {missing[0]!r}, which nothing before it gives')
        if layer.name in names:
            raise layer.wrong('bears the name of a layer before it')
        if not layer.tops and layer.type not in ('Silence',):
            raise layer.wrong('gives nothing')
        names.add(layer.name)
        known |= {*layer.tops}
