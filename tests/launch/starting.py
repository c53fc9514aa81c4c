"""A step whose tool starts a Python of its own, which needs our package."""

from __future__ import annotations

import multiprocessing
from dataclasses import dataclass

from stages.atomic import write_text
from stages.contract.job import Job
from stages.contract.port import Contract

LEFT = 'left.txt'


@dataclass(frozen=True)
class Params:
    """None."""


def run(params: Params, job: Job) -> Contract:
    child = multiprocessing.get_context('spawn').Process(target=write_text, args=(job.output / LEFT, 'by the child'))
    child.start()
    child.join()
    return Contract()
