"""Recurrent operations of Core ML programs: ``lstm``, ``gru`` and ``rnn``, with their gates in ONNX's order.

What the operations' documentation leaves open is taken as coremltools' tests hold Apple's runtime to it: the reset gate
of a GRU multiplies the state, not the product (unless ``reset_after``), an operation that reads backwards gives its
steps in the order in which it computed them, and one that reads both ways in the order of its input.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final

from stages.frameworks.coreml.work import Work, Write, plain

if TYPE_CHECKING:
    import numpy

FUNCTIONS: Final = {
    'sigmoid': 'Sigmoid', 'tanh': 'Tanh', 'scaled_tanh': 'Tanh', 'relu': 'Relu', 'hard_sigmoid': 'HardSigmoid',
    'sigmoid_hard': 'HardSigmoid', 'linear': 'Affine',
}  # fmt: skip
"""By the format's words; those that could be told numbers have the ones that are ONNX's own: 1, or 0.2 and 0.5."""

BOUNDED: Final = ('Sigmoid', 'Tanh', 'HardSigmoid')
"""Give nothing above 1 or below -1."""

PLACES: Final = {'LSTM': (0, 2, 1, 3), 'GRU': (2, 0, 1), 'RNN': (0,)}
"""Where ONNX's gates stand in the file: i, o, f, c among i, f, o, c; z, r, h among r, h, z."""


def _functions(work: Work, **defaults: str) -> list[str]:
    """Return the functions in ONNX's words, in the order of ``defaults``."""
    told = [str(work.const(name, default)).lower() for name, default in defaults.items()]
    if unknown := [word for word in told if word not in FUNCTIONS]:
        raise work.refused(f'its functions are {", ".join(unknown)}; read are {", ".join(FUNCTIONS)}')
    return [FUNCTIONS[word] for word in told]


def _gates(work: Work, name: str, places: Sequence[int], count: int | None = None) -> numpy.ndarray | None:
    """Return a constant of so many gates in ONNX's order; None where the program has none."""
    import numpy as np

    if not work.has(name):
        return None
    held = plain(work.const(name))
    if count is not None and held.shape != (count,):
        raise work.refused(f'its {name} is {list(held.shape)}; expected [{count}]')
    parts = np.split(held, len(places))
    return np.concatenate([parts[place] for place in places])


def _side(work: Work, kind: str, size: int, back: str = '') -> list[numpy.ndarray | None]:
    """Return what one direction has: weights of inputs and of states, biases, peepholes."""
    import numpy as np

    places = PLACES[kind]
    inputs, states = (_gates(work, f'weight_{of}{back}', places) for of in ('ih', 'hh'))
    count = len(places) * size
    both = [_gates(work, name, places, count) for name in ('input_bias', f'bias{back}')]
    bias = None
    if any(each is not None for each in both):
        bias = np.concatenate([np.zeros(count, np.float32) if each is None else each for each in both])
    peep = _gates(work, f'peephole{back}', (0, 2, 1), 3 * size) if kind == 'LSTM' else None
    return [inputs, states, bias, peep]


def _first(work: Work, name: str, directions: int, size: int) -> str:
    """Return a state that a call begins with as ONNX has it; nothing where it is all zeros, which is ONNX's own."""
    held = work.operation.inputs[name].val
    if held is not None and not plain(held).any():
        return ''
    shape = work.vector([0, directions, size], f'{name}.shape')
    return work.op('Transpose', work.op('Reshape', work.value(name), shape), perm=[1, 0, 2])


def _layer(work: Work, kind: str, states: Sequence[str], **way: Any) -> list[str]:
    """Add the layer; return all steps, or the last, and the states after that."""
    import numpy as np

    direction = str(work.const('direction', 'forward'))
    both = direction == 'bidirectional' and kind == 'LSTM'
    if direction not in ('forward', 'reverse') and not both:
        raise work.refused(f'its direction is {direction!r}')
    size = int(work.const('weight_hh').shape[1])
    sides = [_side(work, kind, size), *([_side(work, kind, size, '_back')] if both else [])]
    held = [None if parts[0] is None else np.stack([*parts]) for parts in zip(*sides, strict=True)]
    name = work.operation.outputs[0].name
    inputs, hidden, bias, peep = (
        '' if each is None else work.graph.floats(each, f'{name}.{word}')
        for each, word in zip(held, ('inputs', 'states', 'bias', 'peephole'), strict=True)
    )
    firsts = [_first(work, state, len(sides), size) for state in states]
    found = work.graph.ops(
        kind, work.value('x'), inputs, hidden, bias, '', *firsts, *([peep] if kind == 'LSTM' else []), name=name,
        count=1 + len(states), hidden_size=size, direction=direction, **way,
    )  # fmt: skip
    joined = work.vector([0, 0, -1], 'shape')
    ends = [work.op('Transpose', each, perm=[1, 0, 2]) for each in found[1:]]
    ends = [work.op('Reshape', each, work.vector([0, -1], 'shape')) for each in ends]
    if not work.const('output_sequence', False):
        return [work.op('Unsqueeze', ends[0], work.vector([0], 'steps')), *ends]
    steps = work.op('Reshape', work.op('Transpose', found[0], perm=[0, 2, 1, 3]), joined)
    if direction == 'reverse':
        parts = ((-1, 'starts'), (-(2**31), 'ends'), (0, 'axes'), (-1, 'steps'))
        steps = work.op('Slice', steps, *(work.vector([each], word) for each, word in parts))
    return [steps, *ends]


def _lstm(work: Work) -> list[str]:
    ways = _functions(work, recurrent_activation='sigmoid', cell_activation='tanh', activation='tanh')
    _check_clip(work, ways)
    if both := str(work.const('direction', 'forward')) == 'bidirectional':
        ways = ways * 2
    missing = [name for name in ('bias', 'peephole') if both and work.has(name) != work.has(f'{name}_back')]
    if missing:
        raise work.refused(f'has {missing[0]} in one direction alone')
    return _layer(work, 'LSTM', ('initial_h', 'initial_c'), activations=ways)


def _check_clip(work: Work, ways: Sequence[str]) -> None:
    """Refuse a limit of cells that they could reach: ONNX has none. A step adds 1 at most to what was there before."""
    if not work.has('clip'):
        return
    limit, steps = float(work.const('clip')), work.operation.inputs['x'].shape[0]
    start = work.operation.inputs['initial_c'].val
    least = float(abs(plain(start)).max()) if start is not None else float('inf')
    if hasattr(steps, '__index__') and {*ways[:2]} <= {*BOUNDED} and least + int(steps) <= limit:
        return
    raise work.refused(f'holds its cells to {limit:g}, which ONNX has no word for')


def _gru(work: Work) -> list[str]:
    ways = _functions(work, recurrent_activation='sigmoid', activation='tanh')
    after = bool(work.const('reset_after', False))
    return _layer(work, 'GRU', ('initial_h',), activations=ways, linear_before_reset=int(after))


def _rnn(work: Work) -> list[str]:
    return _layer(work, 'RNN', ('initial_h',), activations=_functions(work, activation='tanh'))


OPERATORS: Final[dict[str, Write]] = {'lstm': _lstm, 'gru': _gru, 'rnn': _rnn}
