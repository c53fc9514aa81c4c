"""The columns of the table: what the house makes of a model, and what each tool makes of it alone."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

import numpy as np

from benchmarks.operators.cases import Loaded
from stages.contract.job import Job
from stages.contract.port import Contract, Port, write_contract
from stages.engines import ENGINES
from stages.kinds import kind_for
from stages.sources import onnx as source

SOURCE: Final = 'source'
STOCK: Final = 'stock TVM'


@dataclass(frozen=True)
class Road:
    """How a column gets from the source to numbers, what the tool is that does it, and how near it has to come."""

    kind: str
    engine: str
    params: Mapping[str, Any]
    alone: Callable[[Loaded, Path], dict[str, Any]]
    rtol: float = 1e-3
    atol: float = 1e-4


def prepared() -> None:
    """Import every framework, before processes are forked that need them."""
    import onnxruntime
    import openvino  # noqa: F401
    import tvm.relax.frontend.onnx  # noqa: F401

    from stages.frameworks.openvino import quiet

    quiet.telemetry_off()
    onnxruntime.set_default_logger_severity(4)


def column(name: str, case: Loaded, folder: Path) -> dict[str, Any]:
    """Return what comes out of ``case`` in the column ``name``; ``folder`` is empty, and its own."""
    if name == STOCK:
        return stock_tvm(case, folder)
    left, contract = through_source(case, folder)
    road = ROADS[name]
    if road.kind:
        module = kind_for(road.kind, 'onnx')
        assert module is not None
        params, made = module.Params(**road.params), folder / 'made'
        made.mkdir()
        precision = module.precision(params, contract.precision)
        contract = module.run(params, Job({'model': left}, made, contract, _silent))
        contract, left = replace(contract, precision=precision), made
    engine = ENGINES[road.engine]
    session = engine.load(left, contract, engine.Options(), 1)
    return session.run({port.name: _cast(case.feed[port.name], port) for port in contract.inputs})


def through_source(case: Loaded, folder: Path) -> tuple[Path, Contract]:
    """Return what the source leaves of a recipe that says no more than the sizes of what is free."""
    import onnx

    given, left = folder / 'given', folder / 'left'
    given.mkdir()
    left.mkdir()
    onnx.save(case.model, given / 'model.onnx')
    declared = Contract(sizes=_sizes(case))
    contract = source.run(source.Params(), Job({'file0': given}, left, declared, _silent))
    write_contract(contract, left)
    return left, contract


def ort_alone(case: Loaded, folder: Path) -> dict[str, Any]:
    """Run the file as it came in ONNX Runtime."""
    import onnxruntime as ort

    session = ort.InferenceSession(case.model.SerializeToString(), providers=['CPUExecutionProvider'])
    return dict(zip(case.wanted, session.run(None, case.feed), strict=True))


def ort_optimized(case: Loaded, folder: Path) -> dict[str, Any]:
    """Let ONNX Runtime write the optimized graph, and run that."""
    import onnxruntime as ort

    options, path = ort.SessionOptions(), folder / 'alone.onnx'
    options.optimized_model_filepath = str(path)
    ort.InferenceSession(case.model.SerializeToString(), options, providers=['CPUExecutionProvider'])
    session = ort.InferenceSession(str(path), providers=['CPUExecutionProvider'])
    return dict(zip(case.wanted, session.run(None, case.feed), strict=True))


def ort_float16(case: Loaded, folder: Path) -> dict[str, Any]:
    """Let ONNX Runtime's converter make the graph half, and run that."""
    import onnxruntime as ort
    from onnxruntime.transformers.float16 import convert_float_to_float16

    half = convert_float_to_float16(case.model, keep_io_types=True)
    session = ort.InferenceSession(half.SerializeToString(), providers=['CPUExecutionProvider'])
    return dict(zip(case.wanted, session.run(None, case.feed), strict=True))


def openvino_alone(case: Loaded, folder: Path) -> dict[str, Any]:
    """Convert the file as it came, and run it in OpenVINO in full precision."""
    import onnx
    import openvino as ov

    onnx.save(case.model, folder / 'alone.onnx')
    model = ov.convert_model(folder / 'alone.onnx')
    compiled = ov.Core().compile_model(model, 'CPU', {'INFERENCE_PRECISION_HINT': 'f32'})
    results = compiled([case.feed[v.name] for v in case.model.graph.input])
    return {name: results[at] for at, name in enumerate(case.wanted)}


def stock_tvm(case: Loaded, folder: Path) -> dict[str, Any]:
    """Import, legalize and build for LLVM as TVM's own tests do; nothing is linked."""
    import tvm
    from tvm import relax
    from tvm.relax.frontend.onnx import from_onnx

    module = from_onnx(case.model)
    passes = [relax.transform.DecomposeOpsForInference(), relax.transform.LegalizeOps()]
    built = tvm.compile(tvm.transform.Sequential(passes)(module), target='llvm')
    machine = relax.VirtualMachine(built, tvm.cpu())
    result = machine['main'](*(tvm.runtime.tensor(case.feed[v.name]) for v in case.model.graph.input))
    results = [result] if isinstance(result, tvm.runtime.Tensor) else list(result)
    return dict(zip(case.wanted, [each.numpy() for each in results], strict=True))


ROADS: Final[Mapping[str, Road]] = {
    SOURCE: Road('', 'onnxruntime', {}, ort_alone),
    'optimize': Road('onnx-optimize', 'onnxruntime', {'level': 'all'}, ort_optimized),
    'float16': Road('onnx-float16', 'onnxruntime', {}, ort_float16, rtol=1e-2, atol=1e-2),
    'openvino': Road('openvino', 'openvino', {}, openvino_alone),
    'tvm': Road('tvm', 'tvm', {'target': 'native', 'level': 3}, stock_tvm),
}
COLUMNS: Final = (*ROADS, STOCK)


def _sizes(case: Loaded) -> dict[str, int]:
    """Return the sizes of free dimensions that have names, as the inputs have them."""
    sizes = {}
    for value in case.model.graph.input:
        fed = case.feed.get(value.name)
        if not isinstance(fed, np.ndarray):
            continue
        for axis, dim in enumerate(value.type.tensor_type.shape.dim):
            if dim.dim_value <= 0:
                sizes[dim.dim_param or f'{value.name}_{axis}'] = fed.shape[axis]
    return sizes


def _cast(value: Any, port: Port) -> Any:
    """Return ``value`` as the contract wants it; text stays as it is."""
    return value if port.dtype == 'str' or str(value.dtype) == port.dtype else value.astype(port.dtype)


def _silent(fraction: float, words: str) -> None:
    """Report to nobody."""
