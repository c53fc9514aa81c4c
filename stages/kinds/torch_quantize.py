"""Quantize a PyTorch module to int8 in torch itself."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from stages.errors import UnsupportedError
from stages.kinds import usual

if TYPE_CHECKING:
    from stages.contract.kind import Job

KIND = 'torch-quantize'
ACCEPTS = ('torch',)
GIVES = 'torch'
TOOLS = ('torch', 'numpy', 'safetensors')
ENVIRONMENT = ''


@dataclass(frozen=True)
class Params:
    """Options of ``torch-quantize``."""

    mode: Literal['dynamic', 'static'] = 'dynamic'
    """dynamic: weights of Linear and LSTM layers, no data; static: convolutions and activations too, from calibrate."""

    samples: int = 128
    """How many calibration samples static reads at most."""


host = usual.any_cpu


def needs(params: Params) -> tuple[str, ...]:
    """Read calibration data in static mode."""
    return ('calibrate',) if params.mode == 'static' else ()


def precision(params: Params, before: str) -> str:
    """Leave int8; what was pruned stays another model."""
    return 'pruned' if before == 'pruned' else 'int8'


def outputs(params: Params) -> tuple[str, ...]:
    """Promise the Python of the module, and the state of the quantized one."""
    return ('module.json', 'state.pt', 'python')


def run(params: Params, job: Job) -> None:
    """Write the module folder again, with the transform added and the int8 state in ``state.pt``."""
    import torch

    from stages.frameworks.refusal import refusal
    from stages.frameworks.torch import examples
    from stages.frameworks.torch import module as torch_module
    from stages.frameworks.torch import quantized as torch_quantized

    torch.manual_seed(0)
    source = job.inputs['model']
    if any(t['kind'] == 'quantize' for t in torch_module.describe(source)['transforms']):
        msg = 'this module is quantized already; torch-quantize takes a float module'
        raise UnsupportedError(msg)
    module = torch_module.load(source)
    transform: dict[str, Any] = {'kind': 'quantize', 'mode': params.mode}
    if params.mode == 'dynamic':
        with refusal('torch.ao.quantization', 'onnx, then onnx-quantize'):
            changed = torch_quantized.dynamic(module)
        if not any(getattr(m, '__module__', '').startswith('torch.ao.nn.quantized') for m in changed.modules()):
            msg = (
                'nothing to quantize: dynamic mode knows Linear and LSTM, and this module has neither\n'
                'what to try: torch-quantize: {mode: static}, or onnx, then onnx-quantize: {mode: static}'
            )
            raise UnsupportedError(msg)
    else:
        example = examples.tensors(job.signature)
        transform['examples'] = [{'shape': list(e.shape), 'dtype': str(e.dtype).split('.')[1]} for e in example]
        with refusal('torch FX quantization', 'onnx, then onnx-quantize: {mode: static}; FX knows no branches'):
            changed = torch_quantized.static(module, example, lambda prepared: _calibrate(prepared, params, job))
    torch_module.save_transformed(job.output, source, transform, changed)


def _calibrate(prepared: Any, params: Params, job: Job) -> None:
    import torch

    from stages.feed import calibration as samples

    sizes = {t.name: t.shape[0] if t.shape and isinstance(t.shape[0], int) else 1 for t in job.signature}
    feeds = samples.feeds(job.inputs['calibrate'], sizes, params.samples)
    for number, feed in enumerate(feeds, 1):
        prepared(*(torch.from_numpy(feed[t.name]) for t in job.signature))
        job.progress(number / len(feeds), f'calibrating {number}/{len(feeds)}')
