"""Export a PyTorch module to ONNX."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from stages.errors import UnsupportedError
from stages.kinds import usual

if TYPE_CHECKING:
    from stages.contract.job import Job
    from stages.contract.port import Contract

KIND = 'onnx'
ACCEPTS = ('torch',)
GIVES = 'onnx'
TOOLS = ('torch', 'onnx', 'onnxscript', 'onnx-ir', 'numpy', 'safetensors')
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

    exporter: Literal['auto', 'dynamo', 'legacy'] = 'auto'
    """dynamo is torch's present exporter; legacy traces; auto takes legacy only for recurrent nets of dynamic shape."""

    opset: int = 20
    """Version of the operator set."""

    shape: Literal['dynamic', 'static'] = 'dynamic'
    """dynamic keeps the recipe's named dimensions; static fixes them: the recipe's ``sizes``, else 1."""


needs = usual.no_data
precision = usual.same_precision
host = usual.any_cpu


def outputs(params: Params) -> tuple[str, ...]:
    """Promise one file, weights inside."""
    return ('model.onnx',)


def run(params: Params, job: Job) -> Contract:
    """Write ``model.onnx`` with the recipe's names; its bytes hold no path, no stack trace, no date."""
    import onnx
    import torch

    from stages.frameworks.onnx import ports
    from stages.frameworks.onnx.names import name_ports
    from stages.frameworks.onnx.write import write_stripped
    from stages.frameworks.refusal import deprecations_silenced, refusal
    from stages.frameworks.torch import module as torch_module
    from stages.frameworks.torch.converted import named_alone, tensors_only

    source = job.inputs['model']
    if any(t['kind'] == 'quantize' for t in torch_module.describe(source)['transforms']):
        msg = (
            'torch cannot export an int8 module to ONNX (quantized:: operators have no ONNX form)\n'
            'what to try: export first, then quantize: [onnx, onnx-quantize]'
        )
        raise UnsupportedError(msg)
    free = any(isinstance(d, str) for port in job.contract.inputs for d in port.shape)
    dynamic = params.shape == 'dynamic' and free
    module, contract, example = tensors_only(torch_module.load(source), job.contract, dynamic)
    names: dict[str, Any] = {
        'input_names': [port.name for port in contract.inputs],
        'output_names': [port.name for port in contract.outputs],
    }
    exporter = params.exporter
    if exporter == 'auto':
        # dynamo has no decomposition for a recurrent net of dynamic length (torch 2.13)
        recurrent = any(isinstance(m, torch.nn.RNNBase) for m in module.modules())
        exporter = 'legacy' if recurrent and dynamic else 'dynamo'
    raw = job.output / 'model.onnx'
    other = 'legacy' if exporter == 'dynamo' else 'dynamo'
    advice = f'onnx: {{exporter: {other}}}, another opset, onnx: {{shape: static}}; torchscript needs no ONNX'
    told: dict[str, Any] = {'opset_version': params.opset, 'verbose': False}
    with torch.no_grad(), deprecations_silenced(), refusal(f'torch.onnx ({exporter})', advice):
        if exporter == 'dynamo':
            shapes = tuple({i: d for i, d in enumerate(p.shape) if isinstance(d, str)} for p in contract.inputs)
            torch.onnx.export(
                module,
                example,
                raw,
                dynamo=True,
                external_data=False,
                dynamic_shapes=shapes if dynamic else None,
                # for now: the exporter may call an inner value just as the recipe calls an output
                **told,
                **names | {'output_names': [f'modelkiln_output_{i}' for i in range(len(contract.outputs))]},
            )
        else:
            axes = _axes(contract) if dynamic else None
            torch.onnx.export(module, example, raw, dynamo=False, dynamic_axes=axes, **told, **names)
    model = onnx.load(raw)
    name_ports(model, outputs=names['output_names'])
    with refusal(f'torch.onnx ({exporter})', advice):
        write_stripped(model, raw)
    return ports.made(model, named_alone(contract))


def _axes(contract: Contract) -> dict[str, dict[int, str]]:
    """Name the dynamic axes of inputs and outputs, as the contract of the module has them."""
    every = (*contract.inputs, *contract.outputs)
    return {port.name: {i: d for i, d in enumerate(port.shape) if isinstance(d, str)} for port in every}
