"""Int8 modules of torch: made once from float modules, then replayed and filled from ``state.pt``."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from stages.contract.port import Contract, contract_of
from stages.errors import IntegrityError
from stages.frameworks.refusal import deprecations_silenced

if TYPE_CHECKING:
    import torch

CELL = 'modelkiln.dynamic_cell'


def dynamic(module: torch.nn.Module) -> torch.nn.Module:
    """Return ``module``, changed, with int8 weights in its Linear and LSTM layers; activations as they come."""
    import torch
    from torch.ao import quantization

    with deprecations_silenced():
        untyped: Any = quantization
        # a scale per channel where torch has it: MiniLM's rank correlation is 0.72 with it and 0.70 without, of 0.73
        chosen = {
            torch.nn.Linear: quantization.per_channel_dynamic_qconfig,
            torch.nn.LSTM: quantization.default_dynamic_qconfig,
        }
        changed: torch.nn.Module = untyped.quantize_dynamic(module, chosen, inplace=True)
    return changed


def static(
    module: torch.nn.Module,
    contract: Contract,
    examples: tuple[torch.Tensor, ...],
    calibrate: Callable[[torch.nn.Module], None] | None,
) -> torch.nn.Module:
    """Return ``module`` with int8 weights and activations (FX, x86); without ``calibrate`` the shell only.

    It takes and gives tensors in the order of ``contract``, and its arguments have the ports' names.
    """
    import torch
    from torch.ao.quantization import get_default_qconfig_mapping
    from torch.ao.quantization.quantize_fx import convert_fx, prepare_fx

    torch.backends.quantized.engine = 'x86'
    with deprecations_silenced():
        prepared = prepare_fx(_named(module, contract, examples)[0], get_default_qconfig_mapping('x86'), examples)
        if calibrate is not None:
            with torch.no_grad():  # not inference mode: what a hook sets there stays unusable outside
                calibrate(prepared)
        converted: torch.nn.Module = convert_fx(prepared)
    return converted


def replay(module: torch.nn.Module, transform: Mapping[str, Any]) -> torch.nn.Module:
    """Return the shell that ``transform`` makes of ``module``; its numbers come from ``read_state``."""
    import torch

    if transform['mode'] == 'dynamic':
        return dynamic(module)
    examples = tuple(torch.zeros(e['shape'], dtype=getattr(torch, e['dtype'])) for e in transform['examples'])
    return static(module, contract_of(transform['contract']), examples, calibrate=None)


def static_contract(module: torch.nn.Module, contract: Contract, examples: tuple[torch.Tensor, ...]) -> Contract:
    """Return the contract of what ``static`` makes of ``module``."""
    from stages.frameworks.torch.calling import by_place

    return by_place(contract, _named(module, contract, examples)[1])


def _named(module: torch.nn.Module, contract: Contract, examples: tuple[torch.Tensor, ...]) -> Any:
    from stages.frameworks.torch.calling import calling, named

    return named(calling(module.eval(), contract, examples), [port.name for port in contract.inputs])


def write_state(module: torch.nn.Module, path: Path) -> None:
    """Write the state so that ``torch.load(weights_only=True)`` reads it: recurrent cells are unpacked to tensors."""
    import torch

    state = module.state_dict()  # changed in place: its _metadata tells torch how to read int8 layers
    for name in state:
        state[name] = _unpacked(state[name])
    torch.save(state, path)


def read_state(module: torch.nn.Module, path: Path) -> None:
    """Fill ``module`` from ``path``, strictly, running no code that the file holds."""
    import torch

    with deprecations_silenced():
        state = torch.load(path, weights_only=True, map_location='cpu')
        for name in state:
            state[name] = _packed(state[name])
    try:
        module.load_state_dict(state, strict=True)
    except (RuntimeError, KeyError) as error:
        msg = f'{path.name}: does not fit the module that module.json describes\n{error}'
        raise IntegrityError(msg) from error


def _unpacked(value: Any) -> Any:
    import torch

    if not isinstance(value, torch.ScriptObject) or 'CellParamsBase' not in str(value):
        return value
    # torch packs a cell as an object that weights_only refuses; its parts are plain tensors
    parts: Any = value.__getstate__()
    (kind, biases, _, (reduce_range,), packed), _ = parts
    if kind != 'quantized_dynamic':
        return value
    return {CELL: [p.unpack() for p in packed], 'biases': [b.detach() for b in biases], 'reduce_range': reduce_range}


def _packed(value: Any) -> Any:
    import torch

    if not isinstance(value, dict) or CELL not in value:
        return value
    packed = [torch.ops.quantized.linear_prepack(weight, bias) for weight, bias in value[CELL]]
    return torch.ops.quantized.make_quantized_cell_params_dynamic(
        *packed, *value['biases'], bool(value['reduce_range'])
    )
