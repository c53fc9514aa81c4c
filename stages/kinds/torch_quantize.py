"""Quantize a PyTorch module to int8 in torch itself."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from stages.errors import UnsupportedError
from stages.kinds import usual

if TYPE_CHECKING:
    from stages.contract.job import Job
    from stages.contract.port import Contract

KIND = 'torch-quantize'
ACCEPTS = ('torch',)
GIVES = 'torch'
TOOLS = ('torch', 'numpy', 'safetensors')
ENVIRONMENT = ''
PROGRAMS = ()
DETERMINISTIC = True
ALL_CORES = True


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


def run(params: Params, job: Job) -> Contract:
    """Write the module folder again, with the transform added and the int8 state in ``state.pt``."""
    import torch

    from stages.contract.port import contract_json
    from stages.feed.calibration import calibration
    from stages.frameworks.refusal import refusal
    from stages.frameworks.torch import examples
    from stages.frameworks.torch import folded as torch_folded
    from stages.frameworks.torch import module as torch_module
    from stages.frameworks.torch import quantized as torch_quantized

    torch.manual_seed(0)
    source = job.inputs['model']
    if any(t['kind'] == 'quantize' for t in torch_module.describe(source)['transforms']):
        msg = 'this module is quantized already; torch-quantize takes a float module'
        raise UnsupportedError(msg)
    module = torch_folded.fold(torch_module.load(source))
    contract = job.contract
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
        if contract.state:
            raise UnsupportedError(
                f'torch FX quantization records what the module keeps from call to call ({", ".join(contract.state)}) '
                'as it was in one call\nwhat to try: torch-quantize: {mode: dynamic}, or onnx, then onnx-quantize: '
                '{mode: static}'
            )
        example = examples.working(module, contract)
        transform['contract'] = contract_json(contract)
        transform['examples'] = [{'shape': list(e.shape), 'dtype': str(e.dtype).split('.')[1]} for e in example]
        feeds = calibration(job.inputs['calibrate'], contract, params.samples)
        with refusal('torch FX quantization', 'onnx, then onnx-quantize: {mode: static}; FX knows no branches'):
            changed = torch_quantized.static(
                module, contract, example, lambda prepared: _calibrate(prepared, feeds, job)
            )
        contract = torch_quantized.static_contract(module, contract, example)
    torch_module.save_transformed(job.output, source, transform, changed)
    return contract


def _calibrate(prepared: Any, feeds: list[dict[str, Any]], job: Job) -> None:
    from stages.frameworks.torch.examples import as_tensors

    for number, feed in enumerate(feeds, 1):
        prepared(*as_tensors(feed))
        job.progress(number / len(feeds), f'calibrating {number}/{len(feeds)}')
