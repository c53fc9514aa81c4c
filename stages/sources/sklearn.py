"""Take a model of scikit-learn as a ``.skops`` file (never a pickle) from outside; leave the ``sklearn`` format."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path

from stages.contract.job import Job
from stages.contract.match import matched
from stages.contract.port import BATCH, Contract, Port
from stages.errors import IntegrityError
from stages.sources import signs
from stages.sources.single import one_file

KIND = 'sklearn-source'
TOOLS = ('scikit-learn', 'skops', 'numpy')
ENVIRONMENT = 'scikit-learn'
original = None

PICKLES = ('.pkl', '.pickle', '.joblib')


@dataclass(frozen=True)
class Params:
    """Options of ``sklearn-source``: none."""


def outputs(params: Params) -> tuple[str, ...]:
    """Promise one file."""
    return ('model.skops',)


def run(params: Params, job: Job) -> Contract:
    """Leave the file as it came: every class in it is one of scikit-learn's estimators, and it answers for two rows."""
    import numpy as np

    from stages.frameworks.sklearn import model as sklearn_model

    path = one_file(job.inputs['file'], '.skops', *PICKLES)
    if path.suffix in PICKLES:
        raise IntegrityError(
            f'{path.name}: a pickle runs whatever it holds when it is opened, and is not taken\n'
            'write the model as data where it was made: skops.io.dump(model, "model.skops")'
        )
    model = sklearn_model.load(path)
    shown = model.answer(np.zeros((2, model.features), np.float32))
    found = Contract(
        (Port(sklearn_model.FEATURES, (BATCH, model.features), 'float32', batch=0),),
        (Port(model.output, (BATCH, *shown.shape[1:]), 'float32', batch=0),),
        notes=model.notes,
    )
    contract = matched(path.name, found, job.contract)
    shutil.copyfile(path, job.output / 'model.skops')
    return contract


def recognise(path: Path) -> dict[str, str]:
    """Return the file where its content is an archive of skops."""
    members = signs.members(path)
    told = 'schema.json' in members and all(name.endswith(('.json', '.npy', '.npz')) for name in members)
    return {signs.named(path, '.skops'): path.name} if told else {}


def operators(folder: Path) -> dict[str, int]:
    """Return how many estimators of each class the model that ``run`` left has."""
    from stages.frameworks.sklearn import archive

    return archive.estimators(folder / 'model.skops')
