"""Run a model of scikit-learn in scikit-learn."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from stages.contract.port import Contract
from stages.engines import usual

if TYPE_CHECKING:
    import numpy

ENGINE = 'sklearn'
RUNS = ('sklearn',)
TOOLS = ('scikit-learn', 'skops', 'numpy')
ENVIRONMENT = 'scikit-learn'
CONCURRENT = True

FOREIGN, foreign, made, prepare_foreign = usual.FOREIGN, usual.foreign, usual.made, usual.prepare_foreign
programs = usual.no_programs
line = usual.line
kept_to, instructions = usual.kept_to, usual.instructions


@dataclass(frozen=True)
class Options:
    """Options of ``sklearn``: none."""


@dataclass(frozen=True)
class SklearnSession:
    """An estimator that takes and gives host arrays."""

    model: Any
    given: str
    returned: str

    def run(self, feed: Mapping[str, numpy.ndarray]) -> dict[str, numpy.ndarray]:
        """Ask the estimator about the rows."""
        return {self.returned: self.model.answer(feed[self.given])}


def prepare() -> None:
    """Import scikit-learn."""
    import sklearn  # noqa: F401


def load(folder: Path, contract: Contract, options: Options, threads: int) -> SklearnSession:
    """Load ``model.skops``, checked again: an artifact may come from anywhere."""
    from threadpoolctl import threadpool_limits

    from stages.frameworks.sklearn import model as sklearn_model

    threadpool_limits(threads)
    model = sklearn_model.load(folder / 'model.skops')
    return SklearnSession(model, contract.inputs[0].name, contract.outputs[0].name)
