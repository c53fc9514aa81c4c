"""Runs sources, kinds and engines of TensorFlow, TFLite and Paddle as a worker would, for tests."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from stages.contract.job import Job
from stages.contract.port import ANY, Contract, Port, contract_json, contract_of

ENGINE = {
    'savedmodel': 'tensorflow', 'keras': 'tensorflow', 'tflite': 'litert', 'onnx': 'onnxruntime',
    'openvino': 'openvino', 'paddle': 'paddle',
}  # fmt: skip
NOTHING = Contract()
"""What a recipe says that leaves inputs and outputs out."""


@dataclasses.dataclass(frozen=True)
class Model:
    """A folder in some format, and what it says of itself."""

    folder: Path
    contract: Contract
    format: str


def says(
    inputs: Mapping[str, list[int | str]] | None = None, *outputs: str, dtype: str = 'float32', **more: Any
) -> Contract:
    """Return what a recipe says: inputs by shape, outputs by name."""
    ports = tuple(Port(name, tuple(shape), dtype) for name, shape in (inputs or {}).items())
    return Contract(ports, tuple(Port(name, ANY, '') for name in outputs), **more)


def taken(format: str, fetched: Path, out: Path, declared: Contract = NOTHING) -> Model:
    """Run the source of ``format`` on the files in ``fetched``."""
    from stages.sources import SOURCES

    out.mkdir(parents=True)
    source = SOURCES[format]
    contract = source.run(source.Params(), Job({'file': fetched}, out, declared, lambda fraction, words: None))
    return Model(out, contract, format)


def made(kind: str, model: Model, out: Path, calibrate: Path | None = None, **params: Any) -> Model:
    """Run a kind; what it returned comes through the file that is kept of it."""
    from stages.kinds import kind_for

    module = kind_for(kind, model.format)
    assert module is not None, f'{kind} takes no {model.format}'
    chosen = module.Params(**params)
    out.mkdir(parents=True)
    inputs = {'model': model.folder} | ({'calibrate': calibrate} if calibrate and module.needs(chosen) else {})
    contract = module.run(chosen, Job(inputs, out, model.contract, lambda fraction, words: None))
    assert sorted(p.name for p in out.iterdir()) == sorted(module.outputs(chosen))
    assert contract_of(contract_json(contract)) == contract
    return Model(out, contract, module.GIVES)


def session(model: Model, **options: Any) -> Any:
    """Load a model in its engine; OpenVINO in f32, which is not its default on every CPU."""
    from stages.engines import ENGINES

    engine = ENGINES[ENGINE[model.format]]
    engine.prepare()
    if model.format == 'openvino':
        options = {'precision': 'f32'} | options
    return engine.load(model.folder, model.contract, engine.Options(**options), 1)


def answers(model: Model, feed: Mapping[str, Any], **options: Any) -> dict[str, Any]:
    """Run one feed."""
    found: dict[str, Any] = session(model, **options).run(feed)
    return found


def furthest(one: Mapping[str, Any], other: Mapping[str, Any]) -> float:
    """Return the greatest relative L2 distance of two answers that have the same outputs in the same shapes."""
    import numpy as np

    assert {name: a.shape for name, a in one.items()} == {name: a.shape for name, a in other.items()}
    pairs = [(a.astype('f8'), other[name].astype('f8')) for name, a in one.items()]
    return max(float(np.linalg.norm(a - b) / max(np.linalg.norm(b), 1e-30)) for a, b in pairs)
