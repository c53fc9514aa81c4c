"""Run an ONNX model, or one in ONNX Runtime's own format, in ONNX Runtime."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from stages.contract.port import Tensor
from stages.engines import usual
from stages.frameworks.onnx.runtime import Level, level_of

if TYPE_CHECKING:
    import numpy

ENGINE = 'onnxruntime'
RUNS = ('onnx', 'ort')
TOOLS = ('onnxruntime', 'numpy')

FOREIGN, foreign, made, prepare_foreign = usual.FOREIGN, usual.foreign, usual.made, usual.prepare_foreign

DTYPES = {'float': 'float32', 'double': 'float64', 'bool': 'bool'}


@dataclass(frozen=True)
class Options:
    """Options of ``onnxruntime``."""

    optimization: Level = 'all'
    """How far the graph is optimized on load."""

    allow_spinning: bool = False
    """Idle threads spin: lower latency on free cores, and slower neighbours on busy ones."""

    execution: Literal['sequential', 'parallel'] = 'sequential'
    """parallel runs branches of the graph at the same time."""


@dataclass(frozen=True)
class OrtSession:
    """A session that takes and gives host arrays."""

    session: Any
    inputs: tuple[Tensor, ...]
    outputs: tuple[str, ...]

    def run(self, feed: Mapping[str, numpy.ndarray]) -> tuple[numpy.ndarray, ...]:
        """Run the graph; what it returns is owned by the caller."""
        return tuple(self.session.run(None, dict(feed)))


def prepare() -> None:
    """Import ONNX Runtime."""
    import onnxruntime  # noqa: F401


def load(folder: Path, signature: tuple[Tensor, ...], options: Options, threads: int) -> OrtSession:
    """Load ``model.onnx`` or ``model.ort`` on the CPU."""
    import onnxruntime as ort

    chosen = ort.SessionOptions()
    chosen.graph_optimization_level = level_of(options.optimization)
    parallel = options.execution == 'parallel'
    chosen.execution_mode = ort.ExecutionMode.ORT_PARALLEL if parallel else ort.ExecutionMode.ORT_SEQUENTIAL
    chosen.intra_op_num_threads = threads  # unset means every core
    chosen.inter_op_num_threads = threads if parallel else 1
    spinning = '1' if options.allow_spinning else '0'
    chosen.add_session_config_entry('session.intra_op.allow_spinning', spinning)
    chosen.add_session_config_entry('session.inter_op.allow_spinning', spinning)
    own = folder / 'model.ort'
    path = own if own.exists() else folder / 'model.onnx'
    session = ort.InferenceSession(str(path), chosen, providers=['CPUExecutionProvider'])
    inputs = tuple(Tensor(i.name, _shape(i), _dtype(i.type)) for i in session.get_inputs())
    return OrtSession(session, inputs, tuple(o.name for o in session.get_outputs()))


def _shape(value: Any) -> tuple[int | str, ...]:
    # a free dimension without a name is None
    return tuple(f'{value.name}_{i}' if d is None else d for i, d in enumerate(value.shape))


def _dtype(word: str) -> str:
    inner = word.removeprefix('tensor(').removesuffix(')')  # 'tensor(float)'
    return DTYPES.get(inner, inner)
