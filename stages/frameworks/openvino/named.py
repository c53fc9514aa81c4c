"""OpenVINO models with the recipe's names and shapes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from stages.contract.kind import Job


def adopt(model: Any, job: Job, order: Sequence[int], batch: int | None) -> None:
    """
    Name the inputs of ``model``, which has them in this ``order``, and its outputs as the recipe does.

    With ``batch`` its shapes become fixed: that is the size of a named first axis, other named dimensions become 1.
    """
    import openvino as ov

    from stages.frameworks.torch import examples

    for at, tensor in zip(order, job.signature, strict=True):
        port = model.inputs[at]
        port.get_tensor().set_names({tensor.name})
        port.get_node().set_friendly_name(tensor.name)
    for port, name in zip(model.outputs, examples.output_names(job.outputs, len(model.outputs)), strict=True):
        port.get_tensor().set_names({name})
    model.validate_nodes_and_infer_types()
    if batch is not None:
        leading = {t.shape[0] for t in job.signature if t.shape}
        sizes = {d: batch for d in leading if isinstance(d, str)}
        model.reshape({t.name: ov.PartialShape(list(t.sized(**sizes))) for t in job.signature})
