"""TVM's integer kernels against ONNX Runtime, on quantized ONNX models, one thread, call by call in turn.

    python benchmarks/tvm_int8.py artifacts/resnet18/onnx-int8-static/model.onnx ...

Prints processor time per call, the ratio of least and of median times (below 1: TVM is faster), and the cosine of both
results. Processor time, because it says as much on a busy machine; on a quiet one it is the time that passes.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Any

os.environ.update(TVM_NUM_THREADS='1', TVM_BIND_THREADS='0')  # before TVM starts its threads
sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import numpy as np

CALLS = 60


def sized(path: Path) -> Any:
    """Return the model with every named size 1."""
    import onnx

    model = onnx.load(path)
    for value in model.graph.input:
        for size in value.type.tensor_type.shape.dim:
            size.dim_value = size.dim_value or 1
    return model


def tvm_call(model: Any, feed: dict[str, Any]) -> Callable[[], list[Any]]:
    """Return a function that runs the model as TVM compiles it for this machine."""
    import tvm
    from tvm import relax
    from tvm.relax.frontend.onnx import from_onnx

    from stages.frameworks.tvm.lower import compiled
    from stages.frameworks.tvm.target import target_for

    machine = relax.VirtualMachine(compiled(from_onnx(model), target_for('native')), tvm.cpu())
    inputs = [tvm.runtime.tensor(value) for value in feed.values()]

    def call() -> list[Any]:
        result = machine['main'](*inputs)
        return [part.numpy() for part in ([result] if hasattr(result, 'numpy') else result)]

    return call


def onnxruntime_call(model: Any, feed: dict[str, Any]) -> Callable[[], list[Any]]:
    """Return a function that runs the model with ONNX Runtime."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(model.SerializeToString(), options)
    return lambda: session.run(None, feed)


def milliseconds(call: Callable[[], list[Any]]) -> float:
    """Return the processor time of one call."""
    start = time.process_time_ns()
    call()
    return (time.process_time_ns() - start) / 1e6


def cosine(ours: list[Any], theirs: list[Any]) -> float:
    """Return the cosine of the two results that agree least."""
    pairs = [(a.astype(float).ravel(), b.astype(float).ravel()) for a, b in zip(ours, theirs, strict=True)]
    return min(float(a @ b / max(np.linalg.norm(a) * np.linalg.norm(b), 1e-30)) for a, b in pairs)


def main(paths: list[str]) -> None:
    """Measure every model and print a line for each."""
    random = np.random.default_rng(0)
    for path in map(Path, paths):
        model = sized(path)
        shapes = {v.name: [d.dim_value for d in v.type.tensor_type.shape.dim] for v in model.graph.input}
        feed = {name: random.standard_normal(shape).astype('float32') for name, shape in shapes.items()}
        ours, theirs = tvm_call(model, feed), onnxruntime_call(model, feed)
        likeness = cosine(ours(), theirs())
        times = [(milliseconds(ours), milliseconds(theirs)) for _ in range(CALLS)]
        (least, usual), (their_least, their_usual) = ((min(t), median(t)) for t in zip(*times, strict=True))
        print(
            f'{path}: tvm {least:.3f} (median {usual:.3f}) ms, onnxruntime {their_least:.3f} ({their_usual:.3f}) ms, '
            f'ratio {least / their_least:.2f} ({usual / their_usual:.2f}), cosine {likeness:.6f}', flush=True,
        )  # fmt: skip


if __name__ == '__main__':
    main(sys.argv[1:])
