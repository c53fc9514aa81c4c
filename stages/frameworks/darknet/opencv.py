"""What OpenCV calls the layers of a Darknet net."""

from __future__ import annotations

from collections.abc import Sequence

from stages.errors import StepError
from stages.frameworks.darknet.cfg import Net


def layer(called: str, net: Net, names: Sequence[str]) -> str:
    """Return the layer of OpenCV's that gives what our ``called`` gives.

    It makes several of one: convolution and batch norm, with the section's number at the end, and an activation behind
    them with the next number.
    """
    number = int(called.rpartition('_')[2])
    activation = f'{net.layers[number].options.get("activation", "linear")}_{number + 1}'
    found = [name for name in names if name == activation or name.endswith(f'_{number}')]
    if not found:
        raise StepError(f'OpenCV has no layer {number}; it has {", ".join([*names][-8:])}')
    return found[-1]
