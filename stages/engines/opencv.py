"""Run a Caffe or a Darknet model in OpenCV's dnn module: the last runtime that still reads their files itself."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from stages.contract.port import Contract
from stages.engines import usual
from stages.frameworks.refusal import refusal

if TYPE_CHECKING:
    import numpy

ENGINE = 'opencv'
RUNS = ('caffe', 'darknet')
TOOLS = ('opencv-python-headless', 'numpy')
ENVIRONMENT = ''
CONCURRENT = False  # one net, which keeps what was fed

FOREIGN, foreign, made, prepare_foreign = usual.FOREIGN, usual.foreign, usual.made, usual.prepare_foreign
programs = usual.no_programs
line = usual.line
kept_to, instructions = usual.kept_to, usual.instructions


@dataclass(frozen=True)
class Options:
    """Options of ``opencv``."""

    fuse: bool = True
    """Join layers; what it computes differs in the last digits."""


@dataclass(frozen=True)
class OpenCvSession:
    """A net, and where its answers come from."""

    net: Any
    inputs: Mapping[str, str]
    """By our name: what the file calls it."""

    places: Mapping[str, tuple[str, int]]
    """By our name of each output: the layer that gives it, and which of that layer's outputs it is."""

    boxes: frozenset[str] = frozenset()
    """Outputs that are rows of decoded boxes, which OpenCV gives in another order than Caffe."""

    def run(self, feed: Mapping[str, numpy.ndarray]) -> dict[str, numpy.ndarray]:
        """Run the net; arrays are copied out of it, since it fills them again."""
        import numpy as np

        for name, in_file in self.inputs.items():
            self.net.setInput(np.ascontiguousarray(feed[name], np.float32), in_file)
        layers = [*dict.fromkeys(layer for layer, _ in self.places.values())]
        given: Sequence[Any] = self.net.forwardAndRetrieve(layers)
        by_layer = dict(zip(layers, given, strict=True))
        found = {name: np.array(by_layer[layer][place]) for name, (layer, place) in self.places.items()}
        return {name: _in_order(array) if name in self.boxes else array for name, array in found.items()}


def _in_order(rows: numpy.ndarray) -> numpy.ndarray:
    """Return decoded boxes by image, label and falling confidence, as Caffe gives them."""
    import numpy as np

    order = np.lexsort((-rows[0, 0, :, 2], rows[0, 0, :, 1], rows[0, 0, :, 0]))
    return rows[:, :, order]


def prepare() -> None:
    """Import OpenCV."""
    import cv2  # noqa: F401


def load(folder: Path, contract: Contract, options: Options, threads: int) -> OpenCvSession:
    """Load ``model.prototxt`` or ``model.cfg`` with its weights."""
    import cv2

    from stages.frameworks.caffe import known_wrong
    from stages.frameworks.caffe import net as caffe
    from stages.frameworks.darknet import cfg
    from stages.frameworks.darknet import known_wrong as darknet_wrong
    from stages.frameworks.darknet import opencv as darknet

    cv2.setNumThreads(threads)
    prototxt = folder / 'model.prototxt'
    with refusal('OpenCV', 'another framework of this model'):
        if prototxt.exists():
            net = cv2.dnn.readNetFromCaffe(str(prototxt), str(folder / 'model.caffemodel'))
        else:
            net = cv2.dnn.readNetFromDarknet(str(folder / 'model.cfg'), str(folder / 'model.weights'))
    net.setPreferableBackend(cv2.dnn.DNN_BACKEND_OPENCV)
    net.setPreferableTarget(cv2.dnn.DNN_TARGET_CPU)
    net.enableFusion(options.fuse)
    if prototxt.exists():
        described = caffe.read(prototxt)
        known_wrong.check(described)
        writers = {port.name: described.writer(port.in_file) for port in contract.outputs}
        named = {*net.getLayerNames()}  # it calls some by what they give
        places = {
            name: (layer.name if layer.name in named else layer.tops[place], place)
            for name, (layer, place) in writers.items()
        }
        inputs = {port.name: port.in_file for port in contract.inputs}
        boxes = frozenset(name for name, (layer, _) in writers.items() if layer.type == 'DetectionOutput')
    else:
        told, names = cfg.read(folder / 'model.cfg'), net.getLayerNames()
        darknet_wrong.check(told)
        places = {port.name: (darknet.layer(port.in_file, told, names), 0) for port in contract.outputs}
        inputs, boxes = {port.name: '' for port in contract.inputs}, frozenset()
    return OpenCvSession(net, inputs, places, boxes)
