"""Look into a PyTorch module: what each of its layers returns. A reference only: who reads what is not told."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from stages.contract.port import Contract
from stages.contract.tap import Node, Tapped

if TYPE_CHECKING:
    import numpy

FORMATS = ('torch',)
TOOLS = ('torch', 'numpy', 'safetensors')


def tapped(folder: Path, contract: Contract, feed: Mapping[str, numpy.ndarray]) -> Tapped:
    """Return what every layer returned, at its last call where it is called several times, and the module's outputs."""
    import torch

    from stages.frameworks.torch import module as torch_module
    from stages.frameworks.torch.calling import calling

    module = torch_module.load(folder)
    nodes: dict[str, Node] = {}
    values: dict[str, Any] = {}

    def seen(name: str) -> Any:
        def hook(layer: Any, _: Any, result: Any) -> None:
            several = result if isinstance(result, (tuple, list)) else (result,)
            tensors = [each for each in several if isinstance(each, torch.Tensor)]
            names = tuple(f'{name}:{n}' if n else name for n in range(len(tensors)))
            nodes.pop(name, None)
            nodes[name] = Node(name, type(layer).__name__, (), names)
            values.update(zip(names, (_array(each) for each in tensors), strict=True))

        return hook

    for name, layer in module.named_modules():
        if name:
            layer.register_forward_hook(seen(name))
    given = [torch.from_numpy(feed[port.name].copy()) for port in contract.inputs]
    with torch.inference_mode():
        results = calling(module, contract)(*given)
    found = (results,) if isinstance(results, torch.Tensor) else results
    outputs = {port.name: _array(each) for port, each in zip(contract.outputs, found, strict=True)}
    return Tapped(tuple(nodes.values()), values | outputs, ())


def _array(tensor: Any) -> numpy.ndarray:
    array: numpy.ndarray = tensor.detach().float().numpy().copy() if tensor.is_floating_point() else tensor.numpy()
    return array
