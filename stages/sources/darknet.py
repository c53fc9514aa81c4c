"""Take a Darknet model: a ``.cfg`` that says the net, and the ``.weights`` of its numbers."""

from __future__ import annotations

import shutil
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from stages.contract.job import Job
from stages.contract.match import matched
from stages.contract.port import Contract
from stages.sources.fetched import pair, pair_at

KIND = 'darknet-source'
TOOLS: tuple[str, ...] = ('numpy', 'onnx')
ENVIRONMENT = ''
original = None

NET, WEIGHTS = 'model.cfg', 'model.weights'


@dataclass(frozen=True)
class Params:
    """How the numbers are to be understood."""

    epsilon: float = 1e-5
    """Of Darknet: what batch norm adds to variances: 1e-5 in AlexeyAB's Darknet, about 1e-6 in the first one."""


def outputs(params: Params) -> tuple[str, ...]:
    """Promise both files."""
    return (NET, WEIGHTS)


def recognise(path: Path) -> dict[str, str]:
    """Return net and weights where the content is a net of Darknet; ``path`` is the .cfg."""
    from stages.frameworks.darknet import cfg

    files = pair_at(path, 'darknet') if path.is_file() else {}
    if files:
        cfg.read(path)
    return files


def operators(folder: Path) -> dict[str, int]:
    """Return how many layers of each type the net that ``run`` left has."""
    from stages.frameworks.darknet import cfg

    return dict(Counter(section.type for section in cfg.read(folder / NET).layers))


def run(params: Params, job: Job) -> Contract:
    """Leave both files, read whole before by a reader of ours; ``epsilon`` is put into the variances.

    Behind this step it is 1e-6 for all: that of OpenCV, which cannot be told another.
    """
    from stages.errors import StepError
    from stages.frameworks.darknet import read, weights

    if not 0 <= params.epsilon < 1:
        raise StepError(f'`epsilon` is {params.epsilon}; expected a small number from 0')
    net, numbers = pair(job.inputs, 'darknet')
    found = read.read(net, numbers)
    contract = matched(net.name, found.contract, job.contract)
    shutil.copyfile(net, job.output / NET)
    more = params.epsilon - read.EPSILON
    (job.output / WEIGHTS).write_bytes(weights.with_epsilon(found.header, found.numbers, more))
    return contract
