"""LSTM, GRU and RNN for TVM's ONNX importer, which has none: one matrix product of all inputs, then a loop over time.

with converters(target):
    module = from_onnx(model)
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, NoReturn

from stages.errors import UnsupportedError
from stages.frameworks.tvm.graph.recurrent.kernel import function
from stages.frameworks.tvm.graph.recurrent.scan import GATES, Cell, Scan, cut
from stages.frameworks.tvm.graph.recurrent.weights import of_inputs, of_states, panels
from stages.frameworks.tvm.target import TARGETS, Target

if TYPE_CHECKING:
    import numpy

NAMES: Final = ('X', 'W', 'R', 'B', 'sequence_lens', 'initial_h', 'initial_c', 'P')
"""The operators' inputs, as ONNX names them; GRU and RNN end earlier."""

ADVICE: Final = 'keep this model in onnx, which an engine such as onnxruntime runs as it is'

ACTIVATIONS: Final[Mapping[Cell, tuple[str, ...]]] = {
    'LSTM': ('sigmoid', 'tanh', 'tanh'),
    'GRU': ('sigmoid', 'tanh'),
    'RNN': ('tanh',),
}
"""ONNX's defaults, the only ones here."""

DIRECTIONS: Final = {'forward': (False,), 'reverse': (True,), 'bidirectional': (False, True)}
"""For every direction, whether it begins at the last step."""


@contextmanager
def converters(target: Target = TARGETS['x86-64-v3']) -> Iterator[None]:
    """Make the ONNX importer know recurrent layers, inside; their loops fit ``target``, and run on any."""
    from tvm.relax.frontend.onnx import onnx_frontend

    original = onnx_frontend._get_convert_map  # no public way to add a converter
    onnx_frontend._get_convert_map = lambda: {**original(), **{cell: Converter(cell, target) for cell in GATES}}
    try:
        yield
    finally:
        onnx_frontend._get_convert_map = original


@dataclass(frozen=True)
class Converter:
    """The converter of one kind of layer, in the shape that the importer wants."""

    cell: Cell
    target: Target

    def get_converter(self, _: int) -> Any:
        """Return what converts: the same for every opset."""
        return self.convert

    def convert(self, builder: Any, inputs: Any, attributes: Mapping[str, Any], _: Any) -> Any:
        """Return the operator's outputs: every hidden state, then the last states."""
        from tvm import relax

        given = {name: value for name, value in zip(NAMES, inputs, strict=False) if value is not None}
        self.refuse(given, attributes)
        batch_first = bool(attributes.get('layout', 0))

        def swapped(value: Any) -> Any:
            return relax.op.permute_dims(value, [1, 0, 2]) if batch_first else value

        data = builder.emit(swapped(given['X']))
        scan = self.scan(sizes(data, 'its input'), sizes(given['R'], 'its weights')[2], attributes)
        lengths_refused(given.get('sequence_lens'), scan)
        states = [swapped(given.get(name, zeros(scan))) for name in ('initial_h', 'initial_c')[: scan.states]]
        every, *last = layer(builder, scan, data, given, states)
        # batch first: [time, directions, batch, hidden] as [batch, time, directions, hidden]
        every = relax.op.permute_dims(every, [2, 0, 1, 3]) if batch_first else every
        return relax.Tuple([builder.emit(every), *(builder.emit(swapped(value)) for value in last)])

    def scan(self, shape: tuple[int, ...], hidden: int, attributes: Mapping[str, Any]) -> Scan:
        """Return the sizes of a layer whose inputs are of ``shape`` [time, batch, features]."""
        late, lanes = bool(attributes.get('linear_before_reset', 0)), self.target.lanes
        vectors, rows = cut(self.cell, shape[1], hidden, self.target)
        backwards = DIRECTIONS[word(attributes.get('direction', 'forward'))]
        return Scan(self.cell, shape[0], shape[1], hidden, backwards, lanes, vectors, rows, late)

    def refuse(self, given: Mapping[str, Any], attributes: Mapping[str, Any]) -> None:
        """Raise UnsupportedError for what the loops here do not do."""
        if 'clip' in attributes:
            refused(self.cell, 'clip')
        if attributes.get('input_forget', 0):
            refused(self.cell, 'input_forget')
        if 'P' in given:
            refused(self.cell, 'peepholes (input P)')
        activations = [word(name) for name in attributes.get('activations', ())]
        default = ACTIVATIONS[self.cell]
        if other := [name for i, name in enumerate(activations) if name.lower() != default[i % len(default)]]:
            refused(self.cell, f'activations {", ".join(other)}')
        if (dtype := str(given['X'].ty.dtype)) != 'float32':
            refused(self.cell, f'elements of type {dtype}')


def layer(builder: Any, scan: Scan, data: Any, given: Mapping[str, Any], states: list[Any]) -> list[Any]:
    """Return every hidden state and the last states of ``scan`` over ``data`` [time, batch, features]."""
    import numpy as np
    from tvm import relax

    weights, recurrent = (constant(given[name], f'its weights ({name})') for name in 'WR')
    both = np.zeros((scan.directions, 2 * scan.gates * scan.hidden), 'float32')
    both = constant(given['B'], 'its bias (B)') if 'B' in given else both
    of_data, of_state = (panels(part, scan) for part in np.split(both, 2, axis=1))

    rows = relax.op.reshape(data, (scan.time * scan.batch, weights.shape[2]))
    products = relax.op.matmul(rows, relax.const(of_inputs(weights, scan)))
    products = builder.emit(relax.op.add(products, relax.const(of_data.reshape(-1))))
    ends = (scan.directions, scan.batch, scan.hidden)
    shapes = [relax.TensorType(shape, 'float32') for shape in ((scan.time, *ends), *[ends] * scan.states)]
    loop = builder.add_func(function(scan), f'{scan.cell.lower()}_loop')
    arguments = [products, relax.const(of_states(recurrent, scan)), relax.const(of_state), *map(builder.emit, states)]
    done = builder.emit(relax.call_tir(loop, arguments, shapes))
    return [builder.emit(relax.TupleGetItem(done, i)) for i in range(len(shapes))]


def zeros(scan: Scan) -> Any:
    """Return the first state where the model gives none."""
    import numpy as np
    from tvm import relax

    return relax.const(np.zeros((scan.directions, scan.batch, scan.hidden), 'float32'))


def lengths_refused(lengths: Any, scan: Scan) -> None:
    """Raise UnsupportedError unless every sample is known to be as long as the longest."""
    if lengths is not None and (constant(lengths, 'sequence_lens') != scan.time).any():
        refused(scan.cell, 'sequence_lens of samples that end early')


def sizes(value: Any, what: str) -> tuple[int, ...]:
    """Return the shape of ``value``, whose sizes must be known."""
    from tvm import relax, tirx

    shape = value.ty.shape
    if not isinstance(shape, relax.ShapeExpr) or not all(isinstance(size, tirx.IntImm) for size in shape):
        refused('a recurrent layer', f'a shape that is not fixed: {what}')
    return tuple(int(size) for size in shape)


def constant(value: Any, what: str) -> numpy.ndarray:
    """Return the array that ``value`` is; raise UnsupportedError when it is computed."""
    from tvm.ir.expr import GenericConst

    if not isinstance(value, GenericConst):
        refused('a recurrent layer', f'{what} computed while it runs')
    array: numpy.ndarray = value.value.numpy()
    return array


def word(value: str | bytes) -> str:
    """Return an attribute's text."""
    return value.decode() if isinstance(value, bytes) else value


def refused(layer: str, what: str) -> NoReturn:
    """Raise UnsupportedError: ``layer`` with ``what`` has no loop here."""
    msg = f'TVM cannot do this to this model: {layer} with {what} has no converter\nwhat to try: {ADVICE}'
    raise UnsupportedError(msg)
