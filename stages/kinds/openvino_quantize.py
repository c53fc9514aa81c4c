"""Quantize an OpenVINO model to int8 with NNCF."""

from __future__ import annotations

import fnmatch
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from stages.errors import UnsupportedError
from stages.kinds import usual

if TYPE_CHECKING:
    from stages.contract.job import Job
    from stages.contract.port import Contract

KIND = 'openvino-quantize'
ACCEPTS = ('openvino',)
GIVES = 'openvino'
TOOLS = ('openvino', 'nncf', 'numpy')
ENVIRONMENT = ''
PROGRAMS = ()
DETERMINISTIC = True
ALL_CORES = True


@dataclass(frozen=True)
class Params:
    """Options of ``openvino-quantize``."""

    mode: Literal['plain', 'accuracy'] = 'plain'
    """accuracy takes operators back to float, the most harmful first, until ``max_drop`` holds. It takes minutes."""

    max_drop: float = 0.01
    """Accuracy mode: how far below 1 the likeness (cosine) to the float model may fall, on calibration data."""

    model_type: Literal['none', 'transformer'] = 'none'
    """transformer spares what costs attention its accuracy."""

    preset: Literal['performance', 'mixed'] = 'performance'
    """performance: symmetric activations; mixed: asymmetric ones, slightly closer to the source."""

    fast_bias_correction: bool = True
    """false takes seconds longer and comes slightly closer to the source."""

    subset_size: int = 300
    """How many calibration samples are read at most."""

    keep: tuple[str, ...] = ()
    """Names of operators that stay float, as globs: ``[stft-*]``. The logarithm of a spectrum does not bear int8."""


precision = usual.int8
host = usual.any_cpu


def needs(params: Params) -> tuple[str, ...]:
    """Read calibration data."""
    return ('calibrate',)


def outputs(params: Params) -> tuple[str, ...]:
    """Promise the graph and its weights."""
    return ('model.xml', 'model.bin')


def run(params: Params, job: Job) -> Contract:
    """Write the int8 IR; refuse a model in which nothing became int8."""
    import random

    import numpy as np
    import openvino as ov

    from stages.feed.calibration import calibration
    from stages.frameworks.openvino import likeness, ports, quiet
    from stages.frameworks.refusal import refusal

    quiet.telemetry_off()
    random.seed(0)
    np.random.seed(0)
    model = ov.Core().read_model(job.inputs['model'] / 'model.xml')
    places = ports.places(model.inputs, [port.name for port in job.contract.inputs], 'input')
    given = calibration(job.inputs['calibrate'], job.contract, params.subset_size)
    # by place: a port may bear several names
    feeds = [dict(zip(places, feed.values(), strict=True)) for feed in given]
    job.progress(0.0, f'calibrating with {len(feeds)} feeds')
    with quiet.silenced_nncf() as nncf:
        data, options = nncf.Dataset(feeds), {
            'subset_size': len(feeds),
            'model_type': nncf.ModelType.TRANSFORMER if params.model_type == 'transformer' else None,
            'preset': nncf.QuantizationPreset(params.preset),
            'fast_bias_correction': params.fast_bias_correction,
            'ignored_scope': nncf.IgnoredScope(patterns=[fnmatch.translate(glob) for glob in params.keep]),
        }  # fmt: skip
        with refusal('NNCF', 'another preset, openvino-weights, or leave this stage out'):
            if params.mode == 'accuracy':
                judge = likeness.judge(model, feeds)
                made = nncf.quantize_with_accuracy_control(
                    model, data, data, judge, max_drop=params.max_drop, **options
                )
            else:
                made = nncf.quantize(model, data, **options)
    if not any(op.get_type_name() == 'FakeQuantize' for op in made.get_ops()):
        bound = f'within max_drop {params.max_drop}' if params.mode == 'accuracy' else 'at all'
        msg = f'nothing to quantize: NNCF could make no operator int8 {bound}\nwhat to try: leave this stage out'
        raise UnsupportedError(msg)
    contract = ports.made(made, job.contract)
    ov.save_model(made, job.output / 'model.xml', compress_to_fp16=False)
    return contract
