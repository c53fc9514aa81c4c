"""Run an ONNX model, or one in ONNX Runtime's own format, in ONNX Runtime."""

from __future__ import annotations

import ctypes
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from stages.contract.port import Contract
from stages.engines import usual
from stages.engines.started import Starter
from stages.frameworks.onnx.runtime import Level, level_of

if TYPE_CHECKING:
    import numpy

ENGINE = 'onnxruntime'
RUNS = ('onnx', 'ort')
TOOLS = ('onnxruntime', 'numpy')
ENVIRONMENT = ''
CONCURRENT = True
BFLOAT16 = 16
"""ONNX's number for bfloat16."""

ADVICE = 'another engine for this model: openvino, tvm'

FOREIGN, foreign, made, prepare_foreign = usual.FOREIGN, usual.foreign, usual.made, usual.prepare_foreign
programs = usual.no_programs
kept_to, instructions = usual.kept_to, usual.instructions


@dataclass(frozen=True)
class Options:
    """Options of ``onnxruntime``."""

    optimization: Level = 'all'
    """How far the graph is optimized on load."""

    allow_spinning: bool | None = None
    """Idle threads spin: lower latency on free cores, and slower neighbours on busy ones. Absent: where there are
    several threads, which then wait for each other."""

    arena: bool = True
    """Keep memory that was freed for the next call; without, each call gets its own from the system."""

    requests: int = 1
    """Requests in flight in `offline` and `server`: callers of one session, which divide the threads among them."""

    execution: Literal['sequential', 'parallel'] = 'sequential'
    """parallel runs branches of the graph at the same time."""

    def __post_init__(self) -> None:
        if not 1 <= self.requests <= 1024:
            raise ValueError(f'`requests` is {self.requests}; expected 1 to 1024')


@dataclass(frozen=True)
class OrtSession:
    """A session that takes and gives host arrays."""

    session: Any
    taken: Mapping[str, str]
    """By our name: the file's own."""

    returned: Mapping[str, str]
    brain: frozenset[str] = frozenset()
    """Which of the inputs and outputs are bfloat16, by the file's names."""

    requests: int = 1
    """Callers that a line has."""

    threads: int = 1
    """On how many one call runs."""

    def run(self, feed: Mapping[str, numpy.ndarray]) -> dict[str, numpy.ndarray]:
        """Run the graph; what it returns is owned by the caller."""
        given = {own: feed[name] for name, own in self.taken.items()}
        try:
            results = self._values(given) if self.brain else self.session.run(list(self.returned.values()), given)
        except Exception as error:
            if 'while running' not in str(error):  # not what the model does: what it was fed
                raise
            from stages.frameworks.refusal import refusal

            with refusal('ONNX Runtime', ADVICE):
                raise
        return dict(zip(self.returned, results, strict=True))

    def _values(self, given: Mapping[str, numpy.ndarray]) -> list[numpy.ndarray]:
        """Run the graph on values of ONNX Runtime's own, which alone can be bfloat16."""
        from onnxruntime import OrtValue

        values = {
            name: OrtValue.ortvalue_from_numpy_with_onnx_type(usual.brain_bits(array), BFLOAT16)
            if name in self.brain
            else OrtValue.ortvalue_from_numpy(array)
            for name, array in given.items()
        }
        names = list(self.returned.values())
        results = self.session.run_with_ort_values(names, values)
        return [_bits(each) if name in self.brain else each.numpy() for name, each in zip(names, results, strict=True)]

    def starter(self) -> Starter | None:
        """Start calls in ONNX Runtime's own threads, of which it has one less than it is set to.

        With two that is one call at a time, and threads of ours took half as long (rnet, 1,347 and 604 µs a call on two
        busy cores). bfloat16 needs values of its own, which its asynchronous call does not take.
        """
        return None if self.brain or self.threads < 3 else Starter(OrtRequests(self))


class OrtRequests:
    """Calls that threads of ONNX Runtime work on: what ``Starter`` asks of an engine."""

    def __init__(self, session: OrtSession) -> None:
        self.session = session
        self.count = max(session.threads - 1, 1)  # its pool has one less: a call that waits works along

    def begin(self, place: int, feed: Mapping[str, numpy.ndarray], tell: Callable[[Any], None]) -> None:
        """Start a call."""
        given = {own: feed[name] for name, own in self.session.taken.items()}
        self.session.session.run_async(list(self.session.returned.values()), given, _told, tell)

    def end(self, place: int, told: Any) -> dict[str, numpy.ndarray]:
        """Return what it answered; it is the caller's."""
        results, error = told
        if error:
            from stages.frameworks.refusal import refusal

            with refusal('ONNX Runtime', ADVICE):
                raise RuntimeError(error)
        return dict(zip(self.session.returned, results, strict=True))

    def ended(self, place: int) -> bool:
        """Say no: it tells of every call, also of one that failed."""
        return False


def _told(results: Any, tell: Callable[[Any], None], error: str) -> None:
    """Hand on what a call left: it is called in a thread of ONNX Runtime with what was given along."""
    tell((results, error))


def _bits(value: Any) -> numpy.ndarray:
    """Return a copy of a value of bfloat16."""
    import numpy as np

    bits = np.zeros(value.shape(), np.uint16)
    ctypes.memmove(bits.ctypes.data, value.data_ptr(), bits.nbytes)
    return usual.brain_array(bits)


def line(session: OrtSession) -> usual.Callers | usual.OneByOne:
    """Return as many callers of the session as its options ask for; it is made to be called by several at once."""
    return usual.Callers(session, session.requests) if session.requests > 1 else usual.OneByOne(session)


def prepare() -> None:
    """Import ONNX Runtime."""
    import onnxruntime  # noqa: F401


def load(folder: Path, contract: Contract, options: Options, threads: int) -> OrtSession:
    """Load ``model.onnx`` or ``model.ort`` on the CPU."""
    import onnxruntime as ort

    from stages.frameworks.refusal import refusal

    chosen = ort.SessionOptions()
    chosen.graph_optimization_level = level_of(options.optimization)
    parallel = options.execution == 'parallel'
    chosen.execution_mode = ort.ExecutionMode.ORT_PARALLEL if parallel else ort.ExecutionMode.ORT_SEQUENTIAL
    chosen.intra_op_num_threads = max(1, threads // options.requests)  # unset means every core
    chosen.inter_op_num_threads = threads if parallel else 1
    chosen.enable_cpu_mem_arena = options.arena
    spins = threads > 1 if options.allow_spinning is None else options.allow_spinning
    spinning = '1' if spins else '0'
    chosen.add_session_config_entry('session.intra_op.allow_spinning', spinning)
    chosen.add_session_config_entry('session.inter_op.allow_spinning', spinning)
    own = folder / 'model.ort'
    path = own if own.exists() else folder / 'model.onnx'
    with refusal('ONNX Runtime', ADVICE):
        session = ort.InferenceSession(str(path), chosen, providers=['CPUExecutionProvider'])
    taken = {port.name: port.in_file for port in contract.inputs}
    returned = {port.name: port.in_file for port in contract.outputs}
    ports = (*contract.inputs, *contract.outputs)
    brain = frozenset(port.in_file for port in ports if port.dtype == usual.BRAIN)
    return OrtSession(session, taken, returned, brain, options.requests, chosen.intra_op_num_threads)
