"""Dynamic quantization by ONNX Runtime, of what it can then run."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import onnx


def dynamic(
    source: Path,
    path: Path,
    more: set[str],
    keep: tuple[str, ...],
    advice: str,
    progress: Callable[[float, str], None],
) -> onnx.ModelProto:
    """Quantize the usual operators and ``more`` of ``source`` into ``path``, but for nodes that ``keep`` names.

    What can be run so: a node whose int8 form ONNX Runtime does not load or run stays float, and ``progress`` says it.
    """
    import onnx

    from stages.frameworks.onnx import names, operators, quantizing, runtime
    from stages.frameworks.onnx.gemm import as_products
    from stages.frameworks.refusal import refusal

    model = onnx.load(source)
    kept = operators.named(model, keep)  # ONNX Runtime spares nodes by their names
    as_products(model)  # ONNX Runtime would do it, for a matrix of one user in one graph
    names.name_nodes(model)
    wanted = {*quantizing.DYNAMIC, *more}
    kept += quantizing.foreign(model, wanted)
    with tempfile.TemporaryDirectory() as folder:
        ready = Path(folder, 'ready.onnx')
        onnx.save(model, ready)
        feed = quantizing.feed_that_runs(ready)
        while True:
            with refusal('ONNX Runtime quantization', advice):
                quantizing.dynamic(ready, path, sorted(wanted), kept, 'Conv' in more)
            made = quantizing.mended(path, model)
            wrong = runtime.fault(path, feed)
            culprit = wrong and quantizing.culprit(str(wrong), model, wanted, kept)
            if not culprit:
                break
            progress(0.0, f'{culprit} stays float: ONNX Runtime cannot run its int8 form')
            kept.append(culprit)
    if wrong:
        with refusal('ONNX Runtime quantization', runtime.advice(advice)):
            raise wrong
    return made
