"""Build the same net with the same weights in Keras: a net of the comparison, for its torch module."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from stages.kinds import usual

if TYPE_CHECKING:
    from stages.contract.job import Job
    from stages.contract.port import Contract

KIND = 'keras-twin'
ACCEPTS = ('torch',)
GIVES = 'keras'
TOOLS = ('tensorflow-cpu', 'keras', 'h5py', 'torch', 'numpy', 'safetensors')
ENVIRONMENT = ''
PROGRAMS = ()
DETERMINISTIC = False  # Keras writes the hour into its archive


@dataclass(frozen=True)
class Params:
    """Options of ``keras-twin``."""

    net: Literal['resnet18', 'super_resolution', 'voice_recognition', 'bert_base']
    """Which net the module is, by its file in recipes/models."""


needs = usual.no_data
precision = usual.same_precision
host = usual.any_cpu


def outputs(params: Params) -> tuple[str, ...]:
    """Promise one file."""
    return ('model.keras',)


def run(params: Params, job: Job) -> Contract:
    """Write ``model.keras``; its check holds it against the module, like every step."""
    from kinds import _keras_nets, _twin
    from stages.contract.match import matched
    from stages.frameworks.tensorflow import keras_model
    from stages.frameworks.tensorflow.model import framework

    framework()
    path = job.output / 'model.keras'
    _keras_nets.NETS[params.net](_twin.weights(job)).save(path)
    return matched(path.name, keras_model.load(path).found, _twin.asked(job.contract))
