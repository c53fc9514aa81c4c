"""Convert an exported program to ONNX."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from stages.kinds import usual

if TYPE_CHECKING:
    from stages.contract.kind import Job

KIND = 'onnx'
ACCEPTS = ('exported',)
GIVES = 'onnx'
TOOLS = ('torch', 'onnx', 'onnxscript', 'onnx-ir', 'numpy')
ENVIRONMENT = ''


@dataclass(frozen=True)
class Params:
    """Options of ``onnx``."""

    opset: int = 20
    """Version of the operator set."""


needs = usual.no_data
precision = usual.same_precision
host = usual.any_cpu


def outputs(params: Params) -> tuple[str, ...]:
    """Promise one file, weights inside."""
    return ('model.onnx',)


def run(params: Params, job: Job) -> None:
    """Write ``model.onnx`` with the recipe's names; dynamic where the program is."""
    import onnx
    import torch

    from stages.frameworks.onnx.names import name_dimensions
    from stages.frameworks.onnx.write import write_stripped
    from stages.frameworks.refusal import deprecations_silenced, refusal
    from stages.frameworks.torch import examples
    from stages.frameworks.torch import exported as exported_file

    program = exported_file.load(job.inputs['model'] / 'model.pt2')
    returned = len(program.graph_signature.user_outputs)
    raw = job.output / 'model.onnx'
    advice = 'another opset, openvino straight from exported, or, where the source is torch, onnx straight from it'
    with torch.no_grad(), deprecations_silenced(), refusal('torch.onnx (dynamo)', advice):
        torch.onnx.export(
            program,
            (),
            raw,
            dynamo=True,
            opset_version=params.opset,
            external_data=False,
            verbose=False,
            input_names=[t.name for t in job.signature],
            output_names=examples.output_names(job.outputs, returned),
        )
    model = onnx.load(raw)
    name_dimensions(model, job.signature)
    with refusal('torch.onnx (dynamo)', advice):
        write_stripped(model, raw)
