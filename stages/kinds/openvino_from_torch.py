"""Convert a PyTorch module, a TorchScript file or an exported program to OpenVINO IR."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from stages.errors import UnsupportedError
from stages.frameworks.openvino import ir as openvino_ir
from stages.kinds import usual

if TYPE_CHECKING:
    from stages.contract.kind import Job

KIND = 'openvino'
ACCEPTS = ('torch', 'torchscript', 'exported')
GIVES = 'openvino'
TOOLS = ('openvino', 'torch', 'numpy', 'safetensors')
ENVIRONMENT = ''

Params = openvino_ir.Params
needs = usual.no_data
precision = openvino_ir.precision
host = usual.any_cpu
outputs = openvino_ir.outputs


def run(params: Params, job: Job) -> None:
    """Write the IR; its inputs and outputs bear the recipe's names."""
    from stages.frameworks.openvino.quiet import telemetry_off
    from stages.frameworks.refusal import deprecations_silenced, refusal
    from stages.frameworks.torch import examples

    telemetry_off()
    with deprecations_silenced(), refusal('OpenVINO', 'the other way in: onnx, then openvino'):
        model = _converted(job)
        if len(model.inputs) != len(job.signature):
            msg = f'OpenVINO sees {len(model.inputs)} inputs; the recipe declares {len(job.signature)}'
            raise UnsupportedError(msg)
        # torch knows its arguments by position only
        names = examples.output_names(job.outputs, len(model.outputs))
        openvino_ir.name_ports(model, [t.name for t in job.signature], names)
        if params.shape == 'static':
            openvino_ir.fix_shape(model, job.signature, params.batch)
        openvino_ir.write(model, job.output, params.compress == 'f16')


def _converted(job: Job) -> Any:
    import openvino as ov
    import torch

    from stages.frameworks.torch import examples
    from stages.frameworks.torch import exported as exported_file
    from stages.frameworks.torch import module as torch_module

    folder = job.inputs['model']
    jit: Any = torch.jit  # untyped in torch
    with torch.no_grad():
        if (folder / 'model.pt2').exists():
            return ov.convert_model(exported_file.load(folder / 'model.pt2'))  # the program knows its shapes
        module = jit.load(folder / 'model.pt') if (folder / 'model.pt').exists() else torch_module.load(folder)
        shapes = [ov.PartialShape([-1 if isinstance(d, str) else d for d in t.shape]) for t in job.signature]
        return ov.convert_model(module.eval(), example_input=examples.tensors(job.signature), input=shapes)
