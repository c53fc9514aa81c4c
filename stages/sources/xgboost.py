"""Take a model of XGBoost (``.json`` or ``.ubj``) from outside; leave the ``xgboost`` format."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path

from stages.contract.job import Job
from stages.contract.match import matched
from stages.contract.port import Contract
from stages.sources import signs
from stages.sources.single import one_file

KIND = 'xgboost-source'
TOOLS = ('numpy',)
ENVIRONMENT = ''
original = None


@dataclass(frozen=True)
class Params:
    """Options of ``xgboost-source``: none."""


def outputs(params: Params) -> tuple[str, ...]:
    """Promise nothing by name: it leaves model.json or model.ubj, as it was fetched."""
    return ()


def run(params: Params, job: Job) -> Contract:
    """Leave the file as it came, read whole before: every tree is one, and what its leaves become is known."""
    from stages.frameworks.trees import xgboost as trees

    path = one_file(job.inputs['file'], '.json', '.ubj', '.model')
    contract = matched(path.name, trees.read(path).contract, job.contract)
    name = 'model.json' if trees.is_text(path) else 'model.ubj'  # XGBoost goes by the name
    shutil.copyfile(path, job.output / name)
    return contract


def recognise(path: Path) -> dict[str, str]:
    """Return the file where its content is a model of XGBoost: both forms begin with the learner or a version."""
    start = signs.head(path, 4096)
    told = start[:1] == b'{' and b'learner' in start and (b'gradient_booster' in start or b'attributes' in start)
    return {signs.named(path, '.json', '.ubj'): path.name} if told else {}


def operators(folder: Path) -> dict[str, int]:
    """Return how many trees, and of how many decisions, the model that ``run`` left has."""
    from stages.frameworks.trees import xgboost as trees

    forest = trees.read(next(folder.glob('model.*')))
    return {'tree': len(forest.trees), 'decision': sum(int((tree.left >= 0).sum()) for tree in forest.trees)}
