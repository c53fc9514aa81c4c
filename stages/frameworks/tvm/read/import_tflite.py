"""TFLite files for TVM's importer: what it gets wrong is put right here, what it lacks is said in one sentence."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any


def read(path: Path, shapes: Sequence[tuple[int, ...]]) -> Any:
    """Return the TFLite model in ``path`` as a Relax module, its inputs of ``shapes``, by place."""
    import tflite
    from tvm.relax.frontend.tflite import from_tflite

    model = tflite.Model.GetRootAs(path.read_bytes())
    graph = model.Subgraphs(0)
    names = [graph.Tensors(at).Name().decode() for at in graph.InputsAsNumpy()]
    return from_tflite(model, dict(zip(names, shapes, strict=True)), op_converter=converter())


@cache
def converter() -> type[Any]:
    """Return TVM's converter of TFLite operators, with those that it has wrong replaced."""
    from tvm import relax
    from tvm.relax.frontend.tflite import tflite_frontend

    class Converter(tflite_frontend.OperatorConverter):  # type: ignore[misc]
        """TVM's converter, mended."""

        def convert_expand_dims(self, op: Any) -> Any:
            """Convert EXPAND_DIMS; TVM's own passes an argument that its operator no longer takes."""
            data, axis = self.get_input_tensors(op)
            return relax.op.expand_dims(self.get_tensor_expr(data), int(self.get_tensor_value(axis).item()))

    return Converter
