"""Run what no runtime here can run: read into ONNX by a reader of ours, and computed by ONNX Runtime.

It shows that a file says what it should; of the runtime that the file is for, it shows nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from stages.contract.port import Contract
from stages.engines import usual
from stages.errors import StepError

if TYPE_CHECKING:
    import numpy

ENGINE = 'reader'
RUNS = ('caffe2', 'coreml')
TOOLS = ('onnx', 'onnxruntime', 'numpy')
ENVIRONMENT = ''
CONCURRENT = True

FOREIGN, foreign, made, prepare_foreign = usual.FOREIGN, usual.foreign, usual.made, usual.prepare_foreign
programs = usual.no_programs
line = usual.line
kept_to, instructions = usual.kept_to, usual.instructions


@dataclass(frozen=True)
class Options:
    """Options of ``reader``: none."""


@dataclass(frozen=True)
class ReaderSession:
    """A session of ONNX Runtime on the model as it was read."""

    session: Any
    inputs: Mapping[str, str]
    """By our name: the graph's."""

    outputs: Mapping[str, str]

    def run(self, feed: Mapping[str, numpy.ndarray]) -> dict[str, numpy.ndarray]:
        """Run the graph."""
        given = {self.inputs[name]: array for name, array in feed.items()}
        return dict(zip(self.outputs, self.session.run([*self.outputs.values()], given), strict=True))


def prepare() -> None:
    """Import ONNX and its runtime."""
    import onnx  # noqa: F401
    import onnxruntime  # noqa: F401


def load(folder: Path, contract: Contract, options: Options, threads: int) -> ReaderSession:
    """Read the model in ``folder``, and load what was read."""
    import onnxruntime

    settings = onnxruntime.SessionOptions()
    settings.intra_op_num_threads, settings.inter_op_num_threads = threads, 1
    settings.log_severity_level = 3
    model = _read(folder, contract)
    session = onnxruntime.InferenceSession(model.SerializeToString(), settings, providers=['CPUExecutionProvider'])
    inputs = {port.name: node.name for port, node in zip(contract.inputs, model.graph.input, strict=True)}
    outputs = {port.name: node.name for port, node in zip(contract.outputs, model.graph.output, strict=True)}
    return ReaderSession(session, inputs, outputs)


def _read(folder: Path, contract: Contract) -> Any:
    from stages.frameworks.caffe2 import read as caffe2

    predict = folder / 'predict_net.pb'
    if predict.exists():
        return caffe2.read(folder / 'init_net.pb', predict, contract)
    if (folder / 'model.mlpackage').exists():
        from stages.frameworks.coreml import read as coreml

        return coreml.read(folder / 'model.mlpackage', contract)
    raise StepError(f'{folder.name}: holds no model that is read here')
