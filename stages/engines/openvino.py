"""Run OpenVINO IR on the CPU."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from stages.contract.port import Contract
from stages.engines import usual

if TYPE_CHECKING:
    import numpy

ENGINE = 'openvino'
RUNS = ('openvino',)
TOOLS = ('openvino', 'numpy')
ENVIRONMENT = ''
CONCURRENT = True

FOREIGN, foreign, made, prepare_foreign = usual.FOREIGN, usual.foreign, usual.made, usual.prepare_foreign
line = usual.line
programs = usual.no_programs


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

    compiled: Any
    idle: list[Any]
    """Requests that no call uses; each has its own buffers, so that calls do not wait for each other."""

    taken: Mapping[str, int]
    """By name: the place among the model's inputs."""

    returned: Mapping[str, int]
    stateful: bool
    brain: frozenset[str]
    """The inputs and outputs that are bfloat16."""

    def run(self, feed: Mapping[str, numpy.ndarray]) -> dict[str, numpy.ndarray]:
        """Run the model; results are copied, as OpenVINO uses its own buffers again in the next call."""
        try:
            request = self.idle.pop()
        except IndexError:
            request = self.compiled.create_infer_request()
        try:
            return self._run(request, feed)
        finally:
            self.idle.append(request)

    def _run(self, request: Any, feed: Mapping[str, numpy.ndarray]) -> dict[str, numpy.ndarray]:
        if self.stateful:
            request.reset_state()
        asked = {
            place: _brain(feed[name]) if name in self.brain else _writeable(feed[name])
            for name, place in self.taken.items()
        }
        results = request.infer(asked, share_inputs=True, share_outputs=True)
        return {
            name: usual.brain_array(results[place].view('uint16').copy())
            if name in self.brain
            else results[place].copy()
            for name, place in self.returned.items()
        }


def prepare() -> None:
    """Import OpenVINO."""
    import openvino  # noqa: F401


def load(folder: Path, contract: Contract, options: Options, threads: int) -> OvSession:
    """Compile ``model.xml`` for the CPU with exactly the precision that is asked for."""
    import openvino as ov

    from stages.frameworks.openvino import ports
    from stages.frameworks.refusal import refusal

    config = {
        'INFERENCE_PRECISION_HINT': options.precision,
        'INFERENCE_NUM_THREADS': threads,
        'PERFORMANCE_HINT': options.hint.upper(),
    }
    with refusal('OpenVINO', 'another engine for this model: onnxruntime, tvm'):
        compiled = ov.Core().compile_model(folder / 'model.xml', 'CPU', config)
    taken, returned = [port.in_file for port in contract.inputs], [port.in_file for port in contract.outputs]
    at, back = ports.places(compiled.inputs, taken, 'input'), ports.places(compiled.outputs, returned, 'output')
    request = compiled.create_infer_request()
    return OvSession(
        compiled,
        [request],
        {port.name: place for port, place in zip(contract.inputs, at, strict=True)},
        {port.name: place for port, place in zip(contract.outputs, back, strict=True)},
        stateful=bool(request.query_state()),
        brain=frozenset(p.name for p in (*contract.inputs, *contract.outputs) if p.dtype == usual.BRAIN),
    )


def _brain(array: numpy.ndarray) -> Any:
    """Return a tensor of bfloat16, whose memory OpenVINO shows as that of float16."""
    import openvino as ov

    bits = usual.brain_bits(array)
    tensor = ov.Tensor(ov.Type.bf16, bits.shape)
    tensor.data.view('uint16')[...] = bits
    return tensor


def _writeable(array: numpy.ndarray) -> numpy.ndarray:
    """Return ``array``, or a copy where it is read-only: OpenVINO copies such arrays too, but fails at scalars."""
    return array if array.flags.writeable else array.copy()
