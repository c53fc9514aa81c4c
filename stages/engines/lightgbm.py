"""Run a model of LightGBM in LightGBM."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from stages.contract.port import Contract
from stages.engines import usual

if TYPE_CHECKING:
    import numpy

ENGINE = 'lightgbm'
RUNS = ('lightgbm',)
TOOLS = ('lightgbm', 'numpy')
ENVIRONMENT = 'boosters'
CONCURRENT = True

FOREIGN, foreign, made, prepare_foreign = usual.FOREIGN, usual.foreign, usual.made, usual.prepare_foreign
programs = usual.no_programs
line = usual.line
kept_to, instructions = usual.kept_to, usual.instructions


@dataclass(frozen=True)
class Options:
    """Options of ``lightgbm``: none."""


@dataclass(frozen=True)
class LightGbmSession:
    """A booster that takes and gives host arrays."""

    booster: Any
    given: str
    returned: str
    threads: int

    def run(self, feed: Mapping[str, numpy.ndarray]) -> dict[str, numpy.ndarray]:
        """Predict from the rows."""
        import numpy as np

        found = self.booster.predict(feed[self.given], num_threads=self.threads)
        return {self.returned: np.asarray(found, np.float32)}


def prepare() -> None:
    """Import LightGBM."""
    import lightgbm  # noqa: F401


def load(folder: Path, contract: Contract, options: Options, threads: int) -> LightGbmSession:
    """Load ``model.txt``."""
    import lightgbm

    booster = lightgbm.Booster(model_file=str(folder / 'model.txt'))
    return LightGbmSession(booster, contract.inputs[0].name, contract.outputs[0].name, threads)
