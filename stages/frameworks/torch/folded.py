"""Weights that a module computes anew in each call, made plain: weight norm, spectral norm, masks, parametrizations.

What quantizes or cuts a weight must find it as a parameter; the function of the module stays the same.
"""

from __future__ import annotations

import contextlib
from typing import Any


def fold(module: Any) -> Any:
    """Return ``module``, changed in place, with what its hooks and parametrizations compute as its weights."""
    import torch

    if isinstance(module, torch.jit.ScriptModule):
        return module
    from torch.nn.utils import parametrize, prune
    from torch.nn.utils.spectral_norm import SpectralNorm
    from torch.nn.utils.weight_norm import WeightNorm

    from stages.frameworks.refusal import deprecations_silenced

    untyped: Any = prune
    with torch.no_grad(), deprecations_silenced():
        for part in list(module.modules()):
            if parametrize.is_parametrized(part):
                for name in list(part.parametrizations):
                    parametrize.remove_parametrizations(part, name, leave_parametrized=True)
            for hook in list(getattr(part, '_forward_pre_hooks', {}).values()):
                if isinstance(hook, WeightNorm):
                    torch.nn.utils.remove_weight_norm(part, hook.name)
                elif isinstance(hook, SpectralNorm):
                    torch.nn.utils.remove_spectral_norm(part, hook.name)
                    _forget(part)
                elif isinstance(hook, prune.BasePruningMethod):
                    with contextlib.suppress(ValueError):  # a container of several, already gone
                        untyped.remove(part, hook._tensor_name)
    return module


def _forget(part: Any) -> None:
    """Drop the hook that would look for the parts of a spectral norm in a state; torch overlooks its own wrapping."""
    from torch.nn.utils.spectral_norm import SpectralNormLoadStateDictPreHook

    hooks = part._load_state_dict_pre_hooks
    for key, hook in list(hooks.items()):
        if isinstance(getattr(hook, 'hook', hook), SpectralNormLoadStateDictPreHook):
            del hooks[key]
