"""The table of engines: what can run a model. One file each; adding one is a file and a line here."""

from __future__ import annotations

from typing import Final, cast

from stages import others
from stages.contract.engine import Engine
from stages.engines import (
    aotinductor,
    jax,
    lightgbm,
    litert,
    mxnet,
    oneflow,
    onnxruntime,
    opencv,
    openvino,
    paddle,
    reader,
    sklearn,
    tensorflow,
    torch,
    torchscript,
    transformers,
    tvm,
    xgboost,
)
from stages.engines.bare import use

__all__ = ['ENGINES', 'engine_for', 'use']

OURS: Final[dict[str, Engine]] = {
    torch.ENGINE: torch,
    torchscript.ENGINE: torchscript,
    jax.ENGINE: jax,
    transformers.ENGINE: transformers,
    onnxruntime.ENGINE: onnxruntime,
    openvino.ENGINE: openvino,
    tensorflow.ENGINE: tensorflow,
    litert.ENGINE: litert,
    paddle.ENGINE: paddle,
    opencv.ENGINE: opencv,
    reader.ENGINE: reader,
    mxnet.ENGINE: mxnet,
    oneflow.ENGINE: oneflow,
    aotinductor.ENGINE: aotinductor,
    tvm.ENGINE: tvm,
    xgboost.ENGINE: xgboost,
    lightgbm.ENGINE: lightgbm,
    sklearn.ENGINE: sklearn,
}


def _loaded(offer: others.Offer) -> Engine:
    return cast('Engine', others.load(offer, others.names_of(Engine), 'ENGINE'))


ENGINES: Final = others.Table('engines', OURS, _loaded)


def engine_for(format: str) -> Engine | None:
    """Return the engine that runs ``format``; None for one that only leads to others."""
    ours = next((e for e in OURS.values() if format in e.RUNS), None)
    return ours or next((e for e in ENGINES.values() if format in e.RUNS), None)
