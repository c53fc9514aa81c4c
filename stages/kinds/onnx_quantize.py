"""Quantize an ONNX model to int8 with ONNX Runtime."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from stages.errors import UnsupportedError
from stages.kinds import usual

if TYPE_CHECKING:
    from stages.contract.kind import Job

KIND = 'onnx-quantize'
ACCEPTS = ('onnx',)
GIVES = 'onnx'
TOOLS = ('onnxruntime', 'onnx', 'numpy', 'sympy')
ENVIRONMENT = ''

DYNAMIC_OPERATORS = ['MatMul', 'Gemm', 'LSTM', 'Attention']
QUANTIZED = {'QuantizeLinear', 'DynamicQuantizeLinear', 'DynamicQuantizeLSTM', 'QAttention', 'DynamicQuantizeMatMul'}


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


precision = usual.int8
host = usual.any_cpu


def needs(params: Params) -> tuple[str, ...]:
    """Read calibration data in static mode."""
    return ('calibrate',) if params.mode == 'static' else ()


def outputs(params: Params) -> tuple[str, ...]:
    """Promise one file."""
    return ('model.onnx',)


def run(params: Params, job: Job) -> None:
    """Write an int8 model; refuse one in which nothing would become int8."""
    import onnx

    from stages.frameworks.onnx import file as onnx_file
    from stages.frameworks.refusal import refusal

    source, path = job.inputs['model'] / 'model.onnx', job.output / 'model.onnx'
    advice = 'onnx-quantize: {mode: static} or {mode: dynamic}, or openvino, then openvino-quantize'
    with refusal('ONNX Runtime quantization', advice):
        quantize = _dynamic if params.mode == 'dynamic' else _static
        quantize(params, job, source, path)
        model = onnx.load(path)
        onnx_file.write_stripped(model, path)
        onnx_file.open_once(path)
    if not onnx_file.operators(model) & QUANTIZED:
        held = ', '.join(sorted(onnx_file.operators(onnx.load(source)))[:12])
        raise UnsupportedError(f'nothing to quantize in {params.mode} mode: it holds {held}\nwhat to try: {advice}')


def _dynamic(params: Params, job: Job, source: Path, path: Path) -> None:
    from onnxruntime.quantization import QuantType, quantize_dynamic

    from stages.frameworks.onnx import file as onnx_file

    # signed weights make MatMul fastest, but a signed ConvInteger is 3 to 7 times slower than float
    kind = QuantType.QUInt8 if params.conv else QuantType.QInt8
    wanted = [*DYNAMIC_OPERATORS, *['Conv'] * params.conv, *['Gather'] * params.embeddings]
    # a scale per channel: MiniLM's rank correlation is 0.72 with it and 0.69 without, of 0.73
    quantize_dynamic(
        source,
        path,
        weight_type=kind,
        op_types_to_quantize=wanted,
        per_channel=not params.conv,
        nodes_to_exclude=onnx_file.named(source, params.keep),
        extra_options={'DefaultTensorType': 1},  # float32: fused operators tell no type
    )


def _static(params: Params, job: Job, source: Path, path: Path) -> None:
    from onnxruntime.quantization import CalibrationMethod, QuantFormat, QuantType, quantize_static

    from stages.feed import calibration as samples
    from stages.frameworks.onnx import file as onnx_file

    model = onnx_file.at_least_opset(source, 13)  # the first that knows a scale per channel
    feeds = samples.feeds(job.inputs['calibrate'], onnx_file.real_inputs(model), params.samples)
    with tempfile.TemporaryDirectory() as folder:
        ready = Path(folder, 'ready.onnx')
        onnx_file.write_with_shapes(model, ready)
        quantize_static(
            ready,
            path,
            onnx_file.reader(feeds, job.progress),
            quant_format=QuantFormat.QDQ,
            per_channel=True,
            activation_type=QuantType.QUInt8,
            weight_type=QuantType.QInt8,  # S8S8, the default, is 2 to 3 times slower
            calibrate_method=next(m for m in CalibrationMethod if m.name.lower() == params.method),
            nodes_to_exclude=onnx_file.named(ready, params.keep),
        )
