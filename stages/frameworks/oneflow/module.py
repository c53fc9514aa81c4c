"""The ``oneflow`` format: the Python that builds a module, and its weights.

model.json            {"format": 1, "file": "models/net.py", "function": "build"}
python/models/…       the file and what it imports from recipes/models
weights.safetensors   the state of the module, by name
"""

from __future__ import annotations

import json
import random
import shutil
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from stages.contract.port import Contract
from stages.errors import StepError, UnsupportedError
from stages.frameworks.torch import arguments, paths
from stages.frameworks.torch.module import function_in

if TYPE_CHECKING:
    import numpy

FORMAT: Final = 1
SEED: Final = 0
WEIGHTS: Final = 'weights.safetensors'


def built(what: str, make: Callable[[], Any]) -> Any:
    """Return the module that ``make`` builds, in eval mode; a forgotten seed is the same each time.

    Raises StepError where what it returns is no module of OneFlow.
    """
    import numpy as np
    import oneflow

    random.seed(SEED)
    np.random.seed(SEED)
    oneflow.manual_seed(SEED)
    module = make()
    if not isinstance(module, oneflow.nn.Module):
        raise StepError(f'{what} returned {type(module).__name__}; expected a oneflow.nn.Module')
    return module.eval()


def weights(module: Any) -> dict[str, numpy.ndarray]:
    """Return the module's state as arrays, by name."""
    return {name: tensor.numpy() for name, tensor in module.state_dict().items()}


def filled(module: Any, held: Mapping[str, numpy.ndarray]) -> Any:
    """Return the module with these arrays as its state."""
    import oneflow

    module.load_state_dict({name: oneflow.tensor(array) for name, array in held.items()})
    return module


def load(folder: Path) -> Any:
    """Return the module in ``folder``: built, and filled with the weights beside it."""
    from safetensors.numpy import load_file

    about = json.loads((folder / 'model.json').read_text('utf-8'))
    if about.get('format') != FORMAT:
        raise UnsupportedError(
            f'{folder.name}/model.json: format {about.get("format")!r}; this version reads format {FORMAT}'
        )
    what = f'{about["file"]}:{about["function"]}'
    module = built(what, function_in(folder / 'python', about['file'], about['function']))
    held = load_file(folder / WEIGHTS)
    if held.keys() != module.state_dict().keys():
        raise UnsupportedError(f'{what} builds a module of other weights than those beside it')
    return filled(module, held)


def save(folder: Path, python: Path, file: str, function: str, module: Any) -> None:
    """Write a ``oneflow`` folder; ``python`` holds ``file`` and whatever it imports. Equal input gives equal bytes."""
    from safetensors.numpy import save_file

    skip = shutil.ignore_patterns('__pycache__', '*.pyc')
    shutil.copytree(python, folder / 'python', dirs_exist_ok=True, ignore=skip)
    held = weights(module)
    save_file({name: held[name].copy(order='C') for name in sorted(held)}, folder / WEIGHTS)
    about = {'format': FORMAT, 'file': file, 'function': function}
    (folder / 'model.json').write_text(json.dumps(about, indent=2, sort_keys=True) + '\n', 'utf-8')


def answer(where: str, module: Any, inputs: Sequence[str], given: Sequence[Any]) -> list[tuple[str, Any]]:
    """Call the module with tensors for ``inputs``, which are paths in its forward; return its tensors by path.

    Raises StepError, which begins with ``where``, for an answer in which no tensor can be found by name.
    """
    taken = arguments.of_signature(module.forward)
    placed, named = arguments.arranged(taken, dict(zip(inputs, given, strict=True)))
    return _leaves(module(*placed, **named), where, '')


def outputs(module: Any, contract: Contract, given: Sequence[Any]) -> list[Any]:
    """Return what the module answers to tensors in the contract's order, in its order."""
    found = dict(answer('forward', module, [port.in_file for port in contract.inputs], given))
    return [found[port.in_file] for port in contract.outputs]


def _leaves(value: Any, where: str, path: str) -> list[tuple[str, Any]]:
    import oneflow

    if isinstance(value, oneflow.Tensor):
        return [(path or paths.WHOLE, value)]
    if value is None:
        return []
    found = paths.parts(value, where, path)
    return [leaf for key, part in found for leaf in _leaves(part, where, paths.joined(path, key))]
