"""Where TVM 0.27's importer of ONNX gives wrong numbers without a word: what is written instead, or refused.

Each row was compared with ONNX Runtime. A row goes when its test passes without it. What follows in a second table is
not wrong, but not read as it stands.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from stages.frameworks.tvm.read import instead
from stages.frameworks.tvm.read.instead import counted, lacking, resize, suppression
from stages.frameworks.tvm.read.onnx_node import Node, Writer

Write = Callable[[Node, Writer], bool]


@dataclass(frozen=True)
class Wrong:
    """Nodes of one operator that are read wrongly."""

    operator: str

    what: str
    """The attribute, input or output that is not heeded, in the words of a refusal."""

    when: Callable[[Node], bool]

    write: Write | None = None
    """Writes other operators that are read rightly; says whether it could, for these sizes and constants."""

    refused: bool = True
    """Whether the model is refused where nothing else can be written."""


def _set(name: str) -> Callable[[Node], bool]:
    return lambda node: bool(node.attribute(name, 0))


KNOWN_WRONG: Final = (
    Wrong('BatchNormalization', 'training_mode: 1', _set('training_mode'), instead.batch_normalization),
    Wrong('ConvTranspose', 'output_shape', lambda n: n.attribute('output_shape') is not None, instead.conv_transpose),
    Wrong('Dropout', 'training_mode: true, which is random', instead.trains),
    Wrong('Expand', 'a shape that shows in a run', counted.computed_shape, counted.expand),
    Wrong('IsInf', 'detect_negative, detect_positive', instead.one_sided, instead.is_inf),
    Wrong('LayerNormalization', 'the outputs Mean and InvStdDev', instead.statistics_used, instead.layer_normalization),
    Wrong('NonMaxSuppression', 'limits that show in a run', suppression.computed),
    Wrong('NonMaxSuppression', 'limits as ONNX means them', suppression.untold, suppression.told),
    Wrong('OneHot', 'values of this type', instead.narrow_values, instead.one_hot),
    *(Wrong(f'Reduce{name}', 'an empty set', instead.empty, instead.of_nothing) for name in instead.OF_NOTHING),
    Wrong('Resize', 'a scale that sizes do not say, antialias, exclude_outside or axes', resize.unlike, resize.resize),
    Wrong('RoiAlign', 'mode: max', lambda node: node.attribute('mode', 'avg') == 'max'),
    Wrong('TopK', 'elements of a type that it cannot sort', lacking.unsorted, lacking.top_k),
)

UNREAD: Final = (
    Wrong('Compress', 'computed in Python', lambda _: True, counted.compress, refused=False),
    # a tuple, which no change of layout survives
    Wrong('Dropout', 'a mask', lambda _: True, instead.dropout, refused=False),
    Wrong('LpNormalization', 'no converter', lambda _: True, lacking.lp_normalization, refused=False),
    Wrong('NonZero', 'computed in Python', lambda _: True, counted.non_zero, refused=False),
    Wrong('ReverseSequence', 'no converter', lambda _: True, lacking.reverse_sequence, refused=False),
    Wrong('Squeeze', 'axes that show in a run', counted.computed_axes, counted.squeeze, refused=False),
    Wrong('Trilu', 'a diagonal that shows in a run', counted.computed_diagonal, counted.trilu, refused=False),
)
"""What TVM has no converter for, or none that our later passes can use."""
