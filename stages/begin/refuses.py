"""Ask a kind what it knows beforehand of a model; runs confined, as a step does."""

from __future__ import annotations

import importlib
from dataclasses import dataclass, field, replace

from stages.contract.job import Job

KIND = 'refuses'
TOOLS: tuple[str, ...] = ()


@dataclass(frozen=True)
class Params:
    module: str
    """The kind's."""

    sizes: dict[str, int] = field(default_factory=dict)
    """Sizes of what the model leaves open, at which it runs."""


def run(params: Params, job: Job) -> None:
    """Raise what the kind raises, at its own defaults."""
    kind = importlib.import_module(params.module)
    kind.refuses(kind.Params(), replace(job, contract=replace(job.contract, sizes=dict(params.sizes))))
