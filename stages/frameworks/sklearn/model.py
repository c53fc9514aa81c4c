"""A checked ``.skops`` file as an estimator, in the environment that has scikit-learn."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from stages.errors import StepError, UnsupportedError
from stages.frameworks.sklearn import archive

if TYPE_CHECKING:
    import numpy

FEATURES: Final = 'features'
ANSWERS: Final = {'predict_proba': 'probabilities', 'decision_function': 'scores', 'predict': 'prediction'}
"""What is asked of a model, the first that it has, and what its output is called. Regressors have only the last."""


@dataclass(frozen=True)
class Model:
    """A fitted estimator, and the one of its methods that is its output."""

    estimator: Any
    method: str
    features: int
    notes: tuple[str, ...] = ()

    @property
    def output(self) -> str:
        return ANSWERS[self.method]

    def answer(self, rows: numpy.ndarray) -> numpy.ndarray:
        """Return what the method says of rows, as float32."""
        import numpy as np

        call: Callable[..., Any] = getattr(self.estimator, self.method)
        with warnings.catch_warnings():
            warnings.simplefilter('ignore')  # of names of columns, which arrays have not
            found: numpy.ndarray = np.asarray(call(rows), np.float32)
        return found


def load(path: Path) -> Model:
    """Return the model in ``path``. Raises UnsupportedError where it is nothing that predicts."""
    import skops.io

    root = archive.nodes(path)
    wanted = archive.features(root)
    if wanted is None:
        raise StepError(f'{path.name}: does not say how many columns it was fitted on (n_features_in_)')
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter('always')
        estimator = skops.io.load(path, trusted=skops.io.get_untrusted_types(file=path))  # all are on our list
    kind = f'{type(estimator).__module__}.{type(estimator).__name__}'
    stated = f'{root["__module__"]}.{root["__class__"]}'
    if kind != stated or not kind.startswith('sklearn.'):
        raise UnsupportedError(f'{path.name}: calls itself {stated}, and is a {kind}')
    method = next((name for name in _order(estimator) if hasattr(estimator, name)), None)
    if method is None:
        raise UnsupportedError(f'{path.name}: {type(estimator).__name__} predicts nothing')
    other = [str(each.message) for each in told if 'InconsistentVersion' in type(each.message).__name__]
    notes = (f'scikit-learn says: {other[0].splitlines()[0]}',) if other else ()
    return Model(estimator, method, wanted, notes)


def _order(estimator: Any) -> tuple[str, ...]:
    from sklearn.base import is_classifier

    return tuple(ANSWERS) if is_classifier(estimator) else ('predict',)
