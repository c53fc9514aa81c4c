"""Search for faster schedules of a model's kernels with TVM's MetaSchedule, on the machine it is to run on."""

from __future__ import annotations

import shutil
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from stages.errors import UnsupportedError
from stages.frameworks.tvm.target import Name
from stages.kinds import usual

if TYPE_CHECKING:
    from stages.contract.job import Job
    from stages.contract.port import Contract
    from stages.frameworks.tvm.target import Target

KIND = 'tvm-tune'
ACCEPTS = ('onnx',)
GIVES = 'tvm-tuned'
KEEPS = True
TOOLS = ('apache-tvm', 'apache-tvm-ffi', 'xgboost-cpu', 'onnx', 'onnxruntime', 'numpy')
ENVIRONMENT = ''
PROGRAMS = ()
DETERMINISTIC = False  # it measures, and goes on where it stopped
ALL_CORES = True
ASIDE = 'it searches for minutes to hours'


@dataclass(frozen=True)
class Params:
    """Options of ``tvm-tune``."""

    target: Name = 'native'
    """The CPU to tune for; this machine has to be able to run its code."""

    trials: int = 256
    """Schedules measured, for all kernels together; those of earlier tunings count, of other models too."""

    minutes: float = 0.0
    """Stop after so long even if trials are left; 0 for no limit. Time that earlier tunings took counts."""

    level: Literal[1, 2, 3] = 3
    """As in ``tvm``: 1 fuses kernels, 2 packs weights too, 3 approximates and tiles (Winograd) too."""

    sizes: dict[str, int] = field(default_factory=dict)
    """Named dimensions, as in ``tvm``; one that is not named is 1."""

    seed: int = 0
    """Where the search begins."""

    insist: bool = False
    """As in ``tvm``: go on where TVM is known to compute wrongly."""


needs = usual.no_data
precision = usual.same_precision


def host(params: Params) -> bool:
    """Say whether the result suits this kind of CPU only."""
    return params.target == 'native'


def outputs(params: Params) -> tuple[str, ...]:
    """Promise the model and the figures; the two database files beside them are empty where nothing was gained."""
    return ('model.onnx', 'tuning.json')


def run(params: Params, job: Job) -> Contract:
    """Leave the model as it is, with the best schedules of its kernels. What earlier tunings found is used."""
    from stages.frameworks.tvm import lower
    from stages.frameworks.tvm.read import model
    from stages.frameworks.tvm.schedule import tuning
    from stages.frameworks.tvm.schedule.tuning import database, report, tasks
    from stages.frameworks.tvm.target import target_for

    target = target_for(params.target)
    runnable(target)
    contract, sizes = job.contract, {**job.contract.sizes, **params.sizes}
    names = tuple(port.name for port in contract.outputs)
    module = model.imported(job.inputs['model'], contract.inputs, names, sizes, target, params.insist)
    kernels = lower.kernels(module, target, params.level)
    with tempfile.TemporaryDirectory() as passing:
        folder = database.folder_for(job.keep or Path(passing), target)
        work = tasks.tasks_of(kernels, target, folder)
        tuning.tune(work, target, tuning.Budget(params.trials, 60 * params.minutes), params.seed, job.progress)
        report.leave(work, target, params.trials, job.output)
    for path in sorted(job.inputs['model'].iterdir()):  # weights may lie beside the graph
        if path.is_file():
            shutil.copyfile(path, job.output / path.name)
    return contract


def runnable(target: Target) -> None:
    """Raise UnsupportedError when this CPU cannot run code for ``target``: tuning measures, it does not guess."""
    from stages import cpu

    if lacking := sorted(set(target.needs) - cpu.flags()):
        msg = f'tuning for {target.name} measures on a CPU that runs its code, and this one lacks {", ".join(lacking)}'
        raise UnsupportedError(f'{msg}\nwhat to try: tvm: {{target: {target.name}}} without tvm-tune, or tune there')
