"""A table of cases in which a tool is known to answer an ONNX model wrongly without a word, held against a model."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from stages.errors import UnsupportedError
from stages.frameworks.onnx import walk
from stages.frameworks.onnx.checked import skeleton

if TYPE_CHECKING:
    import onnx

STANDARD: Final = ('', 'ai.onnx')


@dataclass(frozen=True)
class Value:
    """What is known of a value of the graph: its type, its sizes, its numbers where it is a weight."""

    kind: int = 0
    shape: tuple[int | None, ...] | None = None
    weight: Any = None
    given: bool = False
    """Whether it is an input of the model, which may hold anything."""

    def numbers(self) -> list[float] | None:
        """Return the numbers of a small weight; None of anything else."""
        from onnx import numpy_helper

        return None if self.weight is None else [float(n) for n in numpy_helper.to_array(self.weight).ravel()]


@dataclass(frozen=True)
class Node:
    """A node of the graph, as a row looks at it."""

    proto: Any
    opset: int = 0
    values: Mapping[str, Value] = field(default_factory=dict)

    def attribute(self, name: str, default: Any) -> Any:
        """Return an attribute's value, text as text."""
        from onnx import helper

        for each in self.proto.attribute:
            if each.name == name:
                value = helper.get_attribute_value(each)
                return value.decode() if isinstance(value, bytes) else value
        return default

    def takes(self, place: int) -> Value | None:
        """Return what is known of an input; None when the node has none there."""
        names = self.proto.input
        return self.values.get(names[place], Value()) if place < len(names) and names[place] else None


@dataclass(frozen=True)
class Case:
    """One way in which an operator comes out wrong."""

    operators: tuple[str, ...]
    attribute: str
    """The attribute, or input, that does it."""

    says: str
    """What comes out instead."""

    holds: Callable[[Node], bool]


def refuse(model: onnx.ModelProto, cases: Sequence[Case], seen: str, advice: str) -> None:
    """Raise UnsupportedError, naming operator and attribute, when ``model`` holds one of ``cases``.

    ``seen`` is the tool with its version.
    """
    wanted = {operator for case in cases for operator in case.operators}
    asked = [n for n in walk.nodes(model.graph) if n.op_type in wanted and n.domain in STANDARD]
    if not asked:
        return
    values = _values(model)
    opset = next((entry.version for entry in model.opset_import if entry.domain in STANDARD), 0)
    for proto in asked:
        for case in cases:
            if proto.op_type in case.operators and case.holds(Node(proto, opset, values)):
                msg = (
                    f'operator {proto.op_type} with {case.attribute} (node {proto.name or proto.output[0]!r}): '
                    f'{seen} answers wrongly without a word: {case.says}'
                )
                raise UnsupportedError(f'{msg}\nwhat to try: {advice}')


def _values(model: onnx.ModelProto) -> dict[str, Value]:
    """Return what shape inference and small weights tell of the values of ``model``, which stays as it is."""
    import onnx

    found: dict[str, Value] = {}
    inputs = {value.name for value in model.graph.input}
    for graph in walk.every_graph(onnx.shape_inference.infer_shapes(skeleton(model)).graph):
        for value in (*graph.value_info, *graph.input, *graph.output):
            held = value.type.tensor_type
            sizes = tuple(d.dim_value if d.HasField('dim_value') else None for d in held.shape.dim)
            shape = sizes if held.HasField('shape') else None
            found[value.name] = Value(held.elem_type, shape, given=value.name in inputs)
        for weight in graph.initializer:
            beside = weight.data_location == onnx.TensorProto.EXTERNAL
            found[weight.name] = Value(weight.data_type, tuple(weight.dims), None if beside else weight)
    return found
