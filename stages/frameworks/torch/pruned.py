"""Pruned modules of torch: cut once with torch-pruning, then replayed from the sizes that were left, without it."""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from stages.errors import UnsupportedError

if TYPE_CHECKING:
    import torch

SAME = 1e-4  # relative; between a channel that is silent and one that is gone


def structured(
    module: torch.nn.Module, called: torch.nn.Module, example: tuple[torch.Tensor, ...], ratio: float
) -> list[str]:
    """
    Cut ``ratio`` of the channels out of ``module``, the weakest by weight, wherever that is safe; return where it is.

    ``called`` is what calls ``module`` with tensors by place. Safe is where a channel that is gone equals one that is
    silent. That leaves whole what the model returns, what Python code or a reshape counts on, and what a layer norm
    sees.
    """
    import torch
    import torch_pruning as tp

    kinds = (torch.nn.modules.conv._ConvNd, torch.nn.Linear)
    layers = {name: m for name, m in module.named_modules() if isinstance(m, kinds)}
    safe = [name for name in layers if _removal_is_silence(module, called, name, example)]
    pruner = tp.pruner.MagnitudePruner(
        called,
        example,
        importance=tp.importance.MagnitudeImportance(p=2),
        pruning_ratio=ratio,
        ignored_layers=[m for name, m in layers.items() if name not in safe],
        root_module_types=list(kinds),
    )
    pruner.step()
    return safe


def unstructured(module: torch.nn.Module, ratio: float) -> Callable[[], None]:
    """Zero ``ratio`` of all weights, the smallest of the whole net; return what zeroes the same ones again."""
    import torch

    kinds = (torch.nn.modules.conv._ConvNd, torch.nn.Linear)
    weights = [m.weight for m in module.modules() if isinstance(m, kinds)]
    sizes = torch.cat([w.detach().abs().flatten() for w in weights]) if weights else torch.zeros(0)
    count = int(ratio * len(sizes))
    limit = float(sizes.kthvalue(count).values) if count else -1.0
    kept = [w.detach().abs() > limit for w in weights]

    def zero() -> None:
        with torch.no_grad():
            for weight, keep in zip(weights, kept, strict=True):
                weight.mul_(keep)

    zero()
    return zero


def changes(before: torch.nn.Module, after: torch.nn.Module) -> dict[str, Any]:
    """Return what ``replay`` needs to make the sizes of ``after`` from ``before``."""
    old, found = dict(before.named_modules()), {}
    for name, module in after.named_modules():
        sizes = {k: v for k, v in vars(module).items() if _is_size(v) and getattr(old[name], k, None) != v}
        if sizes:
            found[name] = {k: list(v) if isinstance(v, tuple) else v for k, v in sizes.items()}
    was = before.state_dict()
    shapes = {k: list(v.shape) for k, v in after.state_dict().items() if v.shape != was[k].shape}
    return {'sizes': found, 'shapes': shapes}


def replay(module: torch.nn.Module, transform: Mapping[str, Any]) -> torch.nn.Module:
    """Return ``module`` with the sizes in ``transform``; its numbers come from ``state.pt``."""
    import torch

    modules = dict(module.named_modules())
    for name, sizes in transform['sizes'].items():
        for key, value in sizes.items():
            setattr(modules[name], key, tuple(value) if isinstance(value, list) else value)
    for name, shape in transform['shapes'].items():
        owner, _, key = name.rpartition('.')
        old = getattr(modules[owner], key)
        new = torch.zeros(shape, dtype=old.dtype)
        setattr(modules[owner], key, torch.nn.Parameter(new) if isinstance(old, torch.nn.Parameter) else new)
    return module


def _is_size(value: Any) -> bool:
    return type(value) is int or (isinstance(value, tuple) and all(type(v) is int for v in value))


def _removal_is_silence(
    module: torch.nn.Module, called: torch.nn.Module, name: str, example: tuple[torch.Tensor, ...]
) -> bool:
    """Say whether ``module`` without the first channel of layer ``name`` computes what it does with that one silent."""
    import torch
    import torch_pruning as tp

    try:
        tried, copied = _copied(module, called)
    except Exception as error:
        raise UnsupportedError(
            f'torch-pruning tries each cut on a copy, and this module cannot be copied: {type(error).__name__}: '
            f'{str(error)[:300]}\nwhat to try: torch-prune: {{method: unstructured}}'
        ) from error
    try:
        graph = tp.DependencyGraph().build_dependency(copied, example)
        layer = dict(tried.named_modules())[name]
        group = graph.get_pruning_group(layer, graph.get_pruner_of_module(layer).prune_out_channels, [0])
        if not graph.check_pruning_group(group):
            return False
        with torch.no_grad():
            for dependency, places in group:
                if graph.is_out_channel_pruning_fn(dependency.handler):
                    _silence(dependency.target.module, places)
            silent = _several(copied(*example))
            group.prune()
            gone = _several(copied(*example))
    except Exception:  # a reshape that no longer fits, a size in Python code: whatever it is, this layer stays whole
        return False
    return all(
        a.shape == b.shape and bool((a - b).double().norm() <= SAME * a.double().norm())
        for a, b in zip(silent, gone, strict=True)
    )


def _copied(module: torch.nn.Module, called: torch.nn.Module) -> tuple[torch.nn.Module, torch.nn.Module]:
    """Return copies of a module and of what calls it."""
    both: Any = copy.deepcopy({'module': module, 'called': called})
    return both['module'], both['called']


def _several(result: Any) -> tuple[Any, ...]:
    return tuple(result) if isinstance(result, (tuple, list)) else (result,)


def _silence(module: torch.nn.Module, places: list[int]) -> None:
    import torch

    for parameter in module.parameters(recurse=False):
        axis = 1 if isinstance(module, torch.nn.modules.conv._ConvTransposeNd) and parameter.dim() > 1 else 0
        parameter.index_fill_(axis, torch.tensor(places), 0)
