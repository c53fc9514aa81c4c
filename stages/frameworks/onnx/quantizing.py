"""What ONNX Runtime's quantizers ask for, and whether what they made can be run."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from stages.frameworks.onnx import runtime, walk
from stages.frameworks.onnx.weights import STANDARD

if TYPE_CHECKING:
    import onnx

MICROSOFT = 'com.microsoft'
QUANTIZED = {
    'QuantizeLinear', 'DequantizeLinear', 'DynamicQuantizeLinear', 'DynamicQuantizeLSTM', 'DynamicQuantizeMatMul',
    'MatMulInteger', 'MatMulIntegerToFloat', 'ConvInteger', 'QAttention',
}  # fmt: skip
"""Operators of what is quantized; one more of them shows that something became int8."""

DYNAMIC = frozenset({'MatMul', 'Gemm', 'LSTM', 'Attention'})
"""What dynamic quantization makes int8 unless told otherwise."""
OWNERS = {'Attention': (MICROSOFT,)}
"""Whose operator the quantizer means where it is not ONNX's own; it does not look, and ONNX 23 has an Attention too."""


def dynamic(source: Path, path: Path, operators: list[str], kept: list[str], unsigned: bool) -> None:
    """Quantize the weights of ``operators`` in ``source``, but for the nodes ``kept``; write ``path``."""
    from onnxruntime.quantization import QuantType, quantize_dynamic

    quantize_dynamic(
        source,
        path,
        # signed weights make MatMul fastest, but a signed ConvInteger is 3 to 7 times slower than float
        weight_type=QuantType.QUInt8 if unsigned else QuantType.QInt8,
        op_types_to_quantize=operators,
        # a scale per channel: MiniLM's rank correlation is 0.72 with it and 0.69 without, of 0.73
        per_channel=not unsigned,
        nodes_to_exclude=kept,
        extra_options={'DefaultTensorType': 1},  # float32: fused operators tell no type
    )


def mended(path: Path, source: onnx.ModelProto) -> onnx.ModelProto:
    """
    Return the quantized model in ``path`` as it should be, and write it there.

    The quantizers sort nodes, and drop weights, without a look at what only graphs inside the graph take.
    """
    import onnx

    model = onnx.load(path)
    lost = walk.used(model.graph) - walk.defined(model.graph)
    model.graph.initializer.extend(weight for weight in source.graph.initializer if weight.name in lost)
    for graph in walk.every_graph(model.graph):
        walk.put_in_order(graph)
    onnx.save(model, path)
    return model


def foreign(model: onnx.ModelProto, operators: set[str]) -> list[str]:
    """
    Return the nodes that the quantizer would take for others than they are.

    Operators of another domain, and recurrent ones with the batch first: their int8 form knows no such layout, and
    answers wrongly without a word.
    """
    return [
        node.name
        for node in walk.nodes(model.graph)
        if node.op_type in operators
        and (
            node.domain not in OWNERS.get(node.op_type, STANDARD)
            or any(attribute.name == 'layout' and attribute.i for attribute in node.attribute)
        )
    ]


def feed_that_runs(path: Path) -> dict[str, Any] | None:
    """Return made-up inputs that the float model can be run with; None when it takes no such ones."""
    try:
        session = runtime.opened(path, 'basic')
        for size in (2, 32):
            with contextlib.suppress(Exception):  # sizes or values that this model does not take
                feed = runtime.made_up(session, size)
                session.run(None, feed)
                return feed
    except Exception:  # it is refused later, with the runtime's words
        return None
    return None


def culprit(words: str, model: onnx.ModelProto, operators: set[str], kept: list[str]) -> str | None:
    """Return the node of ``model`` whose int8 form ``words`` name: that form is called after the node or its output."""
    found = [
        (len(word), node.name)
        for node in walk.nodes(model.graph)
        if node.op_type in operators and node.name not in kept
        for word in (node.name, *node.output)
        if word and re.search(rf'(?<![\w./]){re.escape(word)}(?=_quant|_output|_matmul|_MatMul|[^\w./]|$)', words)
    ]
    return max(found)[1] if found else None


def write_with_shapes(model: onnx.ModelProto, path: Path) -> None:
    """Write ``model`` as ONNX Runtime wants it before static quantization: shapes inferred, constants folded."""
    import onnx
    from onnxruntime.quantization.shape_inference import quant_pre_process

    plain = path.with_suffix('.plain')
    onnx.save(model, plain)  # a file: given a model it moves weights outside and then cannot infer from them
    try:
        quant_pre_process(plain, path)
    except Exception:  # some transformers: 'Incomplete symbolic shape inference'
        quant_pre_process(plain, path, skip_symbolic_shape=True)
    plain.unlink()


def reader(feeds: list[dict[str, Any]], progress: Callable[[float, str], None]) -> Any:
    """Return ``feeds`` as the reader that ONNX Runtime's calibration asks for."""
    from onnxruntime.quantization import CalibrationDataReader

    class Reader(CalibrationDataReader):  # type: ignore[misc]
        def __init__(self) -> None:
            self.done = 0

        def get_next(self) -> dict[str, Any] | None:
            if self.done == len(feeds):
                return None
            self.done += 1
            progress(self.done / len(feeds), f'calibrating {self.done}/{len(feeds)}')
            return feeds[self.done - 1]

    return Reader()
