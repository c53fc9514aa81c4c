"""Read a model as its source does, without a recipe: the contract, the operators; runs confined, as a step does."""

from __future__ import annotations

import json
from dataclasses import dataclass, field, replace
from typing import Any

from stages.contract.job import Job
from stages.contract.port import Contract
from stages.sources import SOURCES

KIND = 'read'
TOOLS: tuple[str, ...] = ()


@dataclass(frozen=True)
class Params:
    format: str

    options: dict[str, Any] = field(default_factory=dict)
    """What the source is told beside the files: a signature."""


def run(params: Params, job: Job) -> Contract | None:
    """Leave what the source leaves, and beside it how many of each operator there are, or what the files hold.

    Raises what the source raises.
    """
    source = SOURCES[params.format]
    answer: dict[str, Any] = {'operators': {}, 'holds': []}
    contract = None
    if 'python' not in job.inputs and (holds := getattr(source, 'holds', None)):
        answer['holds'] = holds(job.inputs['file'])
    else:
        contract = source.run(source.Params(**params.options), job)
        if count := getattr(source, 'operators', None):
            answer['operators'] = count(job.output)
    (job.output / 'answer.json').write_text(json.dumps(answer))
    return replace(contract, sizes={}) if contract else None
