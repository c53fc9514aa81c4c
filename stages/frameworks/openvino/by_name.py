"""OpenVINO models whose ports are found by the names that another framework gave them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from stages.contract.port import Contract
from stages.frameworks.openvino import ports


def adopt(model: Any, contract: Contract, given: Mapping[str, str], returned: Mapping[str, str]) -> Contract:
    """Let the ports of ``model`` bear the contract's names; ``given`` and ``returned`` are, by these, the model's own.

    Return the contract without the inputs that the conversion found unused and dropped.
    """
    has = {name for port in model.inputs for name in port.get_names()}
    kept = replace(contract, inputs=tuple(port for port in contract.inputs if given[port.name] in has))
    inputs = [port.name for port in kept.inputs]
    outputs = [port.name for port in kept.outputs]
    ports.name_ports(
        model,
        list(zip(ports.places(model.inputs, [given[name] for name in inputs], 'input'), inputs, strict=True)),
        list(zip(ports.places(model.outputs, [returned[name] for name in outputs], 'output'), outputs, strict=True)),
    )
    return kept


def in_file(contract: Contract) -> tuple[dict[str, str], dict[str, str]]:
    """Return, by our names, what the file calls inputs and outputs."""
    given = {port.name: port.in_file for port in contract.inputs}
    return given, {port.name: port.in_file for port in contract.outputs}
