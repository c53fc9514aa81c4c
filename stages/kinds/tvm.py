"""Compile a model to a library of machine code with TVM, for this machine or another."""

from __future__ import annotations

from dataclasses import dataclass, field
from importlib.metadata import version
from typing import TYPE_CHECKING, Literal

from stages.errors import UnsupportedError
from stages.kinds import usual

if TYPE_CHECKING:
    from stages.kinds.contract import Job

KIND = 'tvm'
ACCEPTS = ('onnx', 'tvm-tuned', 'exported', 'tflite')
GIVES = 'tvm'
TOOLS = ('apache-tvm', 'apache-tvm-ffi', 'ziglang', 'onnx', 'onnxruntime', 'numpy')
ENVIRONMENT = ''


@dataclass(frozen=True)
class Params:
    """Options of ``tvm``."""

    target: Literal['native', 'x86-64-v2', 'x86-64-v3', 'x86-64-v4', 'aarch64'] = 'native'
    """The CPU to compile for; native is the one that compiles."""

    system: Literal['linux', 'windows'] = 'linux'
    """The system to link for: a library ``.so`` or ``.dll``; both are linked on any system."""

    level: Literal[1, 2, 3] = 3
    """1 fuses kernels; 2 puts channels last and packs weights too; 3 approximates tanh, exp and erf too."""

    schedule: Literal['rule', 'none'] = 'rule'
    """Who arranges the loops that no tuning has: our rule; none is TVM as it comes, a hundred times slower."""

    sizes: dict[str, int] = field(default_factory=dict)
    """Named dimensions: the library takes these sizes and no other; one that is not named is 1."""


needs = usual.no_data
precision = usual.same_precision


def host(params: Params) -> bool:
    """Say whether the code suits CPUs like this one only."""
    return params.target == 'native'


def outputs(params: Params) -> tuple[str, ...]:
    """Promise the library, and what it is for."""
    return ('model.dll' if params.system == 'windows' else 'model.so', 'library.json')


def run(params: Params, job: Job) -> None:
    """Leave the library: the same bytes on every machine, linked without a compiler, its headers checked."""
    import tvm

    from stages.formats.refusal import refusal
    from stages.tvm import binary, library, link, lower, model, target, tuned

    try:
        wanted = target.target_for(params.target, params.system)
    except ValueError as error:
        raise UnsupportedError(f'{error}\nwhat to try: tvm: {{target: x86-64-v3}}') from error
    records = tuned.records(job.inputs['model'], wanted)
    job.progress(0.0, 'reading the model')
    module = model.imported(job.inputs['model'], job.signature, job.outputs, params.sizes)
    inputs, results = library.signature(module, job.outputs)
    job.progress(0.2, f'compiling for {wanted.name}')
    with refusal('TVM', 'tvm: {level: 1}, or another engine for this model: onnxruntime, openvino'):
        if params.schedule == 'none':
            executable = tvm.compile(lower.kernels(module, wanted, params.level), target=target.tvm_target(wanted))
        else:
            executable = lower.compiled(module, wanted, params.level, records.folder if records else None)
    job.progress(0.9, 'linking')
    made = binary.check(link.linked(executable, wanted, job.output), wanted)
    library.write(
        library.Library(
            target=wanted.name, system=wanted.system, machine=wanted.machine, triple=wanted.triple, needs=wanted.needs,
            inputs=inputs, outputs=results, level=params.level, schedule=params.schedule,
            kernels={'all': made.kernels, 'tuned': records.count if records else 0},
            tools={tool: version(tool) for tool in ('apache-tvm', 'apache-tvm-ffi')},
        ),
        job.output,
    )  # fmt: skip
