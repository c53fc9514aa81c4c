"""A step that tells which modules were loaded when it began, and of some whether it finds them."""

from __future__ import annotations

import importlib.util
import sys
from dataclasses import dataclass

from stages.contract.job import Job
from stages.contract.port import Contract

LOADED = 'loaded.txt'
FOUND = 'found.txt'
ASKED = ('tabnanny', 'pyclbr')


@dataclass(frozen=True)
class Params:
    """None."""


def run(params: Params, job: Job) -> Contract:
    (job.output / LOADED).write_text(' '.join(sys.modules))
    found = [name for name in ASKED if importlib.util.find_spec(name)]
    (job.output / FOUND).write_text(' '.join(found))
    return Contract()
