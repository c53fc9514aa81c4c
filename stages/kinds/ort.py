"""Write an ONNX model in ONNX Runtime's own format, which small runtimes load without an ONNX parser.

ONNX Runtime adds nodes in the order of hash tables that it seeds with addresses. What it writes is read again, put in
order and written anew: equal bytes each time.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from stages.frameworks.onnx.runtime import Level
from stages.kinds import usual

if TYPE_CHECKING:
    from stages.contract.job import Job
    from stages.contract.port import Contract

KIND = 'ort'
ACCEPTS = ('onnx',)
GIVES = 'ort'
TOOLS = ('onnxruntime', 'onnx', 'flatbuffers', 'numpy')
ENVIRONMENT = ''
PROGRAMS = ()
DETERMINISTIC = True
ASIDE = 'the same runtime and speed as onnx; it loads faster'


@dataclass(frozen=True)
class Params:
    """Options of ``ort``."""

    level: Level = 'all'
    """How far the graph is optimized; all lays weights out for this kind of CPU."""

    insist: bool = False
    """Go on although ONNX Runtime is known to answer wrongly for an operator in the model."""


needs = usual.no_data
precision = usual.same_precision
refuses = usual.known_wrong


def host(params: Params) -> bool:
    """Say whether the bytes suit one kind of CPU only."""
    return params.level in ('extended', 'all')


def outputs(params: Params) -> tuple[str, ...]:
    """Promise one file."""
    return ('model.ort',)


def run(params: Params, job: Job) -> Contract:
    """Write ``model.ort``: the graph as ONNX Runtime holds it when it has loaded and optimized the model."""
    import onnx

    from stages.frameworks.onnx import known_wrong, ort_file, ort_order, runtime, walk
    from stages.frameworks.refusal import refusal

    source, path = job.inputs['model'] / 'model.onnx', job.output / 'model.ort'
    model = onnx.load(source, load_external_data=False)
    known_wrong.refuse(model, params.insist)
    with refusal('ONNX Runtime', runtime.advice('ort: {level: basic}, or onnx-optimize, which stays ONNX')):
        runtime.opened(source, params.level, saved=path, form='ORT')
    given = walk.names(model) | {node.name for node in walk.nodes(model.graph)}
    path.write_bytes(ort_file.written(ort_order.ordered(ort_file.read(path.read_bytes()), frozenset(given))))
    return job.contract
