"""What of a model's inputs only running it tells: whether a first axis counts samples, and which sizes it takes.

Tried in a process of its own, on made-up inputs; nothing is concluded that was not seen.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from typing import Final

from stages.contract.engine import Session
from stages.contract.job import Job
from stages.contract.port import BATCH, Contract, Port, read_contract
from stages.errors import ModelkilnError
from stages.feed.samples import Samples, dimensions, made_up, samples
from stages.measure import answers

KIND = 'sizes'
TOOLS: tuple[str, ...] = ()

LADDER: Final = (64, 128, 224, 256, 320, 512, 640, 32, 16, 8, 4, 2, 1)
"""Sizes that are tried, in this order: the first is small, and large enough to say something of the speed."""


@dataclass(frozen=True)
class Params:
    engine: str
    """What runs the format."""


def run(params: Params, job: Job) -> None:
    """Leave the first of ``LADDER`` at which the model answers, whether its first axis counts samples, and words.

    ``size`` is 0 where nothing is open or it answered at none of them; ``said`` is then what it said last.
    """
    from stages.engines import ENGINES

    engine, folder = ENGINES[params.engine], job.inputs['model']
    contract = read_contract(folder)
    engine.prepare()
    session = engine.load(folder, contract, engine.Options(), 1)
    batched = with_batch(contract)
    counts = batched is not None
    size, said = _tried(session, batched or contract, together=counts)
    if batched and not size:
        counts = False
        size, said = _tried(session, contract, together=False)
    (job.output / 'answer.json').write_text(json.dumps({'size': size, 'batch': counts and bool(size), 'said': said}))


def with_batch(contract: Contract) -> Contract | None:
    """Return the contract whose open first axes count samples; None where there are none, or a batch axis is known."""
    if contract.batched:
        return None
    inputs = tuple(_with_batch(port) for port in contract.inputs)
    return replace(contract, inputs=inputs) if inputs != contract.inputs else None


def _with_batch(port: Port) -> Port:
    if not port.shape or not isinstance(port.shape[0], str):
        return port
    return replace(port, shape=(BATCH, *port.shape[1:]), batch=0)


def _tried(session: Session, contract: Contract, *, together: bool) -> tuple[int, str]:
    """Return the first size at which it answers (1 where nothing is open), and what it said last otherwise."""
    open_, said = sorted(dimensions(contract)), ''
    for size in LADDER if open_ else (1,):
        sizes = dict.fromkeys(open_, size)
        try:
            found = samples(made_up(contract, sizes), contract, sizes).first(3)
            if _answers(session, contract, found, together=together):
                return size, ''
            said = 'three samples together are not answered as each of them alone'
        except ModelkilnError as error:
            said = str(error)
        except Exception as error:  # whatever the framework says of a size that it cannot take
            said = f'{type(error).__name__}: {str(error)[:300]}'
    return 0, said


def _answers(session: Session, contract: Contract, found: Samples, *, together: bool) -> bool:
    """Whether it answers; with ``together``, whether it answers three samples in one call as each of them alone."""
    given = answers.alone(session, contract, found)
    if not together:
        return True
    results = answers.several(session, contract, found)
    shown = answers.joined(contract, results, given) if results is not None else None
    return shown is not None and any(port.batch is not None for port in shown.outputs)
