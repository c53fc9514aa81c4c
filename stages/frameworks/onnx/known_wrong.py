"""Where ONNX Runtime is known to answer wrongly without a word.

Each row was seen in the version below, against the expected values of ONNX's own operator tests. A rounding is no row:
of a DFT the runtime is 3e-4 off where the sums are 450, which is float32.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from stages.frameworks.onnx import known
from stages.frameworks.onnx.known import Case

if TYPE_CHECKING:
    import onnx

SEEN: Final = 'onnxruntime 1.32'
CASES: Final = (
    Case(
        ('MaxUnpool',),
        'output_shape',
        'it counts places in output_shape, not in the shape that was pooled, so values land elsewhere',
        lambda node: node.takes(2) is not None,
    ),
)


def refuse(model: onnx.ModelProto, insist: bool) -> None:
    """Raise UnsupportedError, naming operator and attribute, when ``model`` holds a known case; not if ``insist``."""
    if not insist:
        known.refuse(model, CASES, SEEN, 'openvino or tvm from here, or insist: true on this stage')
