"""Convert a PyTorch module, a TorchScript file or an exported program to OpenVINO IR."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from stages.errors import UnsupportedError
from stages.frameworks.openvino import ir as openvino_ir
from stages.kinds import usual

if TYPE_CHECKING:
    from stages.contract.job import Job
    from stages.contract.port import Contract

KIND = 'openvino'
ACCEPTS = ('torch', 'torchscript', 'exported')
GIVES = 'openvino'
TOOLS = ('openvino', 'torch', 'numpy', 'safetensors')
ENVIRONMENT = ''
PROGRAMS = ()
DETERMINISTIC = True

Params = openvino_ir.Params
needs = usual.no_data
precision = openvino_ir.precision
host = usual.any_cpu
outputs = openvino_ir.outputs


def run(params: Params, job: Job) -> Contract:
    """Write the IR; its inputs and outputs bear the recipe's names."""
    from stages.frameworks.openvino import ports
    from stages.frameworks.openvino.quiet import telemetry_off
    from stages.frameworks.refusal import deprecations_silenced, refusal
    from stages.frameworks.torch.converted import named_alone

    telemetry_off()
    with deprecations_silenced():
        model, contract = _converted(job)
        if len(model.inputs) != len(contract.inputs) or len(model.outputs) != len(contract.outputs):
            raise UnsupportedError(
                f'OpenVINO sees {len(model.inputs)} inputs and {len(model.outputs)} outputs; the model has '
                f'{len(contract.inputs)} and {len(contract.outputs)}\nwhat to try: onnx, then openvino'
            )
        # OpenVINO knows what torch takes and gives by place only
        ports.name_ports(
            model,
            [(place, port.name) for place, port in enumerate(contract.inputs)],
            [(place, port.name) for place, port in enumerate(contract.outputs)],
        )
        with refusal('OpenVINO', 'openvino: {shape: dynamic}, or onnx, then openvino'):
            return openvino_ir.left(model, params, named_alone(job.contract), job.output)


def _converted(job: Job) -> tuple[Any, Contract]:
    """Return the model, and a contract whose ports are in its order."""
    import openvino as ov
    import torch

    from stages.frameworks.refusal import refusal
    from stages.frameworks.torch import exported as exported_file
    from stages.frameworks.torch import module as torch_module
    from stages.frameworks.torch.calling import in_own_order
    from stages.frameworks.torch.converted import tensors_only

    folder, advice = job.inputs['model'], 'onnx, then openvino'
    jit: Any = torch.jit  # untyped in torch
    with torch.no_grad():
        if (folder / 'model.pt2').exists():
            program = exported_file.load(folder / 'model.pt2')
            given = [name for name in exported_file.user_inputs(program) if isinstance(name, str)]
            contract = replace(
                job.contract,
                inputs=tuple(sorted(job.contract.inputs, key=lambda port: given.index(port.in_file))),
                outputs=tuple(sorted(job.contract.outputs, key=lambda port: int(port.in_file))),
            )
            with refusal('OpenVINO', advice):
                return ov.convert_model(program), contract  # the program knows its shapes
        if (folder / 'model.pt').exists():
            if job.contract.state:
                raise UnsupportedError(
                    f'a TorchScript file that writes to what it keeps inside ({", ".join(job.contract.state)}) has no '
                    'form in OpenVINO\nwhat to try: the torchscript itself; a source of torch, which is traced'
                )
            scripted = jit.load(folder / 'model.pt').eval()
            # as it is where it takes tensors by place: a trace of it would lose its branches
            module, contract, example = tensors_only(scripted, in_own_order(scripted, job.contract), dynamic=True)
            advice = 'the torchscript itself, or, where the source is torch, onnx, then openvino'
        else:
            module, contract, example = tensors_only(torch_module.load(folder), job.contract, dynamic=True)
        shapes = [ov.PartialShape([-1 if isinstance(d, str) else d for d in p.shape]) for p in contract.inputs]
        with refusal('OpenVINO', advice):
            return ov.convert_model(module, example_input=example, input=shapes), contract
