"""Ask a kind what it knows beforehand of a model; runs confined, as a step does."""

from __future__ import annotations

import importlib
from dataclasses import dataclass, field, replace
from typing import Any

from stages.contract.job import Job

KIND = 'refuses'
TOOLS: tuple[str, ...] = ()


@dataclass(frozen=True)
class Params:
    module: str
    """The kind's."""

    given: dict[str, Any] = field(default_factory=dict)
    """Parameters of the kind that are not its defaults."""

    sizes: dict[str, int] = field(default_factory=dict)
    """Sizes of what the model leaves open, at which it runs."""


def run(params: Params, job: Job) -> None:
    """Raise what the kind raises."""
    kind = importlib.import_module(params.module)
    kind.refuses(kind.Params(**params.given), replace(job, contract=replace(job.contract, sizes=dict(params.sizes))))
