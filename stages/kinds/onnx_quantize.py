"""Quantize an ONNX model to int8 with ONNX Runtime."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from stages.errors import UnsupportedError
from stages.kinds import usual

if TYPE_CHECKING:
    import onnx

    from stages.contract.job import Job
    from stages.contract.port import Contract

KIND = 'onnx-quantize'
ACCEPTS = ('onnx',)
GIVES = 'onnx'
TOOLS = ('onnxruntime', 'onnx', 'numpy', 'sympy')
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

    from stages.frameworks.onnx import known_wrong, operators, ports, quantizing, runtime
    from stages.frameworks.onnx.dynamic import dynamic
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
        model = _static(params, job, source, path, advice)
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


def _static(params: Params, job: Job, source: Path, path: Path, advice: str) -> onnx.ModelProto:
    import onnx
    from onnxruntime.quantization import CalibrationMethod, QuantFormat, QuantType, quantize_static

    from stages.feed.calibration import calibration
    from stages.frameworks.onnx import operators, opset, quantizing
    from stages.frameworks.refusal import refusal

    model = opset.at_least_opset(source, 13)  # the first that knows a scale per channel
    operators.named(model, params.keep)
    feeds = calibration(job.inputs['calibrate'], job.contract, params.samples)
    with tempfile.TemporaryDirectory() as folder:
        ready = Path(folder, 'ready.onnx')
        with refusal('ONNX Runtime quantization', advice):
            quantizing.write_with_shapes(model, ready)
        shaped = onnx.load(ready)
        kept = operators.named(shaped, params.keep)
        onnx.save(shaped, ready)
        with refusal('ONNX Runtime quantization', advice):
            quantize_static(
                ready, path, quantizing.reader(feeds, job.progress), quant_format=QuantFormat.QDQ, per_channel=True,
                nodes_to_exclude=kept, weight_type=QuantType.QInt8, activation_type=QuantType.QUInt8,  # S8S8 is slower
                calibrate_method=next(m for m in CalibrationMethod if m.name.lower() == params.method),
            )  # fmt: skip
    return quantizing.mended(path, shaped)
