"""Optimize an ONNX graph ahead of time with ONNX Runtime."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from stages.kinds import usual

if TYPE_CHECKING:
    from stages.contract.job import Job
    from stages.contract.port import Contract

KIND = 'onnx-optimize'
ACCEPTS = ('onnx',)
GIVES = 'onnx'
TOOLS = ('onnxruntime', 'onnx', 'numpy')
ENVIRONMENT = ''
PROGRAMS = ()
DETERMINISTIC = True
ASIDE = 'ONNX Runtime does this each time it loads a model: it saves loading time, not running time'


@dataclass(frozen=True)
class Params:
    """Options of ``onnx-optimize``."""

    level: Literal['basic', 'extended', 'all'] = 'all'
    """all lays weights out for this kind of CPU (less memory, faster load, runs well on such machines only)."""

    insist: bool = False
    """Go on although ONNX Runtime is known to answer wrongly for an operator in the model."""


needs = usual.no_data
precision = usual.same_precision
refuses = usual.known_wrong


def host(params: Params) -> bool:
    """Say whether the bytes suit one kind of CPU only."""
    return params.level != 'basic'


def outputs(params: Params) -> tuple[str, ...]:
    """Promise one file."""
    return ('model.onnx',)


def run(params: Params, job: Job) -> Contract:
    """Write the graph as ONNX Runtime would make it on load."""
    import onnx

    from stages.frameworks.onnx import known_wrong, names, ports, reached, runtime
    from stages.frameworks.onnx.write import write_stripped
    from stages.frameworks.refusal import refusal

    source, path = job.inputs['model'] / 'model.onnx', job.output / 'model.onnx'
    known_wrong.refuse(onnx.load(source, load_external_data=False), params.insist)
    other = 'leave this stage out' if params.level == 'basic' else 'onnx-optimize: {level: basic}'
    with refusal('ONNX Runtime', runtime.advice(other)):
        runtime.opened(source, params.level, saved=path)
    made = onnx.load(path)
    reached.put_in_order(made)  # it adds nodes in the order of hash tables, which it seeds with addresses
    names.name_by_position(made)
    write_stripped(made, path)
    return ports.made(made, job.contract)
