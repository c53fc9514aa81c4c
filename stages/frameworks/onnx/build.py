"""An ONNX graph in the making, for readers of formats that no converter of today reads."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Literal

from stages.contract.port import Contract
from stages.frameworks.onnx import walk

if TYPE_CHECKING:
    import numpy
    import onnx

OPSET: Final = 17
"""The newest set of operators that ONNX Runtime, OpenVINO and TVM all read whole."""

IR: Final = 8


@dataclass(frozen=True)
class Params:
    """Options of ``onnx``, from formats that readers of our own read; its operators are those of opset 17."""

    shape: Literal['dynamic', 'static'] = 'dynamic'
    """dynamic keeps the recipe's named dimensions; static fixes them: one sample, the recipe's ``sizes``, else 1."""


@dataclass
class Graph:
    """Nodes and weights so far. Every node writes values of its own: formats that write in place need no care."""

    nodes: list[Any] = field(default_factory=list)
    weights: list[Any] = field(default_factory=list)
    taken: set[str] = field(default_factory=set)

    def name(self, wish: str) -> str:
        """Return ``wish``, or a name like it that no other value has."""
        made, number = wish, 1
        while made in self.taken:
            number += 1
            made = f'{wish}_{number}'
        self.taken.add(made)
        return made

    def op(self, kind: str, *inputs: str, name: str, **attributes: Any) -> str:
        """Add a node of one output; return its value. An empty input is one that is left out."""
        [made] = self.ops(kind, *inputs, name=name, count=1, **attributes)
        return made

    def ops(self, kind: str, *inputs: str, name: str, count: int, **attributes: Any) -> list[str]:
        """Add a node of ``count`` outputs; return their values."""
        from onnx import helper

        given = list(inputs)
        while given and not given[-1]:
            given.pop()
        made = [self.name(name if count == 1 else f'{name}.{place}') for place in range(count)]
        self.nodes.append(helper.make_node(kind, given, made, name=made[0], **attributes))
        return made

    def weight(self, array: numpy.ndarray, name: str) -> str:
        """Add a weight; return its value."""
        import numpy as np
        from onnx import numpy_helper

        made = self.name(name)
        self.weights.append(numpy_helper.from_array(np.ascontiguousarray(array), made))
        return made

    def floats(self, values: Any, name: str) -> str:
        """Add a weight of float32."""
        import numpy as np

        return self.weight(np.asarray(values, np.float32), name)

    def wholes(self, values: Iterable[int], name: str) -> str:
        """Add a vector of whole numbers: a shape, axes, places."""
        import numpy as np

        return self.weight(np.array([*values], np.int64), name)

    def shape(self, value: str, inputs: Iterable[tuple[str, str, Sequence[int | str]]]) -> tuple[int | str, ...]:
        """Return the shape that a value has so far, as ONNX infers it; a size that it does not tell gets a name.

        Raises ValueError where not even the number of axes is told.
        """
        import onnx

        from stages.frameworks.onnx.checked import skeleton

        model = skeleton(self.model(inputs, [(value, 'float32', None)]))
        del model.graph.output[:]
        model.graph.output.add().name = value
        known = onnx.shape_inference.infer_shapes(model, data_prop=True).graph
        for each in (*known.output, *known.value_info, *known.input):
            if each.name == value and each.type.tensor_type.HasField('shape'):
                dims = each.type.tensor_type.shape.dim
                named = (d.dim_value if d.HasField('dim_value') else d.dim_param for d in dims)
                return tuple(size or f'{value}_{axis}' for axis, size in enumerate(named))
        for weight in self.weights:
            if weight.name == value:
                return tuple(weight.dims)
        raise ValueError(f'{value} has a shape that cannot be told')

    def model(
        self, inputs: Iterable[tuple[str, str, Sequence[int | str]]], outputs: Iterable[tuple[str, str, Any]]
    ) -> onnx.ModelProto:
        """Return the model, only what its outputs need: ``inputs`` and ``outputs`` by name, dtype and shape."""
        from onnx import helper

        given, returned = list(inputs), list(outputs)
        needed, nodes = {name for name, _, _ in returned}, []
        for node in reversed(self.nodes):
            if needed & {*node.output}:
                needed |= walk.taken(node)
                nodes.append(node)
        graph = helper.make_graph(
            nodes[::-1],
            'model',
            [_value(*each) for each in given],
            [_value(*each) for each in returned],
            [weight for weight in self.weights if weight.name in needed],
        )
        return helper.make_model(graph, opset_imports=[helper.make_opsetid('', OPSET)], ir_version=IR)


def leave(model: onnx.ModelProto, contract: Contract, path: Path) -> Contract:
    """Write a model that a reader made of one with ``contract``, under the contract's names, checked; return its own.

    Raises UnsupportedError where the model comes out as none that ONNX allows.
    """
    from stages.frameworks.onnx import ports
    from stages.frameworks.onnx.names import name_ports
    from stages.frameworks.onnx.write import write_stripped
    from stages.frameworks.refusal import refusal

    called = {port.in_file: port.name for port in contract.inputs}
    inputs = [called.get(value.name, value.name) for value in model.graph.input]
    name_ports(model, inputs, [port.name for port in contract.outputs])
    with refusal(
        'our reader', 'report the file: its layers are known one by one, and together they make no sound graph'
    ):
        write_stripped(model, path)
    return ports.made(model, contract)


def _value(name: str, dtype: str, shape: Any) -> Any:
    import numpy as np
    from onnx import helper

    return helper.make_tensor_value_info(name, helper.np_dtype_to_tensor_dtype(np.dtype(dtype)), shape)
