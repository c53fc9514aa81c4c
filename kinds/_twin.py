"""What the two kinds of twins share: the weights of a torch module, and what the recipe says of it."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from stages.errors import UnsupportedError
from stages.frameworks.torch import module as torch_module

if TYPE_CHECKING:
    import numpy as np

    from stages.contract.job import Job
    from stages.contract.port import Contract


def weights(job: Job) -> dict[str, np.ndarray]:
    """Return the weights of the module by torch's names."""
    folder = job.inputs['model']
    if torch_module.describe(folder)['transforms']:
        raise UnsupportedError('a twin is made of a module as it came, not of a pruned or quantized one')
    return {name: tensor.numpy() for name, tensor in torch_module.load_float(folder).state_dict().items()}


def asked(contract: Contract) -> Contract:
    """Return what the recipe says of the ports, without what torch calls them."""
    inputs, outputs = (tuple(replace(p, file='') for p in ports) for ports in (contract.inputs, contract.outputs))
    return replace(contract, inputs=inputs, outputs=outputs)
