"""A module of OneFlow in ONNX, by its own exporter, which writes the sizes of the example into the graph.

So it is exported for two examples that differ in every free size; where the two graphs differ, in one place of the
shape that a Reshape makes, that place is what the others leave. A difference elsewhere cannot be made free.
"""

from __future__ import annotations

import re
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from stages.contract.port import Contract
from stages.errors import UnsupportedError
from stages.frameworks.oneflow import module as oneflow_module
from stages.frameworks.torch import examples

OPSET: Final = 10
"""The version that the exporter writes right; from 13 on, means and variances come out wrong."""

INPUT: Final = re.compile(r'_input\.0\.(\d+)_\d+(/out)?$')
"""What the exporter calls an input: by its place."""

ADVICE: Final = 'what to try: onnx: {shape: static}, which has the sizes of the recipe and no others'


def exported(module: Any, contract: Contract) -> Any:
    """Return the module as ONNX with the ports' names of ``contract``, each free dimension free.

    Raises UnsupportedError with the operators that the exporter does not know.
    """
    from stages.frameworks.onnx.names import name_ports

    sizes = examples.sizes(contract)
    model = _exported(module, contract, sizes)
    if sizes:
        free(model, _exported(module, contract, examples.sizes(contract, second=True)))
    places = [_place(value.name) for value in model.graph.input]
    name_ports(model, [contract.inputs[place].name for place in places], [port.name for port in contract.outputs])
    ports = [*(contract.inputs[place] for place in places), *contract.outputs]
    for value, port in zip((*model.graph.input, *model.graph.output), ports, strict=True):
        for dim, size in zip(value.type.tensor_type.shape.dim, port.shape, strict=True):
            if isinstance(size, str):
                dim.dim_param = size
    del model.graph.value_info[:]
    return model


def free(one: Any, other: Any) -> None:
    """Let the sizes in which two exports of one module differ be what is left, in ``one``."""
    import numpy as np
    from onnx import numpy_helper

    held, others = ({each.name: each for each in model.graph.initializer} for model in (one, other))
    if [node.op_type for node in one.graph.node] != [node.op_type for node in other.graph.node]:
        raise UnsupportedError(f'oneflow_onnx writes other operators for other sizes\n{ADVICE}')
    for node, twin in zip(one.graph.node, other.graph.node, strict=True):
        if _attributes(node) != _attributes(twin):
            raise UnsupportedError(f'oneflow_onnx writes a size of the example into a {node.op_type}\n{ADVICE}')
        for place, (name, second) in enumerate(zip(node.input, twin.input, strict=True)):
            if (name in held) != (second in others):
                raise UnsupportedError(f'oneflow_onnx writes a size of the example into a {node.op_type}\n{ADVICE}')
            if name not in held:
                continue
            array, again = numpy_helper.to_array(held[name]), numpy_helper.to_array(others[second])
            if array.shape == again.shape and np.array_equal(array, again):
                continue
            if node.op_type != 'Reshape' or place != 1 or np.count_nonzero(array != again) != 1:
                raise UnsupportedError(f'oneflow_onnx writes a size of the example into a {node.op_type}\n{ADVICE}')
            made = numpy_helper.from_array(np.where(array != again, -1, array).astype(np.int64), f'{name}_{node.name}')
            one.graph.initializer.append(made)
            node.input[place] = made.name
    used = {name for node in one.graph.node for name in node.input}
    kept = [each for each in one.graph.initializer if each.name in used]
    del one.graph.initializer[:]
    one.graph.initializer.extend(kept)


def _attributes(node: Any) -> list[Any]:
    return sorted((each.name, each.SerializeToString()) for each in node.attribute)


def _exported(module: Any, contract: Contract, sizes: Mapping[str, int]) -> Any:
    import oneflow
    import onnx
    from oneflow_onnx.oneflow2onnx.flow2onnx import Export

    class Traced(oneflow.nn.Graph):  # type: ignore[misc]  # untyped
        def __init__(self) -> None:
            super().__init__()
            self.module = module

        def build(self, *given: Any) -> Any:
            found = oneflow_module.outputs(self.module, contract, given)
            return found[0] if len(found) == 1 else tuple(found)

    graph = Traced()
    graph(*(oneflow.tensor(array) for array in examples.arrays(contract, sizes).values()))
    with tempfile.TemporaryDirectory() as folder:
        oneflow.save(graph.state_dict(), f'{folder}/weights')
        Export(graph, f'{folder}/weights', f'{folder}/model.onnx', opset=OPSET)
        model = onnx.load(Path(folder, 'model.onnx'))
    if unknown := sorted({node.op_type for node in model.graph.node if not onnx.defs.has(node.op_type)}):
        raise UnsupportedError(
            f'oneflow_onnx does not write {", ".join(unknown)}\n'
            'what to try: write the model without, or export it with other tools and take the file as `onnx`'
        )
    return model


def _place(name: str) -> int:
    found = INPUT.search(name)
    if found is None:
        raise UnsupportedError(f'oneflow_onnx calls an input {name!r}, which does not tell its place')
    return int(found[1])
