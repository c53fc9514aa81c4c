"""Quantize an ONNX model to int8 with ONNX Runtime."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from stages.errors import UnsupportedError
from stages.kinds import usual

if TYPE_CHECKING:
    from stages.contract.job import Job
    from stages.contract.port import Contract

KIND = 'onnx-quantize'
ACCEPTS = ('onnx',)
GIVES = 'onnx'
TOOLS = ('onnxruntime', 'onnx', 'numpy', 'sympy')
LOADS = ('onnxruntime.quantization.shape_inference', 'sympy')
ENVIRONMENT = ''
PROGRAMS = ()
DETERMINISTIC = True


@dataclass(frozen=True)
class Params:
    """Options of ``onnx-quantize``."""

    mode: Literal['dynamic', 'static'] = 'dynamic'
    """dynamic: weights, activations as they come, no data; static: fixed activation ranges, needs calibrate."""

    conv: bool = False
    """Dynamic mode: convolutions too, with unsigned weights. Small but slow: static is 3 times faster there."""

    embeddings: bool = False
    """Dynamic mode: embedding tables too. Most of a small language model is its table."""

    method: Literal['minmax', 'entropy', 'percentile'] = 'minmax'
    """Static mode: how activation ranges are chosen."""

    samples: int = 128
    """Static mode: how many calibration samples are read at most."""

    keep: tuple[str, ...] = ()
    """Names of nodes that stay float, as globs: ``[stft-*]``. The logarithm of a spectrum does not bear int8."""

    insist: bool = False
    """Go on although ONNX Runtime is known to answer wrongly for an operator in the model."""


precision = usual.int8
host = usual.any_cpu


def needs(params: Params) -> tuple[str, ...]:
    """Read calibration data in static mode."""
    return ('calibrate',) if params.mode == 'static' else ()


def outputs(params: Params) -> tuple[str, ...]:
    """Promise one file."""
    return ('model.onnx',)


def refuses(params: Params, job: Job) -> None:
    """Raise UnsupportedError where nothing of the model can become int8, or ONNX Runtime is known to be wrong."""
    import onnx

    from stages.frameworks.onnx import operators, quantizing

    usual.known_wrong(params, job)
    held = operators.operators(onnx.load(job.inputs['model'] / 'model.onnx', load_external_data=False))
    more = {name for name, asked in (('Conv', params.conv), ('Gather', params.embeddings)) if asked}
    if params.mode == 'dynamic' and not held & {*quantizing.DYNAMIC, *more}:
        raise UnsupportedError(_nothing(params.mode, held, _advice(params)))


def run(params: Params, job: Job) -> Contract:
    """Write an int8 model; refuse one in which nothing would become int8."""
    import onnx

    from stages.feed.calibration import calibration
    from stages.frameworks.onnx import known_wrong, operators, ports, quantizing, runtime
    from stages.frameworks.onnx.dynamic import dynamic
    from stages.frameworks.onnx.static import static
    from stages.frameworks.onnx.write import write_stripped
    from stages.frameworks.refusal import refusal

    source, path = job.inputs['model'] / 'model.onnx', job.output / 'model.onnx'
    before = onnx.load(source, load_external_data=False)
    known_wrong.refuse(before, params.insist)
    advice = _advice(params)
    if params.mode == 'dynamic':
        more = {name for name, asked in (('Conv', params.conv), ('Gather', params.embeddings)) if asked}
        model = dynamic(source, path, more, params.keep, advice, job.progress)
    else:
        feeds = calibration(job.inputs['calibrate'], job.contract, params.samples)
        model = static(source, path, feeds, params.method, params.keep, advice, job.progress)
    if not operators.count(model, quantizing.QUANTIZED) > operators.count(before, quantizing.QUANTIZED):
        raise UnsupportedError(_nothing(params.mode, operators.operators(before), advice))
    with refusal('ONNX Runtime quantization', runtime.advice(advice)):
        write_stripped(model, path)
        runtime.opened(path)
    return ports.made(model, job.contract)


def _advice(params: Params) -> str:
    other = 'static' if params.mode == 'dynamic' else 'dynamic'
    return f'onnx-quantize: {{mode: {other}}}, or openvino, then openvino-quantize'


def _nothing(mode: str, held: set[str], advice: str) -> str:
    listed = ', '.join(sorted(held)[:12])
    return f'nothing to quantize in {mode} mode: it holds {listed}\nwhat to try: {advice}'
