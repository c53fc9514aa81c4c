"""Fuse the parts of a transformer (attention, embedding, layer normalization) into single operators of ONNX Runtime."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from stages.errors import UnsupportedError
from stages.kinds import usual

if TYPE_CHECKING:
    from stages.contract.job import Job
    from stages.contract.port import Contract

KIND = 'onnx-fuse'
ACCEPTS = ('onnx',)
GIVES = 'onnx'
TOOLS = ('onnxruntime', 'onnx', 'numpy', 'sympy')
ENVIRONMENT = ''
PROGRAMS = ()
DETERMINISTIC = True
ASIDE = 'for transformers: it finds attention and normalization, and refuses a model without'

ATTENTION = {'Attention', 'MultiHeadAttention', 'DecoderMaskedMultiHeadAttention', 'QAttention'}


@dataclass(frozen=True)
class Params:
    """Options of ``onnx-fuse``."""

    model_type: Literal['bert', 'gpt2', 't5', 'vit', 'swin', 'clip', 'conformer'] = 'bert'
    """Which patterns are looked for."""

    heads: int = 0
    """Attention heads; 0 reads them from the graph."""

    hidden: int = 0
    """Width of the hidden state; 0 reads it from the graph."""

    partial: bool = False
    """true accepts a model whose attention stays as it is, when something else was fused."""

    insist: bool = False
    """Go on although ONNX Runtime is known to answer wrongly for an operator in the model."""


needs = usual.no_data
precision = usual.same_precision
refuses = usual.known_wrong
host = usual.any_cpu


def outputs(params: Params) -> tuple[str, ...]:
    """Promise one file."""
    return ('model.onnx',)


def run(params: Params, job: Job) -> Contract:
    """Write the fused model; refuse one in which nothing, or no attention, could be fused."""
    import onnx

    from stages.frameworks.onnx import known_wrong, names, ports, walk
    from stages.frameworks.onnx.write import write_stripped
    from stages.frameworks.refusal import refusal

    source = onnx.load(job.inputs['model'] / 'model.onnx')
    known_wrong.refuse(source, params.insist)
    inputs = [type(value).FromString(value.SerializeToString()) for value in source.graph.input]
    names.name_nodes(source)  # the optimizer tells nodes apart by their names
    advice = 'another model_type, or leave this stage out: ONNX Runtime fuses the rest on load'
    with refusal("ONNX Runtime's transformer optimizer", advice):
        from onnxruntime.transformers import fusion_options, optimizer

        logging.getLogger('onnxruntime.transformers').setLevel('ERROR')  # it reports what it does not find
        options = fusion_options.FusionOptions(params.model_type)
        options.use_raw_attention_mask()  # else a mask becomes a length: wrong wherever padding is not at the end
        made = optimizer.optimize_model(
            source,
            params.model_type,
            num_heads=params.heads,
            hidden_size=params.hidden,
            opt_level=0,
            optimization_options=options,
        )
    fused = {name: n for name, n in made.get_fused_operator_statistics().items() if n}
    if not fused or not (params.partial or ATTENTION & fused.keys()):
        found = ', '.join(f'{n} {name}' for name, n in fused.items()) or 'nothing'
        msg = f'no attention was fused (fused: {found}): its pattern is known only as the older exporter writes it'
        raise UnsupportedError(
            f'{msg}\nwhat to try: attention written out as matmul, softmax, matmul (in transformers: '
            "attn_implementation='eager'), and onnx: {exporter: legacy}; "
            f'onnx-fuse: {{partial: true}} for what else there is; {advice}'
        )
    if not any(entry.domain == 'com.microsoft' for entry in made.model.opset_import):
        made.model.opset_import.add(domain='com.microsoft', version=1)
    job.progress(1.0, 'fused: ' + ', '.join(f'{n} {name}' for name, n in fused.items()))
    walk.replace(made.model.graph.input, inputs)  # it drops those that nothing needs
    for graph in walk.every_graph(made.model.graph):
        walk.put_in_order(graph)  # the optimizer does not look into inner graphs for who needs what
    with refusal("ONNX Runtime's transformer optimizer", advice):
        write_stripped(made.model, job.output / 'model.onnx')
    return ports.made(made.model, job.contract)
