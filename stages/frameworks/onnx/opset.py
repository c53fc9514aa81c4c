"""An ONNX model moved to a newer operator set."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from stages.errors import UnsupportedError
from stages.frameworks.onnx import walk
from stages.frameworks.onnx.weights import STANDARD, free, inputs_without_weights

if TYPE_CHECKING:
    import onnx


def at_least_opset(path: Path, version: int) -> onnx.ModelProto:
    """
    Return the model in ``path``, moved to operator set ``version`` when its own is older.

    Of IR version 4 at least, weights no inputs. Raises UnsupportedError where onnx's converter cannot move it.
    """
    import onnx

    model = onnx.load(path)
    inputs_without_weights(model)
    free(model)
    own = next((entry.version for entry in model.opset_import if entry.domain in STANDARD), version)
    return _moved(model, own, version) if own < version else model


def _moved(model: onnx.ModelProto, own: int, version: int) -> onnx.ModelProto:
    import onnx
    from onnx import version_converter

    from stages.frameworks.refusal import refusal

    ports = [[v.name for v in model.graph.input], [v.name for v in model.graph.output]]
    with refusal("onnx's version converter", f'a model exported with operator set {version} or newer'):
        made = version_converter.convert_version(model, version)
        onnx.checker.check_model(made)
    kept = [[v.name for v in made.graph.input], [v.name for v in made.graph.output]]
    lost = walk.weights(model.graph) & walk.used(made.graph) - walk.defined(made.graph)
    if kept != ports or lost or len(model.functions) != len(made.functions):
        msg = f"onnx's version converter loses a part of this model on the way from operator set {own} to {version}"
        raise UnsupportedError(f'{msg}\nwhat to try: a model exported with operator set {version} or newer')
    return made
