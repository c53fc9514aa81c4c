"""A model that needs no framework: it answers with what it was fed, and remembers how."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from stages.contract.port import Port
from stages.deliver.load import Model
from stages.document.manifest import Manifest

IMAGE = Port('image', ('batch', 3, 'side'), 'float32')
MASK = Port('mask', ('batch', 'side'), 'bool')
SCORES = Port('scores', ('batch', 2), 'float32')


@dataclass
class Echo:
    """A session."""

    answer: Callable[[Mapping[str, Any]], dict[str, Any]]
    fed: list[dict[str, Any]] = field(default_factory=list)

    def run(self, feed: Mapping[str, Any]) -> dict[str, Any]:
        self.fed.append(dict(feed))
        return self.answer(feed)


def scores(feed: Mapping[str, Any]) -> dict[str, Any]:
    image = feed['image'].reshape(len(feed['image']), -1)
    return {'scores': np.stack([image.sum(1), image.max(1)], 1)}


def manifest(inputs: tuple[Port, ...] = (IMAGE, MASK), outputs: tuple[Port, ...] = (SCORES,), **more: Any) -> Manifest:
    said = Manifest('net', 'onnx', {}, '', '', 'onnx', 'onnxruntime', inputs, outputs)
    return replace(said, **more)


def opened(said: Manifest, answer: Any = scores, *, concurrent: bool = True, floats: bool = False) -> Model:
    return Model(said, Path('.'), 1, concurrent, floats, Echo(answer))
