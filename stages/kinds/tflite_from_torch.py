"""Convert a PyTorch module to TFLite, without TensorFlow."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from stages.kinds import usual

if TYPE_CHECKING:
    from stages.contract.job import Job
    from stages.contract.port import Contract

KIND = 'tflite'
ACCEPTS = ('torch',)
GIVES = 'tflite'
TOOLS = ('litert-torch', 'litert-converter', 'torch', 'numpy', 'safetensors')
ENVIRONMENT = 'litert-torch'
PROGRAMS = ()
DETERMINISTIC = True


@dataclass(frozen=True)
class Params:
    """Options of ``tflite``."""

    batch: int = 1
    """Size of the batch: the format's shapes are fixed. Other named dimensions have the recipe's ``sizes``, else 1."""


needs = usual.no_data
precision = usual.same_precision
host = usual.any_cpu


def outputs(params: Params) -> tuple[str, ...]:
    """Promise one file."""
    return ('model.tflite',)


def run(params: Params, job: Job) -> Contract:
    """Write ``model.tflite``; inputs and outputs go by place, in the layout of the module (channels first)."""
    import litert_torch
    import torch

    from stages.frameworks.refusal import deprecations_silenced, refusal
    from stages.frameworks.tflite import ports
    from stages.frameworks.torch import module as torch_module
    from stages.frameworks.torch.converted import named_alone, tensors_only

    path = job.output / 'model.tflite'
    module, contract, example = tensors_only(torch_module.load(job.inputs['model']), job.contract, False, params.batch)
    # with an LSTM it is at work for minutes: each time step becomes operators of its own
    with torch.no_grad(), deprecations_silenced(), refusal('litert-torch', 'onnx, or openvino, from this module'):
        litert_torch.convert(module, example).export(str(path))
    return ports.made(path, named_alone(contract))
