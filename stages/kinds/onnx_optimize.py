"""Optimize an ONNX graph ahead of time with ONNX Runtime."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from stages.kinds import usual

if TYPE_CHECKING:
    from stages.contract.kind import Job

KIND = 'onnx-optimize'
ACCEPTS = ('onnx',)
GIVES = 'onnx'
TOOLS = ('onnxruntime', 'onnx', 'numpy')
ENVIRONMENT = ''


@dataclass(frozen=True)
class Params:
    """Options of ``onnx-optimize``."""

    level: Literal['basic', 'extended', 'all'] = 'all'
    """all lays weights out for this kind of CPU (less memory, faster load, runs well on such machines only)."""


needs = usual.no_data
precision = usual.same_precision


def host(params: Params) -> bool:
    """Say whether the bytes suit one kind of CPU only."""
    return params.level != 'basic'


def outputs(params: Params) -> tuple[str, ...]:
    """Promise one file."""
    return ('model.onnx',)


def run(params: Params, job: Job) -> None:
    """Write the graph as ONNX Runtime would make it on load."""
    import onnx
    import onnxruntime as ort

    from stages.frameworks.onnx import file as onnx_file
    from stages.frameworks.refusal import refusal

    levels = ort.GraphOptimizationLevel
    options = ort.SessionOptions()
    options.graph_optimization_level = {
        'basic': levels.ORT_ENABLE_BASIC,
        'extended': levels.ORT_ENABLE_EXTENDED,
        'all': levels.ORT_ENABLE_ALL,
    }[params.level]
    options.log_severity_level = 3  # it warns that level all suits this CPU; the option's description says so
    options.intra_op_num_threads = 1
    path = job.output / 'model.onnx'
    options.optimized_model_filepath = str(path)
    with refusal('ONNX Runtime', 'onnx-optimize: {level: basic}, or leave this stage out'):
        ort.InferenceSession(str(job.inputs['model'] / 'model.onnx'), options, providers=['CPUExecutionProvider'])
        made = onnx.load(path)
        onnx_file.name_by_position(made)
        onnx_file.write_stripped(made, path)
