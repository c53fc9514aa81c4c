"""Join a PyTorch module and its trained weights; leave the ``torch`` format.

Weights are read as tensors only. A file that needs more than that is refused: there is no second, trusting, attempt.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from stages.contract.kind import Job
from stages.errors import StepError
from stages.sources.python import load_function

if TYPE_CHECKING:
    import torch

KIND = 'torch-source'
TOOLS = ('torch', 'safetensors')

_SHOWN = 5


@dataclass(frozen=True)
class Params:
    file: str
    """The Python file that builds the module, relative to recipes/."""

    function: str
    """The function in it; takes nothing, returns a ``torch.nn.Module``."""


def outputs(params: Params) -> tuple[str, ...]:
    """Return the files it leaves, beside the Python."""
    return ('module.json', 'weights.safetensors', f'python/{params.file}')


def run(params: Params, job: Job) -> None:
    """Leave the module's Python and its weights, checked to fit; without weights, those that the Python makes."""
    import torch

    from stages.frameworks.torch.module import SEED, save_float

    what = f'{params.file}:{params.function}'
    build = load_function(job.inputs['python'], params.file, params.function)
    torch.manual_seed(SEED)  # a build() that forgets its seed still makes the same weights each time
    try:
        module = build()
    except Exception as error:
        raise StepError(f'{what} failed: {type(error).__name__}: {error}') from error
    if not isinstance(module, torch.nn.Module):
        raise StepError(f'{what} returned {type(module).__name__}; expected a torch.nn.Module')
    state = module.state_dict()
    if 'weights' in job.inputs:
        file = _one_file(job.inputs['weights'])
        job.progress(0.3, f'reading {file.name}')
        weights = _read(file)
        _check(what, file.name, state, weights)
        # In the module's own types: a checkpoint in half precision still makes a float32 model.
        state = {name: weights.get(name, own).to(own.dtype) for name, own in state.items()}
    save_float(job.output, job.inputs['python'], params.file, params.function, state)


def _one_file(folder: Path) -> Path:
    files = sorted(path for path in folder.iterdir() if path.is_file())
    if len(files) != 1:
        raise StepError(f'weights must be one file; fetched: {", ".join(f.name for f in files) or "nothing"}')
    return files[0]


def _read(file: Path) -> Mapping[str, torch.Tensor]:
    """Return the tensors of a ``.safetensors``, ``.pth`` or ``.pt`` file."""
    import torch

    try:
        if file.suffix == '.safetensors':
            from safetensors.torch import load_file

            found: Any = load_file(file)
        elif file.suffix in ('.pth', '.pt'):
            found = torch.load(file, map_location='cpu', weights_only=True)
        else:
            raise StepError(f'{file.name}: weights are read from .safetensors, .pth and .pt files')
    except StepError:
        raise
    except Exception as error:
        raise StepError(
            f'{file.name}: cannot be read as plain weights: {str(error)[:500]}\n'
            'It is damaged, or it holds Python objects, whose loading runs code. Ask for a .safetensors file, or, '
            'where you trust the file, save its state_dict() to one.'
        ) from error
    if isinstance(found, Mapping) and isinstance(found.get('state_dict'), Mapping):
        found = found['state_dict']
    if not isinstance(found, Mapping) or not all(isinstance(t, torch.Tensor) for t in found.values()):
        raise StepError(f'{file.name}: holds {type(found).__name__}, not a state_dict (tensors by name)')
    return found


def _check(what: str, file: str, module: Mapping[str, torch.Tensor], weights: Mapping[str, torch.Tensor]) -> None:
    """Raise StepError with every name that is missing, unexpected or of another shape."""
    # Old checkpoints lack the counters of normalisation layers, which do nothing in eval mode.
    missing = [n for n in module if n not in weights and not n.endswith('num_batches_tracked')]
    unexpected = [n for n in weights if n not in module]
    shapes = [
        f'{n} {list(weights[n].shape)}, the module has {list(module[n].shape)}'
        for n in weights
        if n in module and weights[n].shape != module[n].shape
    ]
    found = (('missing', missing), ('unexpected', unexpected), ('of another shape', shapes))
    lines = [f'  {len(names)} {word}: {_some(names)}' for word, names in found if names]
    if lines:
        raise StepError('\n'.join([f'{file} does not fit the module of {what}', *lines]))


def _some(names: list[str]) -> str:
    more = f' and {len(names) - _SHOWN} more' if len(names) > _SHOWN else ''
    return ', '.join(names[:_SHOWN]) + more
