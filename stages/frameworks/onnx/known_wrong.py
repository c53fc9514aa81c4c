"""Where ONNX Runtime is known to answer wrongly without a word.

Each row was seen in the version below, against the expected values of ONNX's own operator tests. A rounding is no row:
of a DFT the runtime is 3e-4 off where the sums are 450, which is float32.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from stages.errors import UnsupportedError
from stages.frameworks.onnx import walk

if TYPE_CHECKING:
    import onnx

SEEN: Final = 'onnxruntime 1.32'


@dataclass(frozen=True)
class Case:
    """One way in which an operator comes out wrong."""

    operator: str
    attribute: str
    """The attribute or input that does it."""

    says: str
    """What comes out instead."""

    holds: Callable[[Any], bool]
    """Whether a node of this operator is such a case."""


CASES: Final = (
    Case(
        'MaxUnpool',
        'output_shape',
        'it counts places in output_shape, not in the shape that was pooled, so values land elsewhere',
        lambda node: len(node.input) > 2 and bool(node.input[2]),
    ),
)
STANDARD: Final = ('', 'ai.onnx')


def refuse(model: onnx.ModelProto, insist: bool) -> None:
    """Raise UnsupportedError, naming operator and attribute, when ``model`` holds a known case; not if ``insist``."""
    if insist:
        return
    for node in walk.nodes(model.graph):
        for case in CASES:
            if node.op_type == case.operator and node.domain in STANDARD and case.holds(node):
                msg = (
                    f'operator {case.operator} with {case.attribute} (node {node.name or node.output[0]!r}): '
                    f'{SEEN} answers wrongly without a word: {case.says}'
                )
                raise UnsupportedError(f'{msg}\nwhat to try: openvino or tvm from here, or insist: true on this stage')
