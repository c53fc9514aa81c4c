"""Small ONNX models through the kind tvm and its engine, and through ONNX Runtime."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from stages.contract.job import Job
from stages.contract.port import Contract, Port
from stages.frameworks.tvm.emit import library

Arrays = Mapping[str, np.ndarray]
node = helper.make_node


def numbers(*shape: int) -> np.ndarray:
    """Return numbers that are the same in every run."""
    return np.random.default_rng(7).standard_normal(shape).astype('float32')


def model(
    nodes: Sequence[Any],
    feed: Arrays,
    outputs: Sequence[str] | Mapping[str, int],
    weights: Arrays | None = None,
    opset: int = 17,
    ir: int = 8,
) -> onnx.ModelProto:
    """Return a model of ``nodes``; outputs are of float32 unless their types are told, of any shape."""
    types = outputs if isinstance(outputs, Mapping) else dict.fromkeys(outputs, TensorProto.FLOAT)
    given = [
        helper.make_tensor_value_info(name, helper.np_dtype_to_tensor_dtype(array.dtype), array.shape)
        for name, array in feed.items()
    ]
    made = [helper.make_tensor_value_info(name, kind, None) for name, kind in types.items()]
    held = [numpy_helper.from_array(np.asarray(array), name) for name, array in (weights or {}).items()]
    graph = helper.make_graph(list(nodes), 'net', given, made, held)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid('', opset)], ir_version=ir)


def wanted(made: onnx.ModelProto, feed: Arrays) -> list[np.ndarray]:
    """Return what ONNX Runtime gives, nothing optimized."""
    import onnxruntime as ort

    options = ort.SessionOptions()
    options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_DISABLE_ALL
    options.log_severity_level = 4
    found = ort.InferenceSession(made.SerializeToString(), options, providers=['CPUExecutionProvider']).run(None, feed)
    return [np.asarray(each) for each in found]


def built(made: onnx.ModelProto, feed: Arrays, folder: Path, **params: Any) -> library.Library:
    """Run the kind in ``folder``; return what it says of its library, which is in ``folder / 'out'``."""
    from stages.kinds import tvm as kind

    (folder / 'in').mkdir(parents=True)
    (folder / 'out').mkdir()
    onnx.save(made, folder / 'in' / 'model.onnx')
    outputs = tuple(value.name for value in made.graph.output)
    job = Job({'model': folder / 'in'}, folder / 'out', contract(feed, outputs), lambda fraction, words: None)
    kind.run(kind.Params(**params), job)
    return library.read(folder / 'out')


def contract(feed: Arrays, outputs: Sequence[str] = ()) -> Contract:
    """Return what a source says of a model with these inputs."""
    inputs = tuple(Port(name, array.shape, str(array.dtype)) for name, array in feed.items())
    return Contract(inputs, tuple(Port(name, (), 'float32') for name in outputs))


def ran(folder: Path, feed: Arrays) -> list[np.ndarray]:
    """Return what the library in ``folder / 'out'`` gives."""
    from stages.engines import tvm as engine

    return list(engine.load(folder / 'out', contract(feed), engine.Options(), 1).run(feed).values())


def assert_same(made: onnx.ModelProto, feed: Arrays, folder: Path, **params: Any) -> library.Library:
    """Assert that the library gives what ONNX Runtime gives, types and shapes too; return what it says of itself."""
    found = built(made, feed, folder, **params)
    for got, right in zip(ran(folder, feed), wanted(made, feed), strict=True):
        assert (got.shape, got.dtype) == (right.shape, right.dtype)
        np.testing.assert_allclose(got, right, rtol=1e-3, atol=1e-4)
    return found
