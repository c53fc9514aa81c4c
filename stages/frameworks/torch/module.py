"""The ``torch`` format: the Python that builds a module, its weights, and the transforms made since.

module.json           {"format": 1, "file": "models/rnet.py", "function": "build", "transforms": []}
python/models/…       the file and what it imports from recipes/models
weights.safetensors   float weights; absent when ``function`` makes seeded weights itself
state.pt              after a transform: the state of the changed module, read with ``weights_only=True``
"""

from __future__ import annotations

import importlib.util
import json
import shutil
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from stages.errors import UnsupportedError

if TYPE_CHECKING:
    import torch

FORMAT = 1
SEED = 0


def load(folder: Path) -> torch.nn.Module:
    """Return the module in ``folder``: built, filled with its weights, transforms replayed, in eval mode."""
    from stages.frameworks.torch import folded as torch_folded
    from stages.frameworks.torch import pruned as torch_pruned
    from stages.frameworks.torch import quantized as torch_quantized

    transforms = describe(folder)['transforms']
    module = load_float(folder)
    if transforms:
        module = torch_folded.fold(module)
    for transform in transforms:
        if transform['kind'] not in ('prune', 'quantize'):
            msg = f'{folder.name}/module.json: unknown transform {transform["kind"]!r}; known: prune, quantize'
            raise UnsupportedError(msg)
        module = (torch_pruned if transform['kind'] == 'prune' else torch_quantized).replay(module, transform)
    if transforms:
        torch_quantized.read_state(module, folder / 'state.pt')  # of the last; those before left only their shapes
    return module.eval()


def load_float(folder: Path) -> torch.nn.Module:
    """Return the module as its Python and ``weights.safetensors`` give it, without any transform, in eval mode."""
    import torch

    about = describe(folder)
    torch.manual_seed(SEED)  # a build() that forgets its seed still makes the same weights each time
    module = function_in(folder / 'python', about['file'], about['function'])()
    if not isinstance(module, torch.nn.Module):
        msg = f'{about["file"]}:{about["function"]} returned {type(module).__name__}; expected a torch.nn.Module'
        raise UnsupportedError(msg)
    weights = folder / 'weights.safetensors'
    if weights.exists():
        from safetensors.torch import load_file

        _fill(module, load_file(weights), about['file'])
    return module.eval()


def function_beside(folder: Path, name: str) -> Any:
    """Return the function ``name`` of the file that builds the module in ``folder``."""
    return function_in(folder / 'python', describe(folder)['file'], name)


def save_float(folder: Path, python: Path, file: str, function: str, state: Mapping[str, Any] | None) -> None:
    """
    Write a ``torch`` folder.

    ``python`` holds ``file`` and whatever it imports, and is copied whole (without caches); ``state`` is the float
    state dict, or None when ``function`` makes its weights itself. Equal input gives equal bytes.
    """
    folder.mkdir(parents=True, exist_ok=True)
    if python.resolve() != (folder / 'python').resolve():
        shutil.copytree(
            python, folder / 'python', dirs_exist_ok=True, ignore=shutil.ignore_patterns('__pycache__', '*.pyc')
        )
    if state is not None:
        from safetensors.torch import save_file

        # clones: safetensors refuses tensors that share memory (tied weights), and we want each key to be whole
        tensors = {name: state[name].detach().cpu().contiguous().clone() for name in sorted(state)}
        save_file(tensors, folder / 'weights.safetensors')
    write_description(folder, file, function, [])


def save_transformed(folder: Path, source: Path, transform: Mapping[str, Any], module: torch.nn.Module) -> None:
    """Write ``module``, which ``transform`` made of the module in ``source``, so that ``load`` can replay it."""
    from stages.frameworks.torch import quantized as torch_quantized

    about = describe(source)
    shutil.copytree(source / 'python', folder / 'python', ignore=shutil.ignore_patterns('__pycache__', '*.pyc'))
    # no float weights: the state holds all that the changed module needs
    write_description(folder, about['file'], about['function'], [*about['transforms'], dict(transform)])
    torch_quantized.write_state(module, folder / 'state.pt')


def describe(folder: Path) -> dict[str, Any]:
    """Return ``module.json``."""
    about: dict[str, Any] = json.loads((folder / 'module.json').read_text('utf-8'))
    if about.get('format') != FORMAT:
        msg = f'{folder.name}/module.json: format {about.get("format")!r}; this version reads format {FORMAT}'
        raise UnsupportedError(msg)
    return about


def write_description(folder: Path, file: str, function: str, transforms: list[dict[str, Any]]) -> None:
    """Write ``module.json``."""
    about = {'format': FORMAT, 'file': file, 'function': function, 'transforms': transforms}
    (folder / 'module.json').write_text(json.dumps(about, indent=2, sort_keys=True) + '\n', 'utf-8')


def function_in(python: Path, file: str, function: str) -> Any:
    """Return a function of the file that lies at ``file`` below ``python``, and of nothing outside of it."""
    path = python / file
    if not path.resolve().is_relative_to(python.resolve()):
        msg = f'{file}: leaves the folder of the model'
        raise UnsupportedError(msg)
    # both, so that ``import models.blocks`` and ``import blocks`` work as they do in recipes/
    for entry in (str(path.parent.resolve()), str(python.resolve())):
        if entry not in sys.path:
            sys.path.insert(0, entry)
    # the name carries no folder, so that nothing saved can hold one; registered, because dataclasses look it up
    name = 'modelkiln_model_' + Path(file).stem
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        msg = f'{file}: is not a Python file'
        raise UnsupportedError(msg)
    loaded = importlib.util.module_from_spec(spec)
    sys.modules[name] = loaded
    before, sys.dont_write_bytecode = sys.dont_write_bytecode, True  # the store must stay as it was
    try:
        spec.loader.exec_module(loaded)
    finally:
        sys.dont_write_bytecode = before
    if not hasattr(loaded, function):
        msg = f'{file}: has no function {function!r}'
        raise UnsupportedError(msg)
    return getattr(loaded, function)


def _fill(module: torch.nn.Module, state: Mapping[str, Any], file: str) -> None:
    try:
        module.load_state_dict(state, strict=True)
    except RuntimeError as error:
        msg = f'{file}: the weights do not fit the module it builds\n{error}'
        raise UnsupportedError(msg) from error
