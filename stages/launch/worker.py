"""One step at work, in a process of its own (``python -I worker.py REQUEST``). Knows no recipe, no plan and no store.

Reads the request (JSON), calls the kind's ``run``, writes ``result.json`` beside the request.
"""

from __future__ import annotations

import importlib
import sys
from pathlib import Path

if __name__ == '__main__':
    sys.path.insert(0, str(Path(__file__).resolve().parent))
    from house import open_house  # type: ignore[import-not-found]  # by its folder: nothing of ours is found yet

    sys.path.pop(0)
    open_house()

import json
import traceback
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from stages.atomic import write_text
from stages.confine import system
from stages.contract.job import Job
from stages.contract.port import Contract, contract_of, read_contract, write_contract
from stages.errors import ModelkilnError
from stages.launch.hiding import hide
from stages.launch.house import HOUSE, KINDS, at_hand, kinds_at_hand
from stages.launch.undeclared import watch

ANSWERS = 'said'
"""The folder in which a step tells its progress and its result, beside the request."""

ARCHIVES = ('calibrate',)
"""Roles that a kind gets as the ``.npz`` itself, not as its folder."""


def main(request_path: Path) -> int:
    """Run one step; 0 when it succeeded. The result file says what happened in either case."""
    request = json.loads(request_path.read_text())
    folder = request_path.parent
    error: dict[str, Any] | None = None
    opened = watch(request['project'], [*request['allowed'], *system.own()])
    hide(request['hidden'])
    if HOUSE.parent.name != 'site-packages':
        at_hand(folder / 'home' / 'house')
    if request.get('own'):  # a kind of the project's own: a copy of its files is among the inputs
        kinds_at_hand(folder / 'in' / KINDS)
    try:
        module = importlib.import_module(request['module'])
        params = module.Params(**{name: tuples(value) for name, value in request['params'].items()})
        job = _job(request, folder)
        made = module.run(params, job)
        if isinstance(made, Contract):
            write_contract(precise(module, params, made, job.contract.precision), job.output)
    except ModelkilnError as failure:
        error = {'type': type(failure).__name__, 'message': str(failure)}
        traceback.print_exc()
    except Exception as failure:  # whatever a framework raises is the step's failure, in the framework's words
        error = {'type': 'StepError', 'message': f'{type(failure).__name__}: {failure}'}
        traceback.print_exc()
    answer = {'error': error, 'peak_memory_bytes': peak_memory(), 'undeclared': opened}
    write_text(folder / ANSWERS / 'result.json', json.dumps(answer))
    return 1 if error else 0


def peak_memory() -> int:
    """Return this process's peak resident memory in bytes.

    VmHWM, not ``ru_maxrss``: the latter is inherited from the parent across exec.
    """
    try:
        for line in Path('/proc/self/status').read_text().splitlines():
            if line.startswith('VmHWM:'):
                return int(line.split()[1]) * 1024
    except OSError:
        pass
    import resource

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == 'darwin' else peak * 1024


def _job(request: dict[str, Any], folder: Path) -> Job:
    inputs = {}
    for role in request['roles']:
        path = folder / 'in' / role
        inputs[role] = path / 'data.npz' if role in ARCHIVES else path
    return Job(
        inputs=inputs,
        output=folder / 'out',
        contract=contract_for(request, inputs),
        progress=_progress(folder),
        keep=Path(request['keep']) if request['keep'] else None,
    )


def contract_for(request: dict[str, Any], inputs: Mapping[str, Path]) -> Contract:
    """Return what the model says of itself; for a source, what the recipe says of it.

    For the check of a source as it came it is both: the model's, with the names that the recipe says its file has.
    """
    declared = contract_of(request['declared']) if request['declared'] else Contract()
    if 'model' not in inputs:
        return declared
    found = read_contract(inputs['model'])
    files = {port.name: port.file for port in (*declared.inputs, *declared.outputs) if port.file}
    return replace(
        found,
        inputs=tuple(replace(port, file=files.get(port.name, port.file)) for port in found.inputs),
        outputs=tuple(replace(port, file=files.get(port.name, port.file)) for port in found.outputs),
    )


def precise(module: Any, params: Any, made: Contract, before: str) -> Contract:
    """Return the contract with the precision of what was made: a kind tells it, a source has read it."""
    tell = getattr(module, 'precision', None)
    return replace(made, precision=tell(params, before)) if tell else made


def _progress(folder: Path) -> Any:
    def report(fraction: float, words: str) -> None:
        write_text(folder / ANSWERS / 'progress.json', json.dumps([fraction, words]))

    return report


def tuples(value: Any) -> Any:
    return tuple(tuples(item) for item in value) if isinstance(value, list) else value


if __name__ == '__main__':
    raise SystemExit(main(Path(sys.argv[1]).resolve()))
