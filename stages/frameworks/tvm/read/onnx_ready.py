"""An ONNX model as TVM's importer can read it: every size a number, what is constant computed, the recipe's names."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from stages.contract.port import Port
from stages.errors import UnsupportedError

if TYPE_CHECKING:
    import onnx

OPSET: Final = 13
"""The first operator set whose Slice, Squeeze and sums TVM reads as they are written."""

OF_SHAPES: Final = frozenset({'ConstantOfShape', 'Range', 'Shape', 'Size'})
"""What is gone once ONNX Runtime has computed what follows from the sizes."""

LOOPS: Final = frozenset({'Loop', 'Scan'})
"""What ONNX Runtime writes functions out with that it has no kernel for, and TVM does not know."""

ROUNDS: Final = 6
"""How often operators are written out: one function of ONNX may use another."""

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


def ready(
    path: Path,
    signature: tuple[Port, ...],
    outputs: tuple[str, ...],
    sizes: Mapping[str, int],
    known: frozenset[str] | None = None,
    insist: bool = False,
) -> onnx.ModelProto:
    """
    Return the model in ``path`` for TVM to import: inputs in the order and size of ``signature``, then ``outputs``.

    ONNX Runtime computes what follows from the sizes and the weights: shape arithmetic, constant conditions, Identity.
    What is not ``known`` is written as other operators, where ONNX says how, and so is what TVM is known to read
    wrongly; the rest of that is refused, unless we ``insist``.
    """
    from stages.frameworks.onnx import operators, opset, weights
    from stages.frameworks.tvm.read import onnx_mended

    model = opset.at_least_opset(path, OPSET)
    weights.inputs_without_weights(model)
    model.ir_version = max(model.ir_version, 4)  # before, ONNX Runtime lists the weights that it makes as inputs
    _arrange(model.graph.input, [port.name for port in signature])
    _arrange(model.graph.output, list(outputs))
    _fix(model, signature, sizes)
    model = folded(model)
    for _ in range(ROUNDS):
        lacking = [] if known is None else missing(model, known)
        before = operators.operators(model)
        model, changed = onnx_mended.mended(onnx_mended.expanded(model, lacking), insist)
        if not changed and not lacking:
            break
        model = folded(model)
        if not changed and operators.operators(model) == before:
            break
    return model


def missing(model: onnx.ModelProto, known: frozenset[str]) -> list[str]:
    """Return the operators of ``model`` that TVM has no converter for; ``known`` are those that it has one for."""
    from stages.frameworks.onnx import operators

    standard, foreign = (known - FOREIGN) | INLINE, known & (FOREIGN | BOTH)
    return sorted(
        f'{domain}.{name}' if domain else name
        for domain, name in operators.operators_by_domain(model)
        if name not in (standard if domain in STANDARD else foreign if domain == MICROSOFT else ())
    )


def folded(model: onnx.ModelProto, again: bool = True) -> onnx.ModelProto:
    """Return ``model`` as ONNX Runtime's optimizer of the first level leaves it, which uses operators of ONNX alone.

    It writes functions of ONNX out after it has computed what is constant: then it is asked ``again``. A model that it
    has no kernels for stays as it is, and so does one that it would write out in loops.
    """
    import onnx
    import onnxruntime as ort

    from stages.frameworks.onnx import operators, weights, write

    before = operators.operators(model)
    options = ort.SessionOptions()
    options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_ENABLE_BASIC
    options.log_severity_level = 3
    options.intra_op_num_threads = 1
    with tempfile.TemporaryDirectory() as folder:
        given, made = Path(folder, 'given.onnx'), Path(folder, 'made.onnx')
        write.write_stripped(model, given)
        options.optimized_model_filepath = str(made)
        try:
            ort.InferenceSession(str(given), options, providers=['CPUExecutionProvider'])
        except Exception:  # it has no kernel for an operator that TVM may well know
            result = model
        else:
            result = onnx.load(made)
    weights.constants_as_weights(result)
    more = operators.operators(result) - before
    if more & LOOPS:
        return model
    return folded(result, again=False) if again and more & OF_SHAPES else result


def _arrange(values: Any, names: Sequence[str]) -> None:
    """Bring the graph's inputs, or outputs, into the order of ``names``: TVM goes by place."""
    copies = {value.name: type(value).FromString(value.SerializeToString()) for value in values}
    if missing := [name for name in names if name not in copies]:
        raise UnsupportedError(f'the graph has no {", ".join(missing)}; it has {", ".join(copies)}')
    del values[:]
    values.extend(copies[name] for name in names or copies)


def _fix(model: onnx.ModelProto, signature: tuple[Port, ...], sizes: Mapping[str, int]) -> None:
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
    if not all(output.type.tensor_type.HasField('shape') for output in model.graph.output):
        _say_outputs(model)


def _say_outputs(model: onnx.ModelProto) -> None:
    """Say how many axes outputs have where a file leaves that out: a runtime takes it, ONNX's checker does not."""
    import onnxruntime as ort

    from stages.frameworks.tvm.read.onnx_types import light

    options = ort.SessionOptions()
    options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_DISABLE_ALL
    session = ort.InferenceSession(light(model).SerializeToString(), options, providers=['CPUExecutionProvider'])
    for value, known in zip(model.graph.output, session.get_outputs(), strict=True):
        shape = value.type.tensor_type.shape
        for size in known.shape[len(shape.dim) :]:
            shape.dim.add(**({'dim_value': size} if isinstance(size, int) else {}))
        value.type.tensor_type.shape.SetInParent()
