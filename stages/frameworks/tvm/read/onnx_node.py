"""One node of an ONNX graph, with all that is known around it, and the nodes that are written in its place."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from stages.frameworks.tvm.read.onnx_types import Types

if TYPE_CHECKING:
    import numpy
    import onnx

TOLD: Final = '/told'
"""Ends the name of a node that is written again with what TVM is to be told; it stays as it is then."""


@dataclass(frozen=True)
class Node:
    """A node, read."""

    proto: onnx.NodeProto
    types: Types

    def attribute(self, name: str, default: Any = None) -> Any:
        """Return an attribute, text as ``str``."""
        from onnx import helper

        for each in self.proto.attribute:
            if each.name == name:
                value = helper.get_attribute_value(each)
                return value.decode() if isinstance(value, bytes) else value
        return default

    def input(self, place: int) -> str:
        """Return the name of an input; empty where there is none."""
        return self.proto.input[place] if place < len(self.proto.input) else ''

    def output(self, place: int) -> str:
        """Return the name of an output; empty where there is none."""
        return self.proto.output[place] if place < len(self.proto.output) else ''

    def shape(self, place: int = 0) -> tuple[int, ...] | None:
        """Return the sizes of an input; None where they are not known."""
        return self.types.shapes.get(self.input(place))

    def constant(self, place: int) -> numpy.ndarray | None:
        """Return the numbers of an input that is a weight."""
        return self.types.constant(self.input(place))

    def dtype(self, place: int = 0) -> numpy.dtype[Any] | None:
        """Return the element type of an input."""
        from onnx import helper

        kind = self.types.dtypes.get(self.input(place))
        return None if kind is None else helper.tensor_dtype_to_np_dtype(kind)


@dataclass
class Writer:
    """Writes nodes in place of ``node``, from its inputs to its outputs, under names that nothing else has."""

    node: Node
    nodes: list[onnx.NodeProto] = field(default_factory=list)
    weights: list[onnx.TensorProto] = field(default_factory=list)

    def op(self, operator: str, *inputs: str, to: str = '', **attributes: Any) -> str:
        """Add a node; return the name of what it gives, ``to`` where that is told."""
        from onnx import helper

        name = to or self._fresh(operator)
        self.nodes.append(helper.make_node(operator, list(inputs), [name], **attributes))
        return name

    def cast(self, value: str, kind: int, to: str = '') -> str:
        """Add a Cast to ONNX's element type ``kind``; return the name of what it gives."""
        from onnx import helper

        name = to or self._fresh('Cast')
        self.nodes.append(helper.make_node('Cast', [value], [name], to=kind))
        return name

    def weight(self, values: Any) -> str:
        """Add a weight; return its name."""
        import numpy as np
        from onnx import numpy_helper

        name = self._fresh('weight')
        self.weights.append(numpy_helper.from_array(np.asarray(values), name))
        return name

    def like(self, value: float) -> str:
        """Add a weight of one number, of the type of the node's first input."""
        import numpy as np

        return self.weight(np.array(value, self.node.dtype()))

    def same(self, **attributes: Any) -> onnx.NodeProto:
        """Add the node itself, with other attributes: None takes one away."""
        import onnx
        from onnx import helper

        copy = onnx.NodeProto()
        copy.CopyFrom(self.node.proto)
        kept = [each for each in self.node.proto.attribute if each.name not in attributes]
        del copy.attribute[:]
        copy.attribute.extend(kept)
        copy.attribute.extend(helper.make_attribute(k, v) for k, v in attributes.items() if v is not None)
        self.nodes.append(copy)
        return copy

    def reduced(self, operator: str, data: str, axes: Sequence[int], to: str = '') -> str:
        """Add a reduction that keeps its axes, in the words of the model's operator set."""
        import numpy as np

        if self.node.types.opset >= 18 or operator == 'ReduceSum':
            return self.op(operator, data, self.weight(np.array(axes, 'int64')), to=to, keepdims=1)
        return self.op(operator, data, to=to, axes=list(axes), keepdims=1)

    def _fresh(self, word: str) -> str:
        first = next(name for name in self.node.proto.output if name)
        return f'{first}/{word}_{len(self.nodes) + len(self.weights)}'
