"""What an exported program says of its inputs and outputs."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from stages.contract.match import matched
from stages.contract.port import Contract, Port
from stages.frameworks.torch import exported, exported_spec, paths
from stages.frameworks.torch.converted import named_alone


def read(program: Any, declared: Sequence[str], taken: Sequence[str] = (), returned: Sequence[str] = ()) -> Contract:
    """Return the ports of ``program``: inputs in ``file`` by their name in the graph, outputs by their place.

    ``taken`` and ``returned`` are the paths that the file had for them, of which ``declared``, the recipe's names, may
    use any. Precision is that of the weights.
    """
    from stages.frameworks.torch.described import dtype_of

    values = {node.name: node.meta.get('val') for node in program.graph.nodes}
    given = exported.user_inputs(program)
    path_of = {name: path for name, path in zip(given, taken, strict=False) if isinstance(name, str)}
    inputs = []
    for name in (name for name in given if isinstance(name, str) and _is_tensor(values.get(name))):
        path = path_of.get(name, name)
        own = path if path in declared else name
        inputs.append(Port(own, _shape(values[name].shape), dtype_of(values[name]), name))
    results = list(program.graph_signature.user_outputs)
    places = [place for place, name in enumerate(results) if isinstance(name, str) and _is_tensor(values.get(name))]
    where = [returned[place] if place < len(returned) else str(place) for place in places]
    names = paths.called(declared, where, 'output')
    outputs = []
    for place, name in zip(places, names, strict=True):
        value = values[results[place]]
        outputs.append(Port(name, _shape(value.shape), dtype_of(value), str(place)))
    return Contract(tuple(inputs), tuple(outputs), precision=_precision(program))


def made(program: Any, before: Contract) -> Contract:
    """Return the contract of ``program``, which was made of a model with the contract ``before``, in its order."""
    found = read(program, ())
    inputs = tuple(replace(own, name=port.name) for own, port in zip(found.inputs, before.inputs, strict=True))
    outputs = tuple(replace(own, name=port.name) for own, port in zip(found.outputs, before.outputs, strict=True))
    contract = matched('model.pt2', replace(found, inputs=inputs, outputs=outputs), named_alone(before))
    return replace(contract, precision=before.precision)


def by_place(program: Any, contract: Contract) -> Contract:
    """Return ``contract``, of ``program``, with places for names in the file: what is compiled knows no others."""
    given = [name for name in exported.user_inputs(program) if isinstance(name, str)]
    inputs = tuple(replace(port, file=str(given.index(port.in_file))) for port in contract.inputs)
    return replace(contract, inputs=inputs)


def in_order(program: Any, module: Any, contract: Contract) -> Callable[..., tuple[Any, ...]]:
    """Return what calls ``module``, of ``program``, with tensors in the contract's order."""
    given = exported.user_inputs(program)
    inputs = [port.in_file for port in contract.inputs]
    outputs = [int(port.in_file) for port in contract.outputs]

    def call(*tensors: Any) -> tuple[Any, ...]:
        named = dict(zip(inputs, tensors, strict=True))
        results = module(*(named.get(value, value) if isinstance(value, str) else value for value in given))
        found = results if isinstance(results, (tuple, list)) else (results,)
        return tuple(found[place] for place in outputs)

    return call


def spelled(source: Path) -> tuple[list[str], list[str]]:
    """Return the paths of tensors that go in and come out of the file ``source``, which is read as data."""
    with zipfile.ZipFile(source) as archive:
        name = next(n for n in archive.namelist() if n.partition('/')[2] == exported.GRAPH)
        module = json.loads(archive.read(name))['graph_module']
    return exported_spec.paths(module)


def _precision(program: Any) -> str:
    from stages.frameworks.torch.described import most

    if any('quantized' in str(node.target) for node in program.graph.nodes if node.op == 'call_function'):
        return 'int8'
    return most((*program.state_dict.values(), *program.constants.values()))


def _is_tensor(value: Any) -> bool:
    import torch

    return isinstance(value, torch.Tensor)


def _shape(sizes: Any) -> tuple[int | str, ...]:
    return tuple(d if isinstance(d, int) else str(d) for d in sizes)
