"""What paddle2onnx made, with the names, the order and the sizes of the contract."""

from __future__ import annotations

from typing import Any

from stages.contract.port import Contract
from stages.errors import UnsupportedError


def declare(model: Any, contract: Contract) -> None:
    """Give inputs and outputs the names and the order, and inputs the sizes, of ``contract``."""
    from stages.frameworks.onnx.names import name_ports

    given = {value.name: value for value in model.graph.input}
    wanted = [port.in_file for port in contract.inputs if port.in_file in given]
    if len(wanted) != len(given):
        unknown = ', '.join(sorted(given.keys() - set(wanted)))
        raise UnsupportedError(f'paddle2onnx made inputs that the model does not have: {unknown}')
    for port in contract.inputs:
        if port.in_file in given:  # what the model does not use, the tool drops
            for size, dim in zip(port.shape, given[port.in_file].type.tensor_type.shape.dim, strict=True):
                if isinstance(size, str):
                    dim.dim_param = size
                else:
                    dim.dim_value = size
    model.graph.input.sort(key=lambda value: wanted.index(value.name))
    if len(model.graph.output) != len(contract.outputs):
        has = ', '.join(value.name for value in model.graph.output)
        raise UnsupportedError(f'paddle2onnx made {len(model.graph.output)} outputs ({has}) of {len(contract.outputs)}')
    # it may number them anew, in the model's order
    returned = [value.name for value in model.graph.output]
    own = [port.in_file for port in contract.outputs]
    places = own if set(own) == set(returned) else returned
    names = dict(zip(places, (port.name for port in contract.outputs), strict=True))
    model.graph.output.sort(key=lambda value: places.index(value.name))
    for value in model.graph.output:
        for axis, dim in enumerate(value.type.tensor_type.shape.dim):
            if not dim.dim_value:
                dim.dim_param = f'{names[value.name]}_{axis}'
    taken = [port.name for port in contract.inputs if port.in_file in given]
    name_ports(model, taken, [port.name for port in contract.outputs])
