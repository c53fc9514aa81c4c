"""Look for what is wrong inside a model, as a step: the node that leaves the model before, or what int8 costs."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from stages.contract.job import Job
from stages.contract.port import Contract, read_contract
from stages.contract.tap import Tapped
from stages.feed.npz import read_npz
from stages.feed.samples import feed, samples, width
from stages.measure.blame import NEAR, Blame, blamed
from stages.measure.costs import Cost, costs

if TYPE_CHECKING:
    import numpy

KIND = 'bisect'
TOOLS: tuple[str, ...] = ()
FILE = 'bisect.json'
SHOWN = 64
"""Layers that are kept of a ranking."""


@dataclass(frozen=True)
class Params:
    """Two models, and what is looked for."""

    before: str
    """The format of the model before."""

    format: str
    precision: str
    """Of the model: what it is judged by says what may differ."""


@dataclass(frozen=True)
class Found:
    """What was found: a node where values can be held against each other one by one, else a ranking."""

    blame: Blame | None
    costs: tuple[Cost, ...]
    nodes: int
    """How many nodes of the model were looked at."""


def outputs(params: Params) -> tuple[str, ...]:
    return (FILE,)


def run(params: Params, job: Job) -> None:
    """Leave ``bisect.json``: both models, fed with the first sample of the probe."""
    from stages.taps import tap_for

    arrays = read_npz(job.inputs['probe'] / 'data.npz')
    told: list[Tapped] = []
    for role, format in (('before', params.before), ('model', params.format)):
        job.progress(len(told) / 3, f'looking into {format}')
        tap, folder = tap_for(format), job.inputs[role]
        assert tap is not None, 'only what can be looked into is asked for'
        contract = read_contract(folder)
        told.append(tap.tapped(folder, contract, _first(arrays, contract)))
    before, model = told
    job.progress(2 / 3, 'comparing')
    exact = params.precision in NEAR
    blame = blamed(model, before, params.precision) if exact else None
    # a kind that quantizes its own format goes by the names of what it gets, a converter by those that it gives
    ranked = () if exact else costs(model, before, own_names=params.before != params.format)[:SHOWN]
    found = Found(blame, ranked, len(model.nodes))
    Path(job.output, FILE).write_text(json.dumps(asdict(found), indent=1) + '\n')


def read(text: bytes) -> Found:
    """Return what a step of this kind left."""
    told = json.loads(text)
    blame = Blame(**told['blame']) if told['blame'] else None
    return Found(blame, tuple(Cost(**cost) for cost in told['costs']), told['nodes'])


def _first(arrays: Mapping[str, numpy.ndarray], contract: Contract) -> dict[str, numpy.ndarray]:
    """Return the first feed of the probe, as this model takes it."""
    found = samples(arrays, contract, contract.sizes)
    return feed(found, contract, [n % found.count for n in range(width(contract, 1))])
