"""Export a PyTorch module to ONNX."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from stages.errors import UnsupportedError
from stages.kinds import usual

if TYPE_CHECKING:
    from stages.contract.kind import Job

KIND = 'onnx'
ACCEPTS = ('torch',)
GIVES = 'onnx'
TOOLS = ('torch', 'onnx', 'onnxscript', 'onnx-ir', 'numpy', 'safetensors')
ENVIRONMENT = ''


@dataclass(frozen=True)
class Params:
    """Options of ``onnx``."""

    exporter: Literal['auto', 'dynamo', 'legacy'] = 'auto'
    """dynamo is torch's present exporter; legacy traces; auto takes legacy only for recurrent nets of dynamic shape."""

    opset: int = 20
    """Version of the operator set."""

    shape: Literal['dynamic', 'static'] = 'dynamic'
    """dynamic keeps the recipe's named dimensions; static makes each of them 1."""


needs = usual.no_data
precision = usual.same_precision
host = usual.any_cpu


def outputs(params: Params) -> tuple[str, ...]:
    """Promise one file, weights inside."""
    return ('model.onnx',)


def run(params: Params, job: Job) -> None:
    """Write ``model.onnx`` with the recipe's names; its bytes hold no path, no stack trace, no date."""
    import onnx
    import torch

    from stages.frameworks.onnx.names import name_ports
    from stages.frameworks.onnx.write import write_stripped
    from stages.frameworks.refusal import deprecations_silenced, refusal
    from stages.frameworks.torch import examples
    from stages.frameworks.torch import module as torch_module

    source = job.inputs['model']
    if any(t['kind'] == 'quantize' for t in torch_module.describe(source)['transforms']):
        msg = (
            'torch cannot export an int8 module to ONNX (quantized:: operators have no ONNX form)\n'
            'what to try: export first, then quantize: [onnx, onnx-quantize]'
        )
        raise UnsupportedError(msg)
    module = torch_module.load(source)
    dynamic = params.shape == 'dynamic' and any(isinstance(d, str) for t in job.signature for d in t.shape)
    example = examples.tensors(job.signature, examples.FIRST if dynamic else (1, 1))
    with torch.no_grad():
        results = examples.flat(module(*example))
    names: dict[str, Any] = {
        'input_names': [t.name for t in job.signature],
        'output_names': examples.output_names(job.outputs, len(results)),
    }
    exporter = params.exporter
    if exporter == 'auto':
        # dynamo has no decomposition for a recurrent net of dynamic length (torch 2.13)
        recurrent = any(isinstance(m, torch.nn.RNNBase) for m in module.modules())
        exporter = 'legacy' if recurrent and dynamic else 'dynamo'
    raw = job.output / 'model.onnx'
    axes = _axes(module, job, names['output_names'], results) if dynamic and exporter == 'legacy' else None
    other = 'legacy' if exporter == 'dynamo' else 'dynamo'
    advice = f'onnx: {{exporter: {other}}}, another opset, onnx: {{shape: static}}; torchscript needs no ONNX'
    with torch.no_grad(), deprecations_silenced(), refusal(f'torch.onnx ({exporter})', advice):
        if exporter == 'dynamo':
            shapes = tuple({i: d for i, d in enumerate(t.shape) if isinstance(d, str)} for t in job.signature)
            torch.onnx.export(
                module,
                example,
                raw,
                dynamo=True,
                opset_version=params.opset,
                external_data=False,
                verbose=False,
                dynamic_shapes=shapes if dynamic else None,
                # for now: the exporter may call an inner value just as the recipe calls an output
                **names | {'output_names': [f'modelkiln_output_{i}' for i in range(len(results))]},
            )
        else:
            torch.onnx.export(
                module,
                example,
                raw,
                dynamo=False,
                opset_version=params.opset,
                dynamic_axes=axes,
                verbose=False,
                **names,
            )
    model = onnx.load(raw)
    name_ports(model, outputs=names['output_names'])
    with refusal(f'torch.onnx ({exporter})', advice):
        write_stripped(model, raw)


def _axes(module: Any, job: Job, names: list[str], results: tuple[Any, ...]) -> dict[str, dict[int, str]]:
    """Name the dynamic axes of inputs and outputs; an output's axis is dynamic when a second size changes it."""
    import torch

    from stages.frameworks.torch import examples

    axes = {t.name: {i: d for i, d in enumerate(t.shape) if isinstance(d, str)} for t in job.signature}
    with torch.no_grad():
        second = examples.flat(module(*examples.tensors(job.signature, examples.SECOND)))
    first_sizes = examples.named_sizes(job.signature)
    second_sizes = examples.named_sizes(job.signature, examples.SECOND)
    known = {(first_sizes[name], second_sizes[name]): name for name in first_sizes}
    for name, one, two in zip(names, results, second, strict=True):
        pairs = enumerate(zip(one.shape, two.shape, strict=True))
        axes[name] = {i: known.get((a, b), f'{name}_{i}') for i, (a, b) in pairs if a != b}
    return axes
