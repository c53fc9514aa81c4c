"""Store and compute an ONNX model in half precision; what goes in and out stays float32.

Half the size. On x86 ONNX Runtime computes most of it in float32 all the same, between casts, so expect no speed.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from stages.errors import UnsupportedError
from stages.kinds import usual

if TYPE_CHECKING:
    from stages.contract.job import Job
    from stages.contract.port import Contract

KIND = 'onnx-float16'
ACCEPTS = ('onnx',)
GIVES = 'onnx'
TOOLS = ('onnxruntime', 'onnx', 'numpy')
ENVIRONMENT = ''
PROGRAMS = ()
DETERMINISTIC = True
ASIDE = 'ONNX Runtime casts back to float32 around most operators on a CPU: half the file, and not faster'

RECURRENT = {'LSTM', 'GRU', 'RNN'}
"""ONNX Runtime 1.32 dies (signal 11) of these in half precision, and of a half Transpose beside them."""


@dataclass(frozen=True)
class Params:
    """Options of ``onnx-float16``."""

    keep: tuple[str, ...] = ()
    """Operators that stay in float32, besides those that have no half form: ``[Softmax, LayerNormalization]``."""

    insist: bool = False
    """Go on although ONNX Runtime is known to answer wrongly for an operator in the model."""


needs = usual.no_data
refuses = usual.known_wrong
host = usual.any_cpu


def precision(params: Params, before: str) -> str:
    """Leave f16."""
    return 'f16' if before == 'f32' else before


def outputs(params: Params) -> tuple[str, ...]:
    """Promise one file."""
    return ('model.onnx',)


def run(params: Params, job: Job) -> Contract:
    """Write the half-precision model; refuse one that holds no float32 weights."""
    import onnx

    from stages.frameworks.onnx import known_wrong, ports, walk
    from stages.frameworks.onnx.operators import operators
    from stages.frameworks.onnx.write import write_stripped
    from stages.frameworks.refusal import refusal

    model = onnx.load(job.inputs['model'] / 'model.onnx')
    known_wrong.refuse(model, params.insist)
    spared = {*RECURRENT, 'Transpose'} if operators(model) & RECURRENT else set()
    advice = 'onnx-float16: {keep: [the operator]}, or openvino: {compress: f16}'
    with refusal("ONNX Runtime's float16 converter", advice):
        from onnxruntime.transformers.float16 import DEFAULT_OP_BLOCK_LIST, convert_float_to_float16

        blocked = [*DEFAULT_OP_BLOCK_LIST, *sorted(spared), *params.keep]
        made = convert_float_to_float16(model, keep_io_types=True, op_block_list=blocked)
    held = {w.data_type for graph in walk.every_graph(made.graph) for w in graph.initializer}
    if onnx.TensorProto.FLOAT16 not in held:
        msg = 'nothing to convert: the model holds no float32 weights outside of the operators that must keep them'
        raise UnsupportedError(f'{msg}\nwhat to try: leave this stage out')
    for graph in walk.every_graph(made.graph):
        walk.put_in_order(graph)  # the converter appends its casts at the end
    with refusal("ONNX Runtime's float16 converter", advice):
        write_stripped(made, job.output / 'model.onnx')
    return ports.made(made, job.contract)
