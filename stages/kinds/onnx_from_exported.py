"""Convert an exported program to ONNX."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from stages.kinds import usual

if TYPE_CHECKING:
    from stages.contract.job import Job
    from stages.contract.port import Contract

KIND = 'onnx'
ACCEPTS = ('exported',)
GIVES = 'onnx'
TOOLS = ('torch', 'onnx', 'onnxscript', 'onnx-ir', 'numpy')
LOADS = (
    'torch._dynamo', 'torch.export._trace', 'onnxscript', 'torch.onnx._internal.exporter._core',
    'torch.onnx._internal.exporter._torchlib.ops',
)  # fmt: skip
ENVIRONMENT = ''
PROGRAMS = ()
DETERMINISTIC = True


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


def run(params: Params, job: Job) -> Contract:
    """Write ``model.onnx`` with the recipe's names; dynamic where the program is."""
    import onnx
    import torch

    from stages.frameworks.onnx import ports
    from stages.frameworks.onnx.names import name_dimensions, name_ports
    from stages.frameworks.onnx.write import write_stripped
    from stages.frameworks.refusal import deprecations_silenced, refusal
    from stages.frameworks.torch import exported as exported_file
    from stages.frameworks.torch.converted import named_alone

    program = exported_file.load(job.inputs['model'] / 'model.pt2')
    called = {port.in_file: port.name for port in job.contract.inputs}
    returned = {int(port.in_file): port.name for port in job.contract.outputs}
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
            input_names=[called[name] for name in exported_file.user_inputs(program) if name in called],
            # for now: the exporter may call an inner value just as the recipe calls an output
            output_names=[f'modelkiln_output_{place}' for place in range(len(returned))],
        )
    model = onnx.load(raw)
    name_ports(model, outputs=[returned[place] for place in sorted(returned)])
    name_dimensions(model, job.contract.inputs)
    with refusal('torch.onnx (dynamo)', advice):
        write_stripped(model, raw)
    return ports.made(model, named_alone(job.contract))
