"""Run OpenVINO IR on the CPU."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from stages.contract.port import Tensor
from stages.engines import usual

if TYPE_CHECKING:
    import numpy

ENGINE = 'openvino'
RUNS = ('openvino',)
TOOLS = ('openvino', 'numpy')

FOREIGN, foreign, made, prepare_foreign = usual.FOREIGN, usual.foreign, usual.made, usual.prepare_foreign


@dataclass(frozen=True)
class Options:
    """Options of ``openvino``."""

    precision: Literal['f32', 'bf16', 'f16'] = 'f32'
    """What float operators compute in. OpenVINO alone would take bf16 where the CPU has it, unasked."""

    hint: Literal['latency', 'throughput'] = 'latency'
    """latency: one request on all threads; throughput: several streams, for callers with many requests."""


@dataclass(frozen=True)
class OvSession:
    """A compiled model that takes and gives host arrays."""

    request: Any
    inputs: tuple[Tensor, ...]
    outputs: tuple[str, ...]

    def run(self, feed: Mapping[str, numpy.ndarray]) -> tuple[numpy.ndarray, ...]:
        """Run the model; results are copied, as OpenVINO uses its own buffers again in the next call."""
        results = self.request.infer(dict(feed), share_inputs=True, share_outputs=True)
        return tuple(results[i].copy() for i in range(len(self.outputs)))


def prepare() -> None:
    """Import OpenVINO."""
    import openvino  # noqa: F401


def load(folder: Path, signature: tuple[Tensor, ...], options: Options, threads: int) -> OvSession:
    """Compile ``model.xml`` for the CPU with exactly the precision that is asked for."""
    import openvino as ov

    config = {
        'INFERENCE_PRECISION_HINT': options.precision,
        'INFERENCE_NUM_THREADS': threads,
        'PERFORMANCE_HINT': options.hint.upper(),
    }
    compiled = ov.Core().compile_model(folder / 'model.xml', 'CPU', config)
    declared = {t.name: t for t in signature}
    inputs = tuple(_tensor(port, declared) for port in compiled.inputs)
    names = tuple(p.any_name if p.names else f'output_{i}' for i, p in enumerate(compiled.outputs))
    return OvSession(compiled.create_infer_request(), inputs, names)


def _tensor(port: Any, declared: Mapping[str, Tensor]) -> Tensor:
    import numpy as np

    name = port.any_name
    shape: list[int | str] = []
    for axis, dimension in enumerate(port.partial_shape):
        if dimension.is_static:
            shape.append(dimension.get_length())
        else:  # the IR keeps no names of dimensions; the signature does
            known = declared[name].shape[axis] if name in declared else None
            shape.append(known if isinstance(known, str) else f'{name}_{axis}')
    return Tensor(name, tuple(shape), np.dtype(port.element_type.to_dtype()).name)
