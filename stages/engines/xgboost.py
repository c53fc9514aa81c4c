"""Run a model of XGBoost in XGBoost."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from stages.contract.port import Contract
from stages.engines import usual

if TYPE_CHECKING:
    import numpy

ENGINE = 'xgboost'
RUNS = ('xgboost',)
TOOLS = ('xgboost-cpu', 'numpy')
ENVIRONMENT = 'boosters'
CONCURRENT = True

FOREIGN, foreign, made, prepare_foreign = usual.FOREIGN, usual.foreign, usual.made, usual.prepare_foreign
programs = usual.no_programs
line = usual.line
kept_to, instructions = usual.kept_to, usual.instructions


@dataclass(frozen=True)
class Options:
    """Options of ``xgboost``: none."""


@dataclass(frozen=True)
class XgboostSession:
    """A booster that takes and gives host arrays."""

    booster: Any
    given: str
    returned: str

    def run(self, feed: Mapping[str, numpy.ndarray]) -> dict[str, numpy.ndarray]:
        """Predict from the rows as they lie, without a matrix of XGBoost's own."""
        import numpy as np

        found = self.booster.inplace_predict(feed[self.given], validate_features=False)
        return {self.returned: np.asarray(found, np.float32)}


def prepare() -> None:
    """Import XGBoost."""
    import xgboost  # noqa: F401


def load(folder: Path, contract: Contract, options: Options, threads: int) -> XgboostSession:
    """Load ``model.json`` or ``model.ubj``."""
    import xgboost

    booster = xgboost.Booster({'nthread': threads})
    booster.load_model(str(next(folder.glob('model.*'))))
    booster.set_param({'nthread': threads})
    return XgboostSession(booster, contract.inputs[0].name, contract.outputs[0].name)
