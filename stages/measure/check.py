"""A variant's numbers: how far it is from the source model, and how good it is. The child's work, timed by nobody."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from stages.contract.port import Tensor
from stages.errors import ForeignError, StepError
from stages.measure import inputs
from stages.measure.compare import difference
from stages.measure.metrics import agreement, metric_of, own_score, score

if TYPE_CHECKING:
    import numpy

    from stages.contract.engine import Engine, Session

SAMPLES: Final = 16
"""Probe samples, and rows of a feed where the model takes any number."""

EMULATED: Final = 2
"""Probe samples of a model for another machine: an emulator is some hundred times slower."""


def check(request: Mapping[str, Any], engines: Mapping[str, Engine] | None = None) -> dict[str, Any]:
    """Run the model on the probe (and on ``evaluate``), write ``outputs.npz`` and ``check.json`` into ``output``.

    ``outputs.npz`` holds ``probe.0``, ``probe.1`` … in the model's order, and ``evaluate``: the output the metric
    reads. That of the source model is the ``reference`` of its variants. A model for another machine is run on the
    probe alone where that machine can be emulated; else nothing is run, and ``check.json`` says so.
    """
    engine = (engines or _table())[request['engine']]
    engine.prepare()
    signature = inputs.signature_of(request['signature'])
    folder, output = Path(request['folder']), Path(request['output'])
    foreign = engine.foreign(folder)
    try:
        session = engine.load(
            folder, signature, engine.Options(**request.get('options', {})), request.get('threads', 1)
        )
    except ForeignError:
        nothing = {'difference': None, 'metric': None, 'agreement': None, 'samples': 0, 'foreign': foreign}
        return _left(output, {**nothing, 'outputs': [], 'inputs': []}, {})
    sizes, seed = request.get('sizes', {}), request.get('seed', 0)
    reference = inputs.read_arrays(request.get('reference'))

    names = request.get('outputs') or session.outputs
    carried = {name: _position(output, names) for name, output in request.get('carries', {}).items()}
    arrays = inputs.samples(inputs.read_arrays(request.get('probe')), signature, sizes, seed, carried)
    some = EMULATED if foreign else SAMPLES
    probe = run_all(session, {name: a[:some] for name, a in arrays.items()}, signature, carried)
    stored = {f'probe.{i}': array for i, array in enumerate(probe)}
    expected = [reference[f'probe.{i}'] for i in range(len(reference)) if f'probe.{i}' in reference]
    if foreign:
        expected = [whole[tuple(slice(0, n) for n in part.shape)] for whole, part in zip(expected, probe, strict=False)]

    metric = agreed = None
    from stages.sources.python import load_function

    data = {} if foreign else inputs.read_arrays(request.get('evaluate'))
    if data:
        if missing := [t.name for t in signature if t.name not in data and t.name not in carried]:
            raise StepError(f'the evaluation data has no {", ".join(missing)}; it has {", ".join(data)}')
        taken = {name: array for name, array in data.items() if name not in carried}
        answers = run_all(session, inputs.samples(taken, signature, sizes, seed, carried), signature, carried)
        evaluated = answers[_position(request.get('metric_output'), names)]
        stored['evaluate'] = evaluated
        asked = metric_of(request['metric']) if request.get('metric') else None
        labels, before = data.get('labels'), list(reference['evaluate']) if 'evaluate' in reference else None
        if asked and asked.python:
            function = load_function(Path(request['python']), asked.python.file, asked.python.function)
            metric = own_score(asked, function, {_name(names, i): a for i, a in enumerate(answers)}, data)
        elif asked:
            metric = score(asked, list(evaluated), labels, before)
            agreed = agreement(asked, list(evaluated), before, labels) if before is not None else None

    found = {
        'difference': difference(probe, expected) if reference else None,
        'metric': asdict(metric) if metric else None,
        'agreement': asdict(agreed) if agreed else None,
        'samples': min(some, inputs.count(arrays)),
        'foreign': foreign,
        'outputs': [
            {'name': _name(session.outputs, i), 'shape': list(a.shape), 'dtype': str(a.dtype)}
            for i, a in enumerate(probe)
        ],
        'inputs': [{'name': t.name, 'shape': list(t.shape), 'dtype': t.dtype} for t in session.inputs or signature],
    }
    return _left(output, found, stored)


def _left(output: Path, found: dict[str, Any], arrays: Mapping[str, numpy.ndarray]) -> dict[str, Any]:
    """Leave the two files of a check; return the figures."""
    import numpy as np

    output.mkdir(parents=True, exist_ok=True)
    np.savez(output / 'outputs.npz', **arrays)  # type: ignore[arg-type]
    (output / 'check.json').write_text(json.dumps(found, indent=1) + '\n')
    return found


def _table() -> Mapping[str, Engine]:
    # The table itself imports no framework; ``prepare`` imports one.
    from stages.engines import ENGINES

    return ENGINES


def run_all(
    session: Session,
    arrays: Mapping[str, numpy.ndarray],
    signature: Sequence[Tensor],
    carried: Mapping[str, int] | None = None,
) -> tuple[numpy.ndarray, ...]:
    """Return the outputs of all samples, in their order; by 16 where the model takes any number of rows.

    A model of a fixed batch gets full feeds: the last one is filled up, and the surplus is cut off. One that carries
    state (``carried``: input to the place of the output it takes over) gets one sample after the other.
    """
    if carried:
        return _in_feeds(session, arrays, signature, 1, carried)
    fixed = _fixed_rows(session, signature)
    width = inputs.rows(arrays, signature, fixed or min(SAMPLES, inputs.count(arrays)))
    try:
        return _in_feeds(session, arrays, signature, width)
    except Exception:
        # Some formats do not say that their batch is 1: only running tells.
        if fixed or width == 1 or not any(inputs.BATCH in t.shape for t in signature):
            raise
        return _in_feeds(session, arrays, signature, 1)


def _in_feeds(
    session: Session,
    arrays: Mapping[str, numpy.ndarray],
    signature: Sequence[Tensor],
    width: int,
    carried: Mapping[str, int] | None = None,
) -> tuple[numpy.ndarray, ...]:
    import numpy as np

    total = inputs.count(arrays)
    parts: list[list[numpy.ndarray]] = []
    for start in range(0, total, width):
        chosen = [i % total for i in range(start, start + width)]
        feed = inputs.feed(arrays, signature, chosen)
        if parts:
            feed |= {name: parts[-1][place] for name, place in (carried or {}).items()}
        # Copied: an engine may hand out its own buffer, and fill it again at the next call.
        parts.append([np.array(a) for a in session.run(feed)])
    return tuple(_joined(of_one, width, total) for of_one in zip(*parts, strict=True))


def _joined(parts: Sequence[numpy.ndarray], width: int, total: int) -> numpy.ndarray:
    """Join one output's parts along the first axis that has a feed's rows (a recurrent state has them second)."""
    import numpy as np

    axis = next(
        (d for d, size in enumerate(parts[0].shape) if all(p.shape[d : d + 1] == (width,) for p in parts)), None
    )
    if axis is None:
        return np.stack(parts)
    return np.concatenate(parts, axis).take(range(total), axis)


def _fixed_rows(session: Session, signature: Sequence[Tensor]) -> int | None:
    """The batch the loaded model insists on; None when any will do, or when the format does not say."""
    declared = {t.name: t for t in signature}
    for tensor in session.inputs:
        asked = declared.get(tensor.name)
        if asked and inputs.BATCH in asked.shape and len(tensor.shape) == len(asked.shape):
            size = tensor.shape[asked.shape.index(inputs.BATCH)]
            if isinstance(size, int) and size > 0:
                return size
    return None


def _position(name: str | None, names: Sequence[str]) -> int:
    if name is None:
        return 0
    if name not in names:
        raise StepError(f'there is no output {name!r}; there are {", ".join(names) or "no names in this format"}')
    return list(names).index(name)


def _name(names: Sequence[str], i: int) -> str:
    return names[i] if i < len(names) else str(i)
