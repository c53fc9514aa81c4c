"""A module as its contract tells it: tensors in the contract's order in, a tuple of tensors in its order out.

Whatever forward is (keywords, dicts, optional arguments, dataclasses of outputs, state inside), this is what engines
call and what exporters, tracers and quantizers see.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from stages.contract.port import Contract
from stages.frameworks.torch import arguments, examples, inner, paths

if TYPE_CHECKING:
    import torch


def calling(module: Any, contract: Contract, example: tuple[Any, ...] = ()) -> torch.nn.Module:
    """Return a module of tensors that calls ``module`` by the paths in ``contract``, its state fresh in each call.

    NumPy has no bfloat16: such outputs become float32, and float inputs of a bfloat16 module that refuses
    them are turned to bfloat16; ``example`` shows it.
    """
    import torch

    taken = arguments.arguments(module)
    inputs = [port.in_file for port in contract.inputs]
    outputs = [port.in_file for port in contract.outputs]
    initial = inner.values(module, contract.state)
    cast = examples.has_bfloat16(module, contract) and refuses(module, contract, example)

    class Calling(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.module = module

        def forward(self, *tensors: Any) -> Any:
            given = [examples.bfloat16(tensor) for tensor in tensors] if cast else tensors
            with inner.fresh(self.module, initial):
                result = arguments.called(self.module, taken, dict(zip(inputs, given, strict=True)))
            found = tuple(plain(paths.picked(result, path)) for path in outputs)
            return found[0] if len(found) == 1 else found

    return Calling().eval()


def in_own_order(module: Any, contract: Contract) -> Contract:
    """Return ``contract`` with its ports in the order that ``module`` itself has, where names of the file tell it."""
    from dataclasses import replace

    order = {argument.name: place for place, argument in enumerate(arguments.arguments(module))}
    inputs, outputs = contract.inputs, contract.outputs
    if all(port.in_file in order for port in inputs):
        inputs = tuple(sorted(inputs, key=lambda port: order[port.in_file]))
    if all(port.in_file.isdigit() for port in outputs):
        outputs = tuple(sorted(outputs, key=lambda port: int(port.in_file)))
    return replace(contract, inputs=inputs, outputs=outputs)


def for_tools(module: Any, contract: Contract, example: tuple[Any, ...]) -> tuple[torch.nn.Module, Contract]:
    """Return a module of tensors for tools that know no other, and ``contract`` with its own words for them.

    That is ``module`` itself where it takes and gives just that; else one around it, whose arguments have the ports'
    names. Its outputs are a tensor, or a tuple of tensors.
    """
    if is_plain(module, contract, example):
        return module, contract
    wrapped, names = named(calling(module, contract, example), [port.name for port in contract.inputs])
    return wrapped, by_place(contract, names)


def by_place(contract: Contract, names: list[str]) -> Contract:
    """Return ``contract`` of a module that takes arguments of these ``names`` and returns outputs in order."""
    from dataclasses import replace

    inputs = tuple(replace(port, file=name) for port, name in zip(contract.inputs, names, strict=True))
    several = len(contract.outputs) > 1
    outputs = tuple(replace(port, file=str(i) if several else paths.WHOLE) for i, port in enumerate(contract.outputs))
    return replace(contract, inputs=inputs, outputs=outputs, state=())


def is_plain(module: Any, contract: Contract, example: tuple[Any, ...]) -> bool:
    """Whether ``module`` takes tensors in the contract's order and nothing else, and returns them so."""
    import torch

    if contract.state or examples.has_bfloat16(module, contract):
        return False
    taken = arguments.arguments(module)
    if [a.name for a in taken] != [port.in_file for port in contract.inputs] or any(a.by != 'place' for a in taken):
        return False
    with torch.no_grad():
        result = module(*example)
    several = isinstance(result, (tuple, list))
    given = list(result) if several else [result]
    wanted = [port.in_file for port in contract.outputs]
    if wanted != ([str(i) for i in range(len(given))] if several else [paths.WHOLE]):
        return False
    return all(isinstance(t, torch.Tensor) and t.dtype != torch.bfloat16 and not t.is_quantized for t in given)


def named(module: torch.nn.Module, names: list[str]) -> tuple[torch.nn.Module, list[str]]:
    """Return a module around ``module`` whose forward has arguments of these ``names``, as Python allows them.

    Tracers and exporters read names from the signature, which ``*tensors`` has not.
    """
    import torch

    root = torch.nn.Module()
    root.inner = module
    graph = torch.fx.Graph()
    made = [graph.placeholder(re.sub(r'\W', '_', name)) for name in names]
    graph.output(graph.call_module('inner', tuple(made)))
    return torch.fx.GraphModule(root, graph).eval(), [node.name for node in made]


def refuses(module: Any, contract: Contract, example: tuple[Any, ...]) -> bool:
    """Whether a bfloat16 module refuses ``example`` as it is."""
    import torch

    example = tuple(tensor.clone() for tensor in example) or examples.tensors(contract)
    if not any(tensor.dtype == torch.float32 for tensor in example):
        return False
    taken = arguments.arguments(module)
    given = dict(zip([port.in_file for port in contract.inputs], example, strict=True))
    with torch.no_grad(), inner.fresh(module, inner.values(module, contract.state)):
        try:
            arguments.called(module, taken, given)
        except RuntimeError:
            return True
    return False


def plain(tensor: Any) -> Any:
    """Return a tensor that NumPy can hold."""
    import torch

    if not isinstance(tensor, torch.Tensor):  # of a symbolic trace
        return tensor
    if tensor.is_quantized:
        return tensor.dequantize()
    return tensor.float() if tensor.dtype == torch.bfloat16 else tensor
