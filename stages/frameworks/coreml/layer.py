"""One layer of a Core ML neural network at work: what it is told, its inputs, and nodes of ONNX with known shapes.

Networks of old (until iOS 12) compute on five axes, sequence, batch, channels, height, width; newer ones on any number.
Where a layer is told by channels, height and width these are the last three, and all axes before them count samples.
ONNX wants one axis of samples there, so that a value has a second form with four axes, from which it is made only
where somebody asks for the first.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from stages.errors import UnsupportedError
from stages.frameworks.coreml import weights
from stages.frameworks.onnx.build import OPSET, Graph

if TYPE_CHECKING:
    import numpy

LARGEST: Final = 1 << 28
"""Numbers in one value: more than any network for a phone has."""


@dataclass
class Values:
    """The graph in the making, and what is known of its values."""

    graph: Graph = field(default_factory=Graph)
    types: dict[str, Any] = field(default_factory=dict)
    """ONNX's type, by name."""

    constants: dict[str, Any] = field(default_factory=dict)
    four: dict[str, str] = field(default_factory=dict)
    """By a value: the same with four axes."""

    notes: list[str] = field(default_factory=list)
    open: bool = False
    """Whether Core ML leaves any size of an input open."""

    bound: list[str] = field(default_factory=list)
    """Layers that go by what is left when a size is divided: of no other size is known what they do."""

    def take(self, name: str, dtype: str, shape: Sequence[int]) -> str:
        """Add an input; return its value."""
        import numpy as np
        from onnx import helper

        made = self.graph.name(name)
        self.types[made] = helper.make_tensor_type_proto(helper.np_dtype_to_tensor_dtype(np.dtype(dtype)), shape)
        return made

    def shape(self, value: str) -> tuple[int, ...]:
        """Return the sizes of a value."""
        return tuple(each.dim_value for each in self.types[value].tensor_type.shape.dim)

    def weight(self, held: numpy.ndarray, name: str) -> str:
        """Add a constant; return its value."""
        from onnx import helper

        made = self.graph.weight(held, name)
        tensor = self.graph.weights[-1]
        self.types[made] = helper.make_tensor_type_proto(tensor.data_type, held.shape)
        if held.size < 64:  # a shape, axes: what shapes are inferred from
            self.constants[made] = tensor
        return made

    def ops(self, kind: str, *inputs: str, name: str, count: int = 1, **attributes: Any) -> list[str]:
        """Add a node; return its values, whose sizes are then known. Raises ValueError where ONNX finds none."""
        import onnx

        made = self.graph.ops(kind, *inputs, name=name, count=count, **attributes)
        node = self.graph.nodes[-1]
        known = {each: self.types[each] for each in node.input if each}
        held = {each: self.constants[each] for each in known if each in self.constants}
        schema = onnx.defs.get_schema(kind, OPSET, '')
        try:
            found = onnx.shape_inference.infer_node_outputs(
                schema, node, known, held, opset_imports=[onnx.helper.make_opsetid('', OPSET)], ir_version=8
            )
        except (onnx.shape_inference.InferenceError, RuntimeError) as error:
            shapes = ', '.join(str(list(self.shape(each))) for each in known)
            raise ValueError(f'does not fit {shapes}: {str(error).splitlines()[-1][:160]}') from error
        for each in made:
            sizes = [axis.dim_value for axis in found[each].tensor_type.shape.dim] if each in found else [0]
            if min(sizes, default=1) < 1 or math.prod(sizes) > LARGEST:
                raise ValueError(f'comes out as {sizes}')
            self.types[each] = found[each]
        return made


@dataclass
class Layer:
    """One layer to be written."""

    spec: Any
    values: Values
    inputs: list[str]

    @property
    def kind(self) -> str:
        """Return the word of its type."""
        return str(self.spec.WhichOneof('layer'))

    @property
    def told(self) -> Any:
        """Return its parameters."""
        return getattr(self.spec, self.kind)

    @property
    def x(self) -> str:
        """Return its first input."""
        return self.inputs[0]

    def refused(self, words: str) -> UnsupportedError:
        """Return the error that says what of this layer is not read."""
        return UnsupportedError(f'{self.kind} {self.spec.name}: {words}')

    def op(self, kind: str, *inputs: str, **attributes: Any) -> str:
        """Add a node named after the layer; return its value."""
        return self.ops(kind, *inputs, **attributes)[0]

    def ops(self, kind: str, *inputs: str, count: int = 1, **attributes: Any) -> list[str]:
        """Add a node of several outputs."""
        return self.values.ops(kind, *inputs, name=self.spec.output[0], count=count, **attributes)

    def shape(self, value: str) -> tuple[int, ...]:
        """Return the sizes of a value."""
        return self.values.shape(value)

    def rank(self, value: str) -> int:
        """Return how many axes a value has."""
        return len(self.shape(value))

    def const(self, held: Any, word: str) -> str:
        """Add a constant of float32."""
        import numpy as np

        return self.values.weight(np.asarray(held, np.float32), f'{self.spec.output[0]}.{word}')

    def wholes(self, held: Sequence[int], word: str) -> str:
        """Add a vector of whole numbers."""
        import numpy as np

        return self.values.weight(np.array([*held], np.int64), f'{self.spec.output[0]}.{word}')

    def held(self, name: str, shape: Sequence[int], axis: int = 0) -> numpy.ndarray:
        """Return weights of the layer, by the name of their field."""
        try:
            return weights.array(getattr(self.told, name), shape, axis)
        except ValueError as error:
            raise self.refused(f'{name}: {error}') from error

    def reshaped(self, value: str, shape: Sequence[int]) -> str:
        """Return a value in another shape."""
        if self.shape(value) == tuple(shape):
            return value
        return self.op('Reshape', value, self.wholes(shape, 'shape'))

    def cast(self, value: str, kind: int) -> str:
        """Return a value as another type of ONNX's: 1 float32, 7 int64, 9 bool."""
        return self.op('Cast', value, to=kind)

    def four(self, value: str, least: int = 3) -> str:
        """Return the value with four axes, of which the first counts samples."""
        shape = self.shape(value)
        if len(shape) < least:
            raise self.refused(f'takes values of at least {least} axes; it gets {list(shape)}')
        if len(shape) == 4:
            return value
        if value not in self.values.four:
            self.values.four[value] = self.reshaped(value, (math.prod(shape[:-3]), *shape[-3:]))
        return self.values.four[value]

    def back(self, four: str, like: str) -> str:
        """Return a value of four axes with the leading ones of ``like``."""
        lead = self.shape(like)[:-3]
        if len(lead) == 1:
            return four
        made = self.reshaped(four, (*lead, *self.shape(four)[1:]))
        self.values.four[made] = four
        return made

    def pointwise(self, write: Callable[..., str], *given: str) -> str:
        """Return what ``write`` makes of values, number by number; of their second forms where all have one."""
        ranks = {self.rank(each) for each in given}
        if len(ranks) != 1 or ranks == {4} or not all(each in self.values.four for each in given):
            return write(*given)
        made = write(*(self.values.four[each] for each in given))
        leads = [self.shape(each)[:-3] for each in given]
        lead = tuple(max(sizes) for sizes in zip(*leads, strict=True))
        if math.prod(lead) != self.shape(made)[0]:
            return write(*given)
        named = self.reshaped(made, (*lead, *self.shape(made)[1:]))
        self.values.four[named] = made
        return named


Write = Callable[[Layer], Any]
"""Adds a layer's nodes; returns its value, or a list of them."""
