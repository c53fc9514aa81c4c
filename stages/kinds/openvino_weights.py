"""Compress the weights of an OpenVINO model to 8 or 4 bits with NNCF; activations stay float."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from stages.errors import UnsupportedError
from stages.kinds import usual

if TYPE_CHECKING:
    from stages.contract.job import Job
    from stages.contract.port import Contract

KIND = 'openvino-weights'
ACCEPTS = ('openvino',)
GIVES = 'openvino'
TOOLS = ('openvino', 'nncf', 'numpy')
ENVIRONMENT = ''
PROGRAMS = ()
DETERMINISTIC = True
ASIDE = 'it saves memory; it is faster where memory is the limit, as in large language models'


@dataclass(frozen=True)
class Params:
    """Options of ``openvino-weights``."""

    mode: Literal['int8_asym', 'int8_sym', 'int4_sym', 'int4_asym'] = 'int8_asym'
    """sym has no zero points: smaller and slightly faster, slightly further from the source."""

    ratio: float = 1.0
    """int4: which part of the layers becomes int4; the others, the most sensitive ones, become int8."""

    group: int = 64
    """int4: how many weights share one scale; -1 is a whole channel."""

    all_layers: bool = False
    """int4: embeddings and the last layer too, which else stay int8."""


needs = usual.no_data
host = usual.any_cpu


def precision(params: Params, before: str) -> str:
    """Leave int8 or int4; a pruned model stays one."""
    return before if before == 'pruned' else params.mode.partition('_')[0]


def outputs(params: Params) -> tuple[str, ...]:
    """Promise the graph and its weights."""
    return ('model.xml', 'model.bin')


def run(params: Params, job: Job) -> Contract:
    """Write the compressed IR; refuse a model in which nothing was compressed."""
    import openvino as ov

    from stages.frameworks.openvino import ports
    from stages.frameworks.openvino import quiet as openvino_quiet
    from stages.frameworks.refusal import refusal

    openvino_quiet.telemetry_off()
    four = params.mode.startswith('int4')
    advice = 'another group (it must divide the width of every layer), mode: int8_asym, or openvino-quantize'
    with openvino_quiet.silenced_nncf() as nncf, refusal('NNCF', advice):
        model = ov.Core().read_model(job.inputs['model'] / 'model.xml')
        before = _packed(model)
        made = nncf.compress_weights(
            model,
            mode=nncf.CompressWeightsMode(params.mode),
            **({'ratio': params.ratio, 'group_size': params.group, 'all_layers': params.all_layers} if four else {}),
        )
        if _packed(made) == before:
            msg = 'nothing to compress: NNCF found no layer whose weights it could pack\nwhat to try: openvino-quantize'
            raise UnsupportedError(msg)
        contract = ports.made(made, job.contract)
        ov.save_model(made, job.output / 'model.xml', compress_to_fp16=False)
        return contract


def _packed(model: Any) -> int:
    """Count constants of 8 and 4 bits."""
    found = (op.get_element_type().get_type_name() for op in model.get_ops() if op.get_type_name() == 'Constant')
    return sum(name in ('i8', 'u8', 'i4', 'u4') for name in found)
