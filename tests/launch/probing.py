"""A step that tells which modules were loaded when it began."""

from __future__ import annotations

import sys
from dataclasses import dataclass

from stages.contract.job import Job
from stages.contract.port import Contract

LOADED = 'loaded.txt'


@dataclass(frozen=True)
class Params:
    """None."""


def run(params: Params, job: Job) -> Contract:
    (job.output / LOADED).write_text(' '.join(sys.modules))
    return Contract()
