"""What a model says of its ports, without the model: data that is read by it does not hang on the weights."""

from __future__ import annotations

from dataclasses import dataclass

from stages.contract.job import Job
from stages.contract.port import CONTRACT, Contract

KIND = 'ports'
TOOLS: tuple[str, ...] = ()


@dataclass(frozen=True)
class Params:
    """Nothing is to be said."""


def outputs(params: Params) -> tuple[str, ...]:
    return (CONTRACT,)


def run(params: Params, job: Job) -> Contract:
    """Return the model's contract; what starts the step writes it."""
    return job.contract
