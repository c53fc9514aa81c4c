"""Convert a SavedModel or a Keras model to TFLite, in float or quantized."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from stages.errors import StepError
from stages.kinds import usual

if TYPE_CHECKING:
    from stages.contract.job import Job
    from stages.contract.port import Contract

KIND = 'tflite'
ACCEPTS = ('savedmodel', 'keras')
GIVES = 'tflite'
TOOLS = ('tensorflow-cpu', 'keras', 'ai-edge-litert', 'numpy', 'h5py')
ENVIRONMENT = ''
PROGRAMS = ()
DETERMINISTIC = True


@dataclass(frozen=True)
class Params:
    """Options of ``tflite`` from TensorFlow."""

    quantize: Literal['none', 'dynamic', 'f16', 'int8'] = 'none'
    """dynamic: int8 weights; f16: half weights; int8: activations too, needs calibrate. In and out stay float."""

    shape: Literal['dynamic', 'static'] = 'dynamic'
    """dynamic keeps the recipe's named dimensions; static fixes them (one sample, the recipe's ``sizes``, else 1),
    which XNNPACK runs best."""

    samples: int = 128
    """int8: how many calibration samples are read at most."""

    keep: tuple[str, ...] = ()
    """int8: names of what operators give that stay float, as globs: ``[*/Softmax]``. `modelkiln bisect` ranks them."""


host = usual.any_cpu


def needs(params: Params) -> tuple[str, ...]:
    """Read calibration data for int8."""
    return ('calibrate',) if params.quantize == 'int8' else ()


def precision(params: Params, before: str) -> str:
    """Leave what it quantizes to, else keep the precision."""
    return {'none': before, 'f16': 'f16', 'dynamic': 'int8', 'int8': 'int8'}[params.quantize]


def outputs(params: Params) -> tuple[str, ...]:
    """Promise one file."""
    return ('model.tflite',)


def run(params: Params, job: Job) -> Contract:
    """Write ``model.tflite``: a signature with the recipe's names, inputs and outputs in the recipe's order."""
    from stages.frameworks.tensorflow import to_tflite
    from stages.frameworks.tflite import ports

    if params.keep and params.quantize != 'int8':
        raise StepError(f'tflite: `keep` says what int8 leaves in float, and `quantize` is {params.quantize}')
    contract = job.contract.fixed() if params.shape == 'static' else job.contract
    wanted = to_tflite.Wanted(
        job.inputs['model'],
        contract,
        params.quantize,
        _advice(params),
        job.inputs.get('calibrate'),
        params.samples,
        params.keep,
    )
    made = (to_tflite.convert_apart if wanted.calibrate else to_tflite.convert)(wanted, job.progress)
    path = job.output / 'model.tflite'
    path.write_bytes(made)
    return ports.made(path, job.contract)


def _advice(params: Params) -> str:
    """Return what leads further; of a shape that is fixed already, fixing it would not."""
    ways = ['onnx or openvino straight from this format']
    ways += ['another `quantize`'] if params.quantize != 'none' else []
    ways += ['tflite: {shape: static}'] if params.shape == 'dynamic' else []
    return ', or '.join(ways)
