"""The table of sources: in what form a trained model may come. One file each; adding one is a file and a line here."""

from __future__ import annotations

from typing import Final, cast

from stages import others
from stages.contract.source import Source
from stages.sources import (
    caffe,
    caffe2,
    coreml,
    darknet,
    exported,
    jax,
    keras,
    lightgbm,
    mxnet,
    oneflow,
    onnx,
    paddle,
    savedmodel,
    sklearn,
    tflite,
    torch,
    torchscript,
    transformers,
    xgboost,
)

OURS: Final[dict[str, Source]] = {
    'torch': torch,
    'jax': jax,
    'transformers': transformers,
    'torchscript': torchscript,
    'exported': exported,
    'savedmodel': savedmodel,
    'keras': keras,
    'tflite': tflite,
    'paddle': paddle,
    'caffe': caffe,
    'darknet': darknet,
    'caffe2': caffe2,
    'mxnet': mxnet,
    'oneflow': oneflow,
    'coreml': coreml,
    'onnx': onnx,
    'xgboost': xgboost,
    'lightgbm': lightgbm,
    'sklearn': sklearn,
}


def _loaded(offer: others.Offer) -> Source:
    needs = ('KIND', 'TOOLS', 'ENVIRONMENT', 'FORMAT', 'Params', 'outputs', 'run', 'original')
    return cast('Source', others.load(offer, needs, 'FORMAT'))


SOURCES: Final = others.Table('sources', OURS, _loaded)
"""By format, which is also the word a recipe writes below ``source``; a source of others calls it ``FORMAT``."""
