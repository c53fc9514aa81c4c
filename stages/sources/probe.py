"""Make seeded inputs for a recipe that brings no data, so that variants can still be compared."""

from __future__ import annotations

from dataclasses import dataclass

from stages.contract.job import Job

KIND = 'probe'
TOOLS = ('numpy',)


@dataclass(frozen=True)
class Params:
    """Options of ``probe``."""

    seed: int = 0
    """Of NumPy's default generator."""


def outputs(params: Params) -> tuple[str, ...]:
    return ('data.npz',)


def run(params: Params, job: Job) -> None:
    """Leave 16 samples of every input that the model's contract tells, at the recipe's sizes."""
    from stages.feed.npz import write_npz
    from stages.feed.samples import made_up

    write_npz(job.output / 'data.npz', made_up(job.contract, job.contract.sizes, params.seed))
