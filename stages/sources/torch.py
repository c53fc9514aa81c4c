"""Join a PyTorch module and its trained weights; leave the ``torch`` format.

Weights are read as tensors only. A file that needs more than that is refused: there is no second, trusting, attempt.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from stages.contract.job import Job
from stages.contract.port import Contract
from stages.errors import StepError
from stages.sources import checkpoint, signs, weights
from stages.sources.fetched import fetched
from stages.sources.python import call, load_function

KIND = 'torch-source'
TOOLS = ('torch', 'numpy', 'safetensors')
ENVIRONMENT = ''
OLD = (0x1950A86A20F9469CFC6C).to_bytes(10, 'little')
"""The number that ``torch.save`` put first, before 2020."""

original = None
"""The module that is run is the recipe's own Python with its weights, which are checked to be all there."""


@dataclass(frozen=True)
class Params:
    file: str
    """The Python file that builds the module, relative to recipes/."""

    function: str
    """The function in it; takes nothing, returns a ``torch.nn.Module``."""

    key: str = ''
    """Where in a checkpoint the weights are: a dotted path, like `model` or `state_dict`."""

    prefix: str = ''
    """What the names in the file begin with, and those of the module do not, like `module.`."""

    drop: tuple[str, ...] = ()
    """Globs of tensors in the file that are not the module's, like `head.*`."""


def outputs(params: Params) -> tuple[str, ...]:
    """Return the files it leaves, beside the Python."""
    return ('module.json', 'weights.safetensors', f'python/{params.file}')


def run(params: Params, job: Job) -> Contract:
    """Leave the module's Python and its weights, checked to fit; without weights, those that the Python makes."""
    import torch

    from stages.frameworks.torch.module import SEED, save_float

    what = f'{params.file}:{params.function}'
    build = load_function(job.inputs['python'], params.file, params.function)
    torch.manual_seed(SEED)  # a build() that forgets its seed still makes the same weights each time
    module = call(build, job.inputs['python'], what)
    if not isinstance(module, torch.nn.Module):
        raise StepError(f'{what} returned {type(module).__name__}; expected a torch.nn.Module')
    state = module.state_dict()
    if files := _files(job.inputs):
        job.progress(0.3, f'reading {files[0].name}')
        pick = weights.Pick(params.key, params.prefix, params.drop)
        state, how = weights.fitted(what, files[0].name, module, weights.read(files), pick)
        job.progress(0.8, how or 'the weights fit')
    save_float(job.output, job.inputs['python'], params.file, params.function, state)
    return _contract(what, job)


def recognise(path: Path) -> dict[str, str]:
    """Return the file where its content is tensors: safetensors, or what ``torch.save`` writes without code."""
    data, held = signs.head(path, 64), signs.below_the_first_folder(path)
    plain = len(data) > 9 and data[8:9] == b'{' and int.from_bytes(data[:8], 'little') < path.stat().st_size
    packed = 'data.pkl' in held and not {'constants.pkl', 'archive_format'} & held
    if plain:
        return {signs.named(path, '.safetensors'): path.name}
    return {signs.named(path, '.pt', '.pth', '.bin', '.ckpt'): path.name} if packed or OLD in data else {}


def holds(folder: Path) -> list[dict[str, Any]]:
    """Return what a fetched file of tensors holds: for each mapping its ``key``, ``prefix`` and ``tensors``."""
    return checkpoint.held(weights.read([*fetched({'weights': folder}, 'weights').values()]))


def _contract(what: str, job: Job) -> Contract:
    """Return the contract of what was left, read by running it on made-up inputs."""
    from stages.frameworks.torch.described import described
    from stages.frameworks.torch.module import load

    job.progress(0.9, 'running it on made-up inputs')
    return described(what, load(job.output), job.contract)


def _files(inputs: Mapping[str, Path]) -> list[Path]:
    """Return every file of every fetch of weights."""
    return [*fetched(inputs, 'weights').values()]
