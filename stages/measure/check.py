"""The numeric gate as a step: run a model on the recipe's inputs, record how far it is from the source and how good.

It records figures; whether they are good enough is judged afterwards, so that another tolerance runs nothing.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from stages.contract.job import Job
from stages.contract.port import Contract, contract_json, contract_of
from stages.errors import ForeignError, StepError
from stages.feed.npz import read_npz, write_npz
from stages.feed.samples import samples
from stages.measure import answers
from stages.measure.answers import Answers
from stages.measure.difference import difference
from stages.measure.figures import Check, Score, check_json
from stages.measure.metrics import (
    METRICS,
    agreement,
    draws,
    metric_of,
    off_by_one,
    own_score,
    own_scores,
    score,
    without_batch,
)

if TYPE_CHECKING:
    import numpy

    from stages.contract.engine import Engine, Session
    from stages.recipe.model import Metric

KIND = 'check'
TOOLS: tuple[str, ...] = ()

SAMPLES: Final = 16
"""Samples that a model is compared on."""

EMULATED: Final = 2
"""Samples of a model for another machine: an emulator is some hundred times slower."""

EACH: Final = 'scores/each'
DRAWN: Final = 'scores/drawn'
"""Where the scores of a recipe's own metric are kept, of each sample or of draws of them: pairs are made of them."""

Reference = tuple[Contract, Answers, Answers, Mapping[str, 'numpy.ndarray']]


@dataclass(frozen=True)
class Params:
    """What to run and what to compare."""

    engine: str
    options: Mapping[str, Any] = field(default_factory=dict)
    threads: int = 1
    original: str = ''
    """The format of a source whose files are run as they came; empty: the model is run."""

    metric: Mapping[str, Any] | None = None
    """What counts on the evaluation data, as ``stages.measure.metrics`` reads it; None: nothing."""

    output: str = ''
    """The output that the metric reads; empty: the first."""

    judge: str = ''
    """The Python below recipes/ that the metric is in; empty: one of ours."""

    sizes: Mapping[str, int] = field(default_factory=dict)
    """Named dimensions that the model has in one size alone, to which the data is cut; so does the reference's check.
    Others are probed at the recipe's sizes, and evaluated as long as the data is."""


def outputs(params: Params) -> tuple[str, ...]:
    return ('check.json', 'outputs.npz')


def run(params: Params, job: Job) -> None:
    """Leave ``check.json`` (figures, and the contract as running showed it) and ``outputs.npz`` (the answers)."""
    check(params, job)


def check(params: Params, job: Job, engines: Mapping[str, Engine] | None = None) -> Check:
    """Run the model on the probe (and on ``evaluate``), write ``outputs.npz`` and ``check.json``; return the latter.

    Each sample of the probe is asked alone and compared alone, so outputs may have any size and any axes. The
    reference is the same folder of files that the check of the source left. A model for another machine is run on the
    probe alone where that machine can be emulated; else nothing is run, and ``check.json`` says so.
    """
    from stages.engines import ENGINES

    engine = (engines or ENGINES)[params.engine]
    engine.prepare()
    options = engine.Options(**params.options)
    with tempfile.TemporaryDirectory() as scratch:
        folder, contract = _model(params, job, Path(scratch))
        foreign = engine.foreign(folder)
        precision = computed_in(options, contract.precision)
        try:
            session = engine.load(folder, contract, options, params.threads)
        except ForeignError:
            nothing = Check(None, None, None, 0, foreign, precision, contract_json(contract))
            return _left(job.output, nothing, {})
        return _checked(params, job, session, contract, foreign, precision)


def computed_in(options: Any, precision: str) -> str:
    """Return the precision of an answer: an engine may compute a float model in fewer bits than it is stored in."""
    return str(getattr(options, 'precision', precision)) if precision == 'f32' else precision


def _model(params: Params, job: Job, scratch: Path) -> tuple[Path, Contract]:
    """Return the folder to run and its contract: the model, or the source's files as they came."""
    if not params.original:
        return job.inputs['model'], job.contract
    from stages.sources import SOURCES

    files = {role: path for role, path in job.inputs.items() if role.startswith(('file', 'weights'))}
    lay_out = SOURCES[params.original].original
    assert lay_out is not None, 'only a source that rewrites is run as it came'
    return scratch, lay_out(files, job.contract, scratch)


def _checked(params: Params, job: Job, session: Session, contract: Contract, foreign: str, precision: str) -> Check:
    reference = _reference(job)
    contract = replace(contract, sizes={**contract.sizes, **params.sizes})
    if reference:
        contract = _axes_of(contract, reference[0])
    probe = samples(read_npz(job.inputs['probe'] / 'data.npz'), contract, contract.sizes)
    probe = probe.first(EMULATED if foreign else SAMPLES)
    contract = answers.turned(session, contract, probe)
    given = answers.alone(session, contract, probe)
    contract = answers.described(contract, given)
    known, shown = None, contract
    if not foreign and answers.may_join(contract, probe):
        results = answers.several(session, contract, probe)
        known = answers.joined(contract, results, given) if results is not None else None
        # only a model that refuses several takes one: what answers them together otherwise still takes them
        shown = known or contract if results is not None else answers.one_row(contract)
    stored = _stored('probe', given)
    metric = agreed = None
    if 'evaluate' in job.inputs and not foreign:
        metric, agreed, evaluated = _evaluated(params, job, session, known or contract, known is not None, reference)
        stored |= evaluated
    found = difference(given, _first(reference[1], probe.count), _free(contract)) if reference else None
    if said := _off_by_one(params, job, contract, stored) if reference is None and metric else '':
        shown = replace(shown, notes=(*shown.notes, said))
    result = Check(found, metric, agreed, probe.count, foreign, precision, contract_json(shown))
    return _left(job.output, result, stored)


def _evaluated(
    params: Params,
    job: Job,
    session: Session,
    contract: Contract,
    joins: bool,
    reference: Reference | None,
) -> tuple[Score | None, Score | None, dict[str, numpy.ndarray]]:
    """Return the metric, the agreement with the source, and the answers to keep for the variants' own agreement."""
    data = read_npz(job.inputs['evaluate'] / 'data.npz')
    if missing := [port.name for port in contract.inputs if port.name not in data and not port.carries]:
        raise StepError(f'the evaluation data has no {", ".join(missing)}; it has {", ".join(data)}')
    read = _output(params.output, contract)
    carried = {port.name for port in contract.inputs if port.carries}
    asked = samples({name: a for name, a in data.items() if name not in carried}, contract, params.sizes)
    if joins:
        given = answers.together(session, contract, asked, answers.AT_ONCE)
    else:
        given = answers.alone(session, contract, asked)
    stored = _stored('evaluate', {read: given[read]})
    labels, metric = data.get('labels'), metric_of(params.metric) if params.metric else None
    if metric and (metric.python or metric.of not in METRICS):
        function, whole = _judge(metric, job, read, contract, given)
        kept = reference[3] if reference else {}
        scores = own_scores(metric, function, whole, data)
        drawn = None if scores.ndim else draws(metric, function, whole, data)
        stored |= {EACH: scores} | ({DRAWN: drawn} if drawn is not None else {})
        return own_score(metric, scores, data, kept.get(EACH), drawn, kept.get(DRAWN)), None, stored
    before = reference[2].get(read) if reference else None
    batch = {port.name: port.batch for port in contract.outputs}[read]
    agreed = agreement(metric, given[read], before, labels, batch) if before else None
    return score(metric, given[read], labels, before, batch) if metric else None, agreed, stored


def _off_by_one(params: Params, job: Job, contract: Contract, stored: Mapping[str, numpy.ndarray]) -> str:
    """Return what the source's answers show of the labels: a list that begins at another number."""
    metric = metric_of(params.metric) if params.metric else None
    labels = read_npz(job.inputs['evaluate'] / 'data.npz').get('labels')
    if metric is None or metric.of != 'top1' or metric.python or labels is None:
        return ''
    read = _output(params.output, contract)
    batch = {port.name: port.batch for port in contract.outputs}[read]
    return off_by_one(metric, _restored('evaluate', stored)[read], labels, batch)


def _judge(
    metric: Metric, job: Job, read: str, contract: Contract, given: Answers
) -> tuple[Callable[[dict[str, Any], dict[str, Any]], Any], dict[str, Any]]:
    """Return what judges answers, the recipe's own Python or one of our judges, and the answers as it takes them."""
    if metric.python:
        from stages.sources.python import load_function

        return load_function(job.inputs['python'], metric.python.file, metric.python.function), _stacked(given)
    from stages.judges import JUDGES

    judge = JUDGES[metric.of]
    params = judge.Params(**(metric.options or {}))
    batch = {port.name: port.batch for port in contract.outputs}
    each = {name: without_batch(arrays, batch[name]) for name, arrays in given.items()}
    return lambda outputs, data: judge.score(params, outputs, read, data), each


def _output(name: str, contract: Contract) -> str:
    names = [port.name for port in contract.outputs]
    if name and name not in names:
        raise StepError(f'there is no output {name!r}; there are {", ".join(names)}')
    return name or names[0]


def _axes_of(contract: Contract, source: Contract) -> Contract:
    """Take over what running the source showed of its outputs' batch axes, where the artifact's contract is silent."""
    known = {port.name: port.batch for port in source.outputs}
    outputs = tuple(
        replace(port, batch=known.get(port.name)) if port.batch is None else port for port in contract.outputs
    )
    return replace(contract, outputs=outputs)


def _stored(role: str, given: Answers) -> dict[str, numpy.ndarray]:
    """Return answers as arrays to keep: one for each output where all samples have one shape, else one for each."""
    import numpy as np

    kept: dict[str, numpy.ndarray] = {}
    for name, arrays in given.items():
        if len({a.shape for a in arrays}) == 1:
            kept[f'{role}/{name}'] = np.stack(arrays)
        else:
            kept |= {f'{role}[{i}]/{name}': array for i, array in enumerate(arrays)}
    return kept


def _stacked(given: Answers) -> dict[str, Any]:
    """Return answers as a recipe's own metric gets them: rows joined where they join, else a list."""
    import numpy as np

    whole: dict[str, Any] = {}
    for name, arrays in given.items():
        uniform = len({a.shape for a in arrays}) == 1
        ranked = uniform and arrays[0].ndim and arrays[0].shape[0] == 1
        whole[name] = np.concatenate(arrays) if ranked else np.stack(arrays) if uniform else arrays
    return whole


def _reference(job: Job) -> Reference | None:
    """Return the source's contract as running showed it, its answers to probe and evaluation data, its scores."""
    if 'reference' not in job.inputs:
        return None
    folder = job.inputs['reference']
    contract = contract_of(json.loads((folder / 'check.json').read_text('utf-8'))['contract'])
    kept = read_npz(folder / 'outputs.npz')
    scores: dict[str, numpy.ndarray] = {name: kept[name] for name in (EACH, DRAWN) if name in kept}
    return contract, _restored('probe', kept), _restored('evaluate', kept), scores


def _restored(role: str, kept: Mapping[str, numpy.ndarray]) -> Answers:
    found: dict[str, dict[int, numpy.ndarray]] = {}
    for key, array in kept.items():
        where, _, name = key.partition('/')
        if where == role:
            found[name] = dict(enumerate(array))
        elif where.startswith(f'{role}['):
            found.setdefault(name, {})[int(where[len(role) + 1 : -1])] = array
    return {name: [arrays[i] for i in sorted(arrays)] for name, arrays in found.items()}


def _free(contract: Contract) -> dict[str, set[int]]:
    """Return, by output, the axes whose size no input has: the model decides it."""
    known = {d for port in contract.inputs for d in (*port.shape, *port.dims)}
    return {
        port.name: {axis for axis, d in enumerate(port.shape) if isinstance(d, str) and d not in known}
        for port in contract.outputs
    }


def _first(given: Answers, count: int) -> dict[str, Sequence[numpy.ndarray]]:
    return {name: arrays[:count] for name, arrays in given.items()}


def _left(output: Path, found: Check, arrays: Mapping[str, numpy.ndarray]) -> Check:
    """Leave the two files of a check; return the figures."""
    output.mkdir(parents=True, exist_ok=True)
    write_npz(output / 'outputs.npz', arrays)
    (output / 'check.json').write_text(check_json(found), 'utf-8')
    return found
