"""In which order a model's file has its ports: TVM's importers go by place."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from stages.contract.port import Contract


def in_file_order(folder: Path, contract: Contract) -> Contract:
    """Return ``contract`` with its ports in the order of the file in ``folder``; an ONNX graph is brought into ours."""
    if (folder / 'model.pt2').exists():
        from stages.frameworks.torch import exported

        given = [name for name in exported.user_inputs(exported.load(folder / 'model.pt2')) if isinstance(name, str)]
        taken = {port.in_file: port for port in contract.inputs}
        return replace(
            contract,
            inputs=tuple(taken[name] for name in given if name in taken),
            outputs=tuple(sorted(contract.outputs, key=lambda port: int(port.in_file))),
        )
    if (folder / 'model.tflite').exists():
        from stages.frameworks.tflite import ports

        found = ports.read(folder / 'model.tflite')
        taken, returned = ({port.in_file: port for port in some} for some in (contract.inputs, contract.outputs))
        return replace(
            contract,
            inputs=tuple(taken[port.name] for port in found.inputs),
            outputs=tuple(returned[port.name] for port in found.outputs),
        )
    return contract
