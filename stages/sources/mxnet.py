"""Take a model of Apache MXNet: ``NAME-symbol.json``, and the ``NAME-0000.params`` of its weights."""

from __future__ import annotations

import shutil
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from stages.contract.job import Job
from stages.contract.match import matched
from stages.contract.port import ANY, Contract, Port
from stages.errors import IntegrityError
from stages.sources.fetched import pair, pair_at

KIND = 'mxnet-source'
TOOLS: tuple[str, ...] = ()  # files are checked and cut; no tool can change their bytes
ENVIRONMENT = ''
original = None

NET, WEIGHTS = 'model-symbol.json', 'model-0000.params'


@dataclass(frozen=True)
class Params:
    """Which of what the file holds is meant."""

    output: tuple[str, ...] = ()
    """Of MXNet: inner outputs to end at, by their names (`flatten0_output`); its own otherwise."""


def outputs(params: Params) -> tuple[str, ...]:
    """Promise both files."""
    return (NET, WEIGHTS)


def recognise(path: Path) -> dict[str, str]:
    """Return symbol and weights where the content is a symbol of MXNet; ``path`` is the -symbol.json."""
    from stages.frameworks.mxnet import symbol

    files = pair_at(path, 'mxnet') if path.is_file() else {}
    if files:
        symbol.read(path)
    return files


def operators(folder: Path) -> dict[str, int]:
    """Return how many operators of each kind the symbol that ``run`` left has."""
    from stages.frameworks.mxnet import symbol

    nodes = symbol.read(folder / NET).nodes
    return dict(Counter(node.op for node in nodes if node.op != symbol.VARIABLE))


def run(params: Params, job: Job) -> Contract:
    """Leave the symbol, without what only training has, and the weights; both are read as data before."""
    from stages.frameworks.mxnet import params as weights_file
    from stages.frameworks.mxnet import symbol

    net, weights = pair(job.inputs, 'mxnet')
    kept = symbol.cut(symbol.read(net), params.output)
    symbol.check(kept)
    kinds = weights_file.read(weights)
    held = {name.partition(':')[2] or name for name in kinds}
    inputs = [name for name in kept.variables if name not in held]
    if not inputs:
        raise IntegrityError(f'{net.name}: takes nothing that {weights.name} does not hold')
    counted = Counter(kind for kind in kinds.values() if kind)
    found = Contract(
        tuple(Port(name, ANY, 'float32') for name in inputs),
        tuple(Port(name, ANY, 'float32') for name in kept.outputs),
        precision=counted.most_common(1)[0][0] if counted else 'f32',
    )
    contract = matched(net.name, found, job.contract)
    (job.output / NET).write_text(symbol.text(kept), encoding='utf-8')
    shutil.copyfile(weights, job.output / WEIGHTS)
    return contract
