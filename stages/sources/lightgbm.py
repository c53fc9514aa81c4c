"""Take a model of LightGBM (the text of ``Booster.save_model``) from outside; leave the ``lightgbm`` format."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path

from stages.contract.job import Job
from stages.contract.match import matched
from stages.contract.port import Contract
from stages.sources import signs
from stages.sources.single import one_file

KIND = 'lightgbm-source'
TOOLS = ('numpy',)
ENVIRONMENT = ''
original = None


@dataclass(frozen=True)
class Params:
    """Options of ``lightgbm-source``: none."""


def outputs(params: Params) -> tuple[str, ...]:
    """Promise one file."""
    return ('model.txt',)


def run(params: Params, job: Job) -> Contract:
    """Leave the file as it came, read whole before: every tree is one, and what its leaves become is known."""
    from stages.frameworks.trees import lightgbm as trees

    path = one_file(job.inputs['file'], '.txt', '.model', '.lgb')
    contract = matched(path.name, trees.read(path).contract, job.contract)
    shutil.copyfile(path, job.output / 'model.txt')
    return contract


def recognise(path: Path) -> dict[str, str]:
    """Return the file where its content is a model of LightGBM."""
    start = signs.head(path, 64).replace(b'\r', b'')
    return {signs.named(path, '.txt', '.model', '.lgb'): path.name} if start.startswith(b'tree\nversion=') else {}


def operators(folder: Path) -> dict[str, int]:
    """Return how many trees, and of how many decisions, the model that ``run`` left has."""
    from stages.frameworks.trees import lightgbm as trees

    forest = trees.read(next(folder.glob('model.*')))
    return {'tree': len(forest.trees), 'decision': sum(int((tree.left >= 0).sum()) for tree in forest.trees)}
