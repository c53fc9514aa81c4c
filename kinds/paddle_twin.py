"""Build the same net with the same weights in PaddlePaddle: a net of the comparison, for its torch module."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from stages.kinds import usual

if TYPE_CHECKING:
    from stages.contract.job import Job
    from stages.contract.port import Contract

KIND = 'paddle-twin'
ACCEPTS = ('torch',)
GIVES = 'paddle'
TOOLS = ('paddlepaddle', 'torch', 'numpy', 'safetensors')
ENVIRONMENT = ''
PROGRAMS = ()
DETERMINISTIC = True


@dataclass(frozen=True)
class Params:
    """Options of ``paddle-twin``."""

    net: Literal['resnet18', 'super_resolution', 'voice_recognition', 'bert_base']
    """Which net the module is, by its file in recipes/models."""


needs = usual.no_data
precision = usual.same_precision
host = usual.any_cpu


def outputs(params: Params) -> tuple[str, ...]:
    """Promise a graph and its weights."""
    return ('model.json', 'model.pdiparams')


def run(params: Params, job: Job) -> Contract:
    """Write an inference model; its check holds it against the module, like every step."""
    import paddle
    from paddle.static import InputSpec

    from kinds import _paddle_nets, _twin
    from stages.contract.match import matched
    from stages.frameworks.paddle import ports

    layer = _paddle_nets.NETS[params.net](_twin.weights(job))
    layer.eval()
    specs = [
        InputSpec([None if isinstance(size, str) else size for size in port.shape], port.dtype, port.name)
        for port in job.contract.inputs
    ]
    paddle.jit.save(layer, str(job.output / 'model'), input_spec=specs)
    return matched('model.json', ports.read(job.output / 'model.json'), _twin.asked(job.contract))
