"""Store the weights of an ONNX model's matrix products in 8 or 4 bits; activations stay float."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from stages.errors import UnsupportedError
from stages.kinds import usual

if TYPE_CHECKING:
    from stages.contract.job import Job
    from stages.contract.port import Contract

KIND = 'onnx-weights'
ACCEPTS = ('onnx',)
GIVES = 'onnx'
TOOLS = ('onnxruntime', 'onnx', 'numpy')
ENVIRONMENT = ''
PROGRAMS = ()
DETERMINISTIC = True
ASIDE = 'it saves memory; it is faster where memory is the limit, as in large language models'


@dataclass(frozen=True)
class Params:
    """Options of ``onnx-weights``."""

    bits: Literal[8, 4] = 8
    """4 is half as large again, and further from the source."""

    block: Literal[16, 32, 64, 128, 256] = 32
    """How many weights of a column share one scale: fewer come closer to the source and take more room."""

    symmetric: bool = True
    """false adds a zero point per block: slightly closer and slower."""

    compute: Literal['int8', 'f32'] = 'int8'
    """What the product itself is computed in; int8 rounds activations as they come, and is faster."""

    insist: bool = False
    """Go on although ONNX Runtime is known to answer wrongly for an operator in the model."""


needs = usual.no_data
refuses = usual.known_wrong
host = usual.any_cpu


def precision(params: Params, before: str) -> str:
    """Leave int8 or int4; a pruned model stays one."""
    return before if before == 'pruned' else f'int{params.bits}'


def outputs(params: Params) -> tuple[str, ...]:
    """Promise one file."""
    return ('model.onnx',)


def run(params: Params, job: Job) -> Contract:
    """Write the model with packed weights; refuse one that has no product with a fixed matrix."""
    import onnx

    from stages.frameworks.onnx import known_wrong, names, ports
    from stages.frameworks.onnx.gemm import as_products
    from stages.frameworks.onnx.operators import operators
    from stages.frameworks.onnx.weights import one_of_each
    from stages.frameworks.onnx.write import write_stripped
    from stages.frameworks.refusal import refusal

    source = onnx.load(job.inputs['model'] / 'model.onnx')
    known_wrong.refuse(source, params.insist)
    held = operators(source)
    as_products(source)
    names.name_nodes(source)
    advice = 'onnx-quantize: {mode: static} for a net of convolutions, or leave this stage out'
    with refusal("ONNX Runtime's weight quantizer", advice):
        from onnxruntime.quantization import matmul_nbits_quantizer

        matmul_nbits_quantizer.logger.setLevel('WARNING')  # else two lines for every node
        quantizer = matmul_nbits_quantizer.MatMulNBitsQuantizer(
            source,
            bits=params.bits,
            block_size=params.block,
            is_symmetric=params.symmetric,
            accuracy_level=4 if params.compute == 'int8' else 1,
        )
        quantizer.process()
    made = quantizer.model.model
    if 'MatMulNBits' not in operators(made):
        msg = f'nothing to quantize: no product with a fixed matrix; the model holds {", ".join(sorted(held)[:12])}'
        raise UnsupportedError(f'{msg}\nwhat to try: {advice}')
    one_of_each(made)  # it packs a matrix once for each layer that shares it, all by one name
    with refusal("ONNX Runtime's weight quantizer", advice):
        write_stripped(made, job.output / 'model.onnx')
    return ports.made(made, job.contract)
