"""The table of kinds: what can be done to a model. One file each; adding one is a file and a line here.

The word a recipe writes may have several files, one for each format it starts from. Others add rows: ``stages.others``.
"""

from __future__ import annotations

import importlib
import sys
from typing import Final, cast

from stages import others
from stages.contract.kind import Kind
from stages.errors import ToolError
from stages.kinds import (
    aoti,
    coreml,
    exported,
    exported_from_transformers,
    onnx,
    onnx_float16,
    onnx_from_caffe,
    onnx_from_caffe2,
    onnx_from_coreml,
    onnx_from_darknet,
    onnx_from_exported,
    onnx_from_jax,
    onnx_from_mxnet,
    onnx_from_oneflow,
    onnx_from_paddle,
    onnx_from_sklearn,
    onnx_from_tensorflow,
    onnx_from_tflite,
    onnx_from_trees,
    onnx_fuse,
    onnx_optimize,
    onnx_plain,
    onnx_quantize,
    onnx_weights,
    openvino_from_onnx,
    openvino_from_paddle,
    openvino_from_tensorflow,
    openvino_from_tflite,
    openvino_from_torch,
    openvino_quantize,
    openvino_weights,
    ort,
    tflite,
    tflite_from_torch,
    torch_prune,
    torch_quantize,
    torchscript,
    tvm,
    tvm_from_exported,
    tvm_tune,
)

OURS: Final[dict[str, tuple[Kind, ...]]] = {
    'torchscript': (torchscript,),
    'torch-quantize': (torch_quantize,),
    'torch-prune': (torch_prune,),
    'exported': (exported, exported_from_transformers),
    'aoti': (aoti,),
    'onnx': (
        onnx, onnx_from_exported, onnx_from_tensorflow, onnx_from_tflite, onnx_from_paddle, onnx_from_caffe,
        onnx_from_darknet, onnx_from_caffe2, onnx_from_mxnet, onnx_from_oneflow, onnx_from_coreml,
        onnx_from_trees,
        onnx_from_sklearn,
        onnx_from_jax,
    ),
    'coreml': (coreml,),
    'onnx-optimize': (onnx_optimize,),
    'onnx-plain': (onnx_plain,),
    'onnx-fuse': (onnx_fuse,),
    'onnx-float16': (onnx_float16,),
    'onnx-quantize': (onnx_quantize,),
    'onnx-weights': (onnx_weights,),
    'ort': (ort,),
    'openvino': (
        openvino_from_onnx, openvino_from_torch, openvino_from_tensorflow, openvino_from_tflite, openvino_from_paddle,
    ),
    'openvino-quantize': (openvino_quantize,),
    'openvino-weights': (openvino_weights,),
    'tflite': (tflite, tflite_from_torch),
    'tvm-tune': (tvm_tune,),
    'tvm': (tvm, tvm_from_exported),
}  # fmt: skip


class Kinds(others.Table[tuple[Kind, ...]]):
    """The table: behind the rows of ours those of others, who may also teach a word of ours another format."""

    def __getitem__(self, word: str) -> tuple[Kind, ...]:
        more = [self._loaded(offer) for offer in others.offers(self.group) if offer.word == word]
        if word not in self.ours and not more:
            raise KeyError(word)
        return (*self.ours.get(word, ()), *(kind for row in more for kind in row))


def _loaded(offer: others.Offer) -> tuple[Kind, ...]:
    """Return the kind that is offered. Raises ToolError where it is none, or the same as another."""
    kind = cast('Kind', others.load(offer, others.names_of(Kind), 'KIND'))
    for other in OURS.get(offer.word, ()):
        if both := {*kind.ACCEPTS} & {*other.ACCEPTS}:
            raise ToolError(f'{offer.word} of {offer.origin} takes {", ".join(sorted(both))}, and so does ours')
    twins = [o for o in others.offers('kinds') if o.word == offer.word and o != offer]
    for other in (importlib.import_module(o.module) for o in twins if o.module in sys.modules):
        if both := {*kind.ACCEPTS} & {*getattr(other, 'ACCEPTS', ())}:
            where = ' and '.join(o.origin for o in (offer, *twins))
            raise ToolError(f'{offer.word} takes {", ".join(sorted(both))} twice: {where}; keep one of them')
    if kind.ENVIRONMENT and not offer.module.startswith(f'{others.FOLDER}.'):
        raise ToolError(f'{offer.word} of {offer.origin}: a package is not in the locked {kind.ENVIRONMENT}; say none')
    return (kind,)


KINDS: Final = Kinds('kinds', OURS, _loaded)


def kind_for(word: str, format: str) -> Kind | None:
    """Return the kind that ``word`` means when the model comes in ``format``; None when it takes other formats."""
    ours = next((kind for kind in OURS.get(word, ()) if format in kind.ACCEPTS), None)
    return ours or next((kind for kind in KINDS[word] if format in kind.ACCEPTS), None)


def formats_of(word: str) -> tuple[str, ...]:
    """Return every format that ``word`` takes."""
    return tuple(format for kind in KINDS[word] for format in kind.ACCEPTS)
