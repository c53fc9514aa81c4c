"""An ONNX model as TVM's importer can read it: every size a number, what is constant computed, the recipe's names."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from stages.contract.port import Tensor
from stages.errors import UnsupportedError

if TYPE_CHECKING:
    import onnx

OPSET: Final = 13
"""The first operator set whose Slice, Squeeze and sums TVM reads as they are written."""

STANDARD: Final = ('', 'ai.onnx')
MICROSOFT: Final = 'com.microsoft'
FOREIGN: Final = frozenset(
    {
        'Attention',
        'BiasGelu',
        'EmbedLayerNormalization',
        'FastGelu',
        'MatMulInteger16',
        'SkipLayerNormalization',
    }
)
"""What TVM knows by ONNX Runtime's meaning; it does not look at the domain, and ONNX has an Attention of its own."""

BOTH: Final = frozenset({'Gelu'})
INLINE: Final = frozenset({'Constant', 'If'})
"""What TVM's importer reads without a converter."""


def ready(path: Path, signature: tuple[Tensor, ...], sizes: Mapping[str, int]) -> onnx.ModelProto:
    """
    Return the model in ``path`` for TVM to import: inputs as ``signature`` has them, in order, name and size.

    ONNX Runtime computes what follows from the sizes and the weights: shape arithmetic, constant conditions, Identity.
    """
    from stages.frameworks.onnx import file as onnx_file

    model = onnx_file.at_least_opset(path, OPSET)
    onnx_file.inputs_without_weights(model)
    _arrange(model, signature)
    _fix(model, signature, sizes)
    return folded(model)


def missing(model: onnx.ModelProto, known: frozenset[str]) -> list[str]:
    """Return the operators of ``model`` that TVM has no converter for; ``known`` are those that it has one for."""
    from stages.frameworks.onnx import file as onnx_file

    standard, foreign = (known - FOREIGN) | INLINE, known & (FOREIGN | BOTH)
    return sorted(
        f'{domain}.{name}' if domain else name
        for domain, name in onnx_file.operators_by_domain(model)
        if name not in (standard if domain in STANDARD else foreign if domain == MICROSOFT else ())
    )


def folded(model: onnx.ModelProto) -> onnx.ModelProto:
    """Return ``model`` as ONNX Runtime's optimizer of the first level leaves it, which uses operators of ONNX alone."""
    import onnx
    import onnxruntime as ort

    from stages.frameworks.onnx import file as onnx_file

    options = ort.SessionOptions()
    options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_ENABLE_BASIC
    options.log_severity_level = 3
    options.intra_op_num_threads = 1
    with tempfile.TemporaryDirectory() as folder:
        given, made = Path(folder, 'given.onnx'), Path(folder, 'made.onnx')
        onnx_file.write_stripped(model, given)
        options.optimized_model_filepath = str(made)
        ort.InferenceSession(str(given), options, providers=['CPUExecutionProvider'])
        result = onnx.load(made)
    onnx_file.constants_as_weights(result)
    return result


def _arrange(model: onnx.ModelProto, signature: tuple[Tensor, ...]) -> None:
    """Order and name the inputs as ``signature`` does: by name where the names agree, else by place."""
    from stages.contract import ports
    from stages.frameworks.onnx import file as onnx_file

    found = [Tensor(v.name, tuple(_dim(d) for d in v.type.tensor_type.shape.dim), '') for v in model.graph.input]
    places = ports.order(found, signature)
    onnx_file.rename(model, {found[at].name: t.name for at, t in zip(places, signature, strict=True)})
    inputs = [type(v).FromString(v.SerializeToString()) for v in model.graph.input]
    del model.graph.input[:]
    model.graph.input.extend(inputs[at] for at in places)


def _fix(model: onnx.ModelProto, signature: tuple[Tensor, ...], sizes: Mapping[str, int]) -> None:
    """Make every size of the inputs a number, and forget what was known of sizes behind them."""
    for value, tensor in zip(model.graph.input, signature, strict=True):
        dims = value.type.tensor_type.shape.dim
        for dim, size in zip(dims, tensor.sized(**sizes), strict=True):
            if dim.dim_value > 0 and dim.dim_value != size:
                raise UnsupportedError(f'{value.name}: the model is made for {dim.dim_value}, not for {size}')
            dim.dim_value = size
    del model.graph.value_info[:]
    for output in model.graph.output:
        for dim in output.type.tensor_type.shape.dim:
            dim.ClearField('dim_param')


def _dim(dim: Any) -> int | str:
    return dim.dim_value if dim.dim_value > 0 else dim.dim_param or '?'
