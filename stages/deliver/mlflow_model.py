"""What MLflow calls to load an exported artifact: its python_function flavour names this module."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from stages.deliver.load import load

if TYPE_CHECKING:
    from stages.deliver.load import Model


class Function:
    """A loaded artifact as MLflow calls it."""

    def __init__(self, model: Model) -> None:
        self._model = model

    def predict(self, model_input: Any, params: dict[str, Any] | None = None) -> dict[str, Any]:
        """Return the outputs by name, of a dictionary of arrays; of an array alone where there is one input."""
        if isinstance(model_input, dict):
            return dict(self._model.run(model_input))
        return dict(self._model.run({self._model.inputs[0].name: model_input}))


def _load_pyfunc(path: str) -> Function:
    return Function(load(Path(path)))
