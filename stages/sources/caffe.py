"""Take a Caffe model: a ``.prototxt`` that says the net, and the ``.caffemodel`` of its weights."""

from __future__ import annotations

import shutil
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from stages.contract.job import Job
from stages.contract.match import matched
from stages.contract.port import Contract
from stages.sources.fetched import pair, pair_at

KIND = 'caffe-source'
TOOLS: tuple[str, ...] = ('numpy', 'onnx')
ENVIRONMENT = ''
original = None

NET, WEIGHTS = 'model.prototxt', 'model.caffemodel'


@dataclass(frozen=True)
class Params:
    """Which outputs are meant."""

    decode: bool = False
    """Of Caffe: a detector's boxes, decoded and the best kept, of one sample; its heads otherwise."""


def outputs(params: Params) -> tuple[str, ...]:
    """Promise both files."""
    return (NET, WEIGHTS)


def recognise(path: Path) -> dict[str, str]:
    """Return net and weights where the content is a net of Caffe; ``path`` is the .prototxt."""
    from stages.frameworks.caffe import net

    files = pair_at(path, 'caffe') if path.is_file() else {}
    if files:
        net.read(path)
    return files


def operators(folder: Path) -> dict[str, int]:
    """Return how many layers of each type the net that ``run`` left has."""
    from stages.frameworks.caffe import net

    return dict(Counter(layer.type for layer in net.read(folder / NET).layers))


def run(params: Params, job: Job) -> Contract:
    """Leave both files as they came, read whole before by a reader of ours: every layer is known, no weight lacks."""
    from stages.frameworks.caffe import read

    net, weights = pair(job.inputs, 'caffe')
    contract = matched(net.name, read.read(net, weights, decode=params.decode).contract, job.contract)
    shutil.copyfile(net, job.output / NET)
    shutil.copyfile(weights, job.output / WEIGHTS)
    return contract
