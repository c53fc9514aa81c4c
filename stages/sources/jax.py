"""Take a model that a recipe's Python builds in JAX, Flax or Equinox, and its weights; leave the ``jax`` format."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from stages.contract.job import Job
from stages.contract.port import Contract
from stages.errors import StepError
from stages.sources import jax_weights
from stages.sources.fetched import fetched
from stages.sources.python import call, load_function, told

KIND = 'jax-source'
TOOLS = ('jax', 'jaxlib', 'flax', 'equinox', 'numpy', 'safetensors')
ENVIRONMENT = 'jax'

original = None
"""The model that is run is the recipe's own Python with its weights, which are checked to be all there."""


@dataclass(frozen=True)
class Params:
    file: str
    """The Python file that builds the model, relative to recipes/."""

    function: str
    """The function in it; takes nothing, returns a function of arrays, or one with its parameters, or a module."""

    key: str = ''
    """Where in a file the weights are: a dotted path, like `params`."""

    prefix: str = ''
    """What the names in the file begin with, and those of the model do not."""

    drop: tuple[str, ...] = ()
    """Globs of arrays in the file that are not the model's, like `opt_state.*`."""


def outputs(params: Params) -> tuple[str, ...]:
    """Return the files it leaves, beside the Python."""
    return ('model.json', 'weights.safetensors', f'python/{params.file}')


def run(params: Params, job: Job) -> Contract:
    """Leave the model's Python and its weights, checked to fit; without weights, those that the Python makes."""
    from stages.frameworks.jax import model as jax_model
    from stages.frameworks.jax.described import described

    python, what = job.inputs['python'], f'{params.file}:{params.function}'
    make = _function(python, params)
    model = jax_model.built(what, _safely(make, job, what))
    if files := [*fetched(job.inputs, 'weights').values()]:
        if not model.weights:
            raise StepError(f'{what} returns a function alone, which has no parameters that the weights could be')
        job.progress(0.3, f'reading {files[0].name}')
        held = jax_weights.read(files)
        given = (params.key, params.prefix, params.drop)
        model = model.filled(jax_weights.fitted(what, files[0].name, model.weights, held, *given))
    jax_model.save(job.output, python, params.file, params.function, model)
    job.progress(0.7, 'tracing it')
    return described(what, jax_model.load(job.output), job.contract, lambda error: told(error, job.output))


def _function(python: Path, params: Params) -> Callable[..., Any]:
    try:
        return load_function(python, params.file, params.function)
    except StepError as error:
        if isinstance(error.__cause__, ModuleNotFoundError):
            raise StepError(
                f'{error}\nit runs in the locked environment {ENVIRONMENT}, which has JAX, Flax, Equinox, Optax, '
                'einops, SciPy and what these need'
            ) from error
        raise


def _safely(make: Callable[..., Any], job: Job, what: str) -> Callable[[], Any]:
    return lambda: call(make, job.inputs['python'], what)
