"""Quantize an OpenVINO model to int8 with NNCF."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from stages.errors import UnsupportedError

if TYPE_CHECKING:
    from stages.kinds.contract import Job

KIND = 'openvino-quantize'
ACCEPTS = ('openvino',)
GIVES = 'openvino'
TOOLS = ('openvino', 'nncf', 'numpy')
ENVIRONMENT = ''


@dataclass(frozen=True)
class Params:
    """Options of ``openvino-quantize``."""

    model_type: Literal['none', 'transformer'] = 'none'
    """transformer spares what costs attention its accuracy."""

    preset: Literal['performance', 'mixed'] = 'performance'
    """performance: symmetric activations; mixed: asymmetric ones, slightly closer to the source."""

    fast_bias_correction: bool = True
    """false takes seconds longer and comes slightly closer to the source."""

    subset_size: int = 300
    """How many calibration samples are read at most."""


def needs(params: Params) -> tuple[str, ...]:
    """Read calibration data."""
    return ('calibrate',)


def precision(params: Params, before: str) -> str:
    """Leave int8."""
    return 'int8'


def host(params: Params) -> bool:
    """Say whether the bytes suit one kind of CPU only."""
    return False


def outputs(params: Params) -> tuple[str, ...]:
    """Promise the graph and its weights."""
    return ('model.xml', 'model.bin')


def run(params: Params, job: Job) -> None:
    """Write the int8 IR; refuse a model in which nothing became int8."""
    import random

    import numpy as np
    import openvino as ov

    from stages.formats import openvino_quiet, samples
    from stages.formats.refusal import refusal

    openvino_quiet.telemetry_off()
    random.seed(0)
    np.random.seed(0)
    with openvino_quiet.silenced_nncf() as nncf, refusal('NNCF', 'another preset, or onnx-quantize'):
        model = ov.Core().read_model(job.inputs['model'] / 'model.xml')
        sizes = {
            port.any_name: port.partial_shape[0].get_length()
            if len(port.partial_shape) and port.partial_shape[0].is_static else 1
            for port in model.inputs
        }
        feeds = samples.feeds(job.inputs['calibrate'], sizes, params.subset_size)
        job.progress(0.0, f'calibrating with {len(feeds)} feeds')
        made = nncf.quantize(
            model,
            nncf.Dataset(feeds),
            subset_size=len(feeds),
            model_type=nncf.ModelType.TRANSFORMER if params.model_type == 'transformer' else None,
            preset=nncf.QuantizationPreset(params.preset),
            fast_bias_correction=params.fast_bias_correction,
        )
        if not any(op.get_type_name() == 'FakeQuantize' for op in made.get_ops()):
            msg = 'nothing to quantize: NNCF found no operator it could make int8\nwhat to try: leave this stage out'
            raise UnsupportedError(msg)
        ov.save_model(made, job.output / 'model.xml', compress_to_fp16=False)
