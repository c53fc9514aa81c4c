"""From a model to a library: imported, lowered, compiled, linked, its headers checked. The work of the kind ``tvm``."""

from __future__ import annotations

from dataclasses import replace
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

from stages.errors import UnsupportedError

if TYPE_CHECKING:
    from stages.contract.job import Job
    from stages.contract.port import Contract
    from stages.frameworks.tvm.options import Params
    from stages.frameworks.tvm.target import Target


def build(params: Params, job: Job) -> Contract:
    """Leave the library of the job’s model: the same bytes on every machine, linked without a compiler, checked."""
    from stages.frameworks.tvm import lower
    from stages.frameworks.tvm.emit import binary, library, link
    from stages.frameworks.tvm.graph import open_sizes
    from stages.frameworks.tvm.schedule import tuned

    wanted = _target(params)
    records = tuned.records(job.inputs['model'], wanted)
    job.progress(0.0, 'reading the model')
    before = replace(job.contract, sizes={**job.contract.sizes, **params.sizes})
    module, names = _imported(params, job, before, wanted)
    inputs, results = library.signature(module, names)
    job.progress(0.2, f'compiling for {wanted.name}, level {params.level}: {lower.NAMES[params.level]}')
    made = lower.made(module, wanted, params.level, records, rule=params.schedule == 'rule')
    job.progress(0.9, 'linking')
    binary.check(link.linked(made.executable, wanted, job.output), wanted)
    unscheduled = tuple(library.Unscheduled.of(*each) for each in sorted(made.kernels.unscheduled.items()))
    fell_back = tuple(library.FellBack(*each) for each in sorted(made.kernels.without.items()))
    library.write(
        library.Library(
            target=wanted.name, system=wanted.system, machine=wanted.machine, triple=wanted.triple, needs=wanted.needs,
            inputs=inputs, outputs=results, level=params.level, schedule=params.schedule,
            kernels=made.kernels.origins, unscheduled=unscheduled, fell_back=fell_back,
            open=not open_sizes.known(module),
            tools={tool: version(tool) for tool in ('apache-tvm', 'apache-tvm-ffi')},
        ),
        job.output,
    )  # fmt: skip
    return replace(library.contract(inputs, results, before), notes=library.notes(unscheduled, fell_back))


def read(params: Params, job: Job) -> None:
    """Read the job's model into TVM, and leave nothing; raises UnsupportedError where TVM cannot."""
    before = replace(job.contract, sizes={**job.contract.sizes, **params.sizes})
    _imported(params, job, before, _target(params))


def _target(params: Params) -> Target:
    from stages.frameworks.tvm import target

    try:
        return target.target_for(params.target, params.system)
    except ValueError as error:
        raise UnsupportedError(f'{error}\nwhat to try: tvm: {{target: x86-64-v3}}') from error


def _imported(params: Params, job: Job, before: Contract, wanted: Target) -> tuple[Any, tuple[str, ...]]:
    """Return the model as TVM's module, and what it calls its outputs."""
    from stages.frameworks.tvm.read import model, order

    there = order.in_file_order(job.inputs['model'], before)
    names = tuple(port.name for port in there.outputs)
    return model.imported(job.inputs['model'], there.inputs, names, before.sizes, wanted, params.insist), names
