"""Recurrent layers of Core ML neural networks; state is what a call begins with, and nothing stays behind it.

Sums are clipped to ±50 before their function, which sigmoid and tanh do not show; for others ONNX clips, too. The limit
of an LSTM's cells (50, or the layer's own) is not kept, since ONNX has none: a note says so.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

from stages.frameworks.coreml import weights
from stages.frameworks.coreml.layer import Layer, Write

if TYPE_CHECKING:
    import numpy

FUNCTIONS: Final = {'sigmoid': 'Sigmoid', 'tanh': 'Tanh', 'ReLU': 'Relu', 'sigmoidHard': 'HardSigmoid'}
NOTE: Final = 'cells of LSTM layers are not held to their limit, which is 50 where the file says none'
GATES: Final = ('inputGate', 'outputGate', 'forgetGate', 'blockInput')
"""In the order in which ONNX stacks them."""


def _functions(layer: Layer, *told: Any) -> dict[str, Any]:
    """Return the functions in ONNX's words, with a bound for sums where it can be seen."""
    kinds = [each.WhichOneof('NonlinearityType') for each in told]
    if unknown := [str(kind) for kind in kinds if kind not in FUNCTIONS]:
        raise layer.refused(f'its functions are {", ".join(unknown)}; read are {", ".join(FUNCTIONS)}')
    found: dict[str, Any] = {'activations': [FUNCTIONS[kind] for kind in kinds]}
    if 'sigmoidHard' in kinds:
        hard = [(float(each.sigmoidHard.alpha), float(each.sigmoidHard.beta)) for each in told]
        found |= {'activation_alpha': [one for one, _ in hard], 'activation_beta': [two for _, two in hard]}
    return found if {*kinds} <= {'sigmoid', 'tanh'} else found | {'clip': 50.0}


def _matrix(layer: Layer, told: Any, names: Sequence[str], shape: Sequence[int]) -> numpy.ndarray:
    import numpy as np

    rows = []
    for name in names:
        try:
            rows.append(weights.array(getattr(told, name), shape))
        except ValueError as error:
            raise layer.refused(f'{name}: {error}') from error
    return np.concatenate(rows)


def _run(layer: Layer, kind: str, size: int, sides: Sequence[Sequence[Any]], way: dict[str, Any]) -> list[str]:
    """Add the layer; return what it gives for all steps or the last, and its state after that.

    ``sides`` are, for each direction, the weights of inputs, of states, the biases or None, the peepholes or None.
    """
    import numpy as np

    shape = layer.shape(layer.x)
    if len(shape) != 5 or shape[3:] != (1, 1) or shape[2] != sides[0][0].shape[1]:
        raise layer.refused(f'takes {list(shape)}; expected [steps, samples, {sides[0][0].shape[1]}, 1, 1]')
    steps, batch, directions = shape[0], shape[1], len(sides)
    x = layer.reshaped(layer.x, shape[:3])
    held = [
        None if parts[0] is None else layer.const(np.stack(parts), word)
        for parts, word in zip(zip(*sides, strict=True), ('input', 'state', 'bias', 'peephole'), strict=True)
    ]
    states = layer.inputs[1:]
    each = 2 if kind == 'LSTM' else 1
    if states and len(states) != each * directions:
        raise layer.refused(f'takes {len(states)} states; {each * directions} are expected')
    # in the order y, c, y backwards, c backwards
    firsts = []
    for place in range(each):
        flat = [layer.reshaped(value, (1, batch, size)) for value in states[place::each]]
        firsts.append('' if not flat else flat[0] if len(flat) == 1 else layer.op('Concat', *flat, axis=0))
    given = [x, held[0], held[1], held[2] or '', '', *firsts, *([held[3] or ''] if kind == 'LSTM' else [])]
    found = layer.ops(kind, *map(str, given), count=1 + each, hidden_size=size, **way)
    if (layer.told.params if kind == 'LSTM' else layer.told).sequenceOutput:
        rows = layer.op('Transpose', found[0], perm=[0, 2, 1, 3])
        first = layer.reshaped(rows, (steps, batch, directions * size, 1, 1))
    else:
        last = layer.op('Transpose', found[1], perm=[1, 0, 2])
        first = layer.reshaped(last, (1, batch, directions * size, 1, 1))
    after = [layer.reshaped(part, (1, batch, size, 1, 1)) for part in _states(layer, found[1:], directions)]
    return [first, *after][: len(layer.spec.output)]


def _states(layer: Layer, found: Sequence[str], directions: int) -> list[str]:
    if directions == 1:
        return [*found]
    halves = [layer.ops('Split', each, layer.wholes([1, 1], 'halves'), count=2, axis=0) for each in found]
    return [half[side] for side in range(directions) for half in halves]


def _lstm_side(layer: Layer, told: Any, size: int, taken: int) -> list[Any]:
    import numpy as np

    params = layer.told.params
    inputs = _matrix(layer, told, [f'{gate}WeightMatrix' for gate in GATES], [size, taken])
    states = _matrix(layer, told, [f'{gate}RecursionMatrix' for gate in GATES], [size, size])
    bias: Any = None
    if params.hasBiasVectors or params.forgetBias:
        names = [f'{gate}BiasVector' for gate in GATES]
        bias = _matrix(layer, told, names, [size]) if params.hasBiasVectors else np.zeros(4 * size, np.float32)
        bias[2 * size : 3 * size] += float(params.forgetBias)
        bias = np.concatenate([bias, np.zeros(4 * size, np.float32)])
    peep: Any = None
    if params.hasPeepholeVectors:
        peep = _matrix(layer, told, [f'{gate}PeepholeVector' for gate in GATES[:3]], [size])
    return [inputs, states, bias, peep]


def _lstm(layer: Layer) -> list[str]:
    told, both = layer.told, layer.kind == 'biDirectionalLSTM'
    size, taken = int(told.outputVectorSize), int(told.inputVectorSize)
    sides = [*told.weightParams] if both else [told.weightParams]
    if len(sides) != 1 + both:
        raise layer.refused(f'has weights for {len(sides)} directions')
    functions = [*told.activationsForwardLSTM, *told.activationsBackwardLSTM] if both else [*told.activations]
    if len(functions) != 3 * len(sides):
        raise layer.refused(f'tells {len(functions)} functions; expected {3 * len(sides)}')
    way = _functions(layer, *functions) | {'input_forget': int(told.params.coupledInputAndForgetGate)}
    if not both:
        _check_order(layer)
    way['direction'] = 'bidirectional' if both else 'reverse' if told.reverseInput else 'forward'
    layer.values.notes.append(NOTE)
    return _run(layer, 'LSTM', size, [_lstm_side(layer, side, size, taken) for side in sides], way)


def _check_order(layer: Layer) -> None:
    """Refuse what the format leaves open: in which order a layer that reads backwards gives its steps."""
    every = layer.told.params.sequenceOutput if layer.kind == 'uniDirectionalLSTM' else layer.told.sequenceOutput
    if layer.told.reverseInput and every and layer.shape(layer.x)[0] > 1:
        raise layer.refused('reads backwards and gives every step; in which order is not told')


def _gru(layer: Layer) -> list[str]:
    import numpy as np

    told = layer.told
    size, taken, gates = int(told.outputVectorSize), int(told.inputVectorSize), ('update', 'reset', 'output')
    inputs = _matrix(layer, told, [f'{gate}GateWeightMatrix' for gate in gates], [size, taken])
    states = _matrix(layer, told, [f'{gate}GateRecursionMatrix' for gate in gates], [size, size])
    bias = None
    if told.hasBiasVectors:
        bias = _matrix(layer, told, [f'{gate}GateBiasVector' for gate in gates], [size])
        bias = np.concatenate([bias, np.zeros(3 * size, np.float32)])
    _check_order(layer)
    if len(told.activations) != 2:
        raise layer.refused(f'tells {len(told.activations)} functions; expected 2')
    way = _functions(layer, *told.activations) | {'direction': 'reverse' if told.reverseInput else 'forward'}
    return _run(layer, 'GRU', size, [[inputs, states, bias, None]], way)


def _simple(layer: Layer) -> list[str]:
    import numpy as np

    told = layer.told
    size, taken = int(told.outputVectorSize), int(told.inputVectorSize)
    inputs, states = layer.held('weightMatrix', [size, taken]), layer.held('recursionMatrix', [size, size])
    bias = (
        np.concatenate([layer.held('biasVector', [size]), np.zeros(size, np.float32)]) if told.hasBiasVector else None
    )
    _check_order(layer)
    way = _functions(layer, told.activation) | {'direction': 'reverse' if told.reverseInput else 'forward'}
    return _run(layer, 'RNN', size, [[inputs, states, bias, None]], way)


LAYERS: Final[Mapping[str, Write]] = {
    'simpleRecurrent': _simple,
    'gru': _gru,
    'uniDirectionalLSTM': _lstm,
    'biDirectionalLSTM': _lstm,
}
