"""Take a module that a recipe's Python builds in OneFlow, and its weights; leave the ``oneflow`` format."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from stages.contract.job import Job
from stages.contract.port import Contract
from stages.errors import StepError
from stages.sources import jax_weights as arrays
from stages.sources.checkpoint import some
from stages.sources.fetched import fetched
from stages.sources.python import call, load_function, told

KIND = 'oneflow-source'
TOOLS = ('oneflow', 'numpy', 'safetensors')
ENVIRONMENT = 'oneflow'

original = None
"""The module that is run is the recipe's own Python with its weights, which are checked to be all there."""


@dataclass(frozen=True)
class Params:
    file: str
    """The Python file that builds the module, relative to recipes/."""

    function: str
    """The function in it; takes nothing, returns a ``oneflow.nn.Module``."""

    key: str = ''
    """Where in a file the weights are: a dotted path."""

    prefix: str = ''
    """What the names in the file begin with, and those of the module do not."""

    drop: tuple[str, ...] = ()
    """Globs of arrays in the file that are not the module's."""


def outputs(params: Params) -> tuple[str, ...]:
    """Return the files it leaves, beside the Python."""
    return ('model.json', 'weights.safetensors', f'python/{params.file}')


def run(params: Params, job: Job) -> Contract:
    """Leave the module's Python and its weights, checked to fit; without weights, those that the Python makes."""
    from stages.frameworks.oneflow import module as oneflow_module
    from stages.frameworks.oneflow.described import described

    python, what = job.inputs['python'], f'{params.file}:{params.function}'
    make = load_function(python, params.file, params.function)
    module = oneflow_module.built(what, lambda: call(make, python, what))
    if files := [*fetched(job.inputs, 'weights').values()]:
        job.progress(0.3, f'reading {files[0].name}')
        own, pick = oneflow_module.weights(module), (params.key, params.prefix, params.drop)
        module = oneflow_module.filled(module, arrays.fitted(what, files[0].name, own, _read(files), *pick))
    oneflow_module.save(job.output, python, params.file, params.function, module)
    job.progress(0.7, 'running it on made-up inputs')
    return described(what, oneflow_module.load(job.output), job.contract, lambda error: told(error, job.output))


def _read(files: Sequence[Path]) -> Mapping[str, Any]:
    """Return every array by its name. What ``oneflow.save`` writes is a pickle, which runs code: it is not opened."""
    found: dict[str, Any] = {}
    for file in files:
        if file.suffix != '.safetensors':
            raise StepError(
                f'{file.name}: no file of weights that is read here; expected .safetensors\nwrite one where it was '
                'trained: safetensors.numpy.save_file({name: t.numpy() for name, t in net.state_dict().items()}, file)'
            )
        try:
            from safetensors.numpy import load_file

            held = load_file(file)
        except Exception as error:  # the library has errors of its own for a damaged file
            raise StepError(f'{file.name}: cannot be read as weights, it is damaged: {str(error)[:300]}') from error
        if twice := sorted(found.keys() & held.keys()):
            raise StepError(f"{file.name}: {some(twice)} stands in another of the files too; name one model's files")
        found |= held
    return found
