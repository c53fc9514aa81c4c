"""An edit of ours, checked: a model that was sound before it is sound after it, or the edit is a bug."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, Concatenate, ParamSpec, TypeVar

from stages.errors import ModelkilnError
from stages.frameworks.onnx import walk

SMALL = 1 << 12
"""Elements up to which a weight may be a shape that the check has to see."""
FEW = 5_000
"""Nodes up to which the check infers every shape."""

Wanted = ParamSpec('Wanted')
Made = TypeVar('Made')


def edited(
    model: Any, edit: Callable[Concatenate[Any, Wanted], Made], *args: Wanted.args, **kwargs: Wanted.kwargs
) -> Made:
    """
    Return ``edit(model, …)``, an edit in place.

    Raises ModelkilnError, never the refusal of a tool, when onnx's checker accepted the model before and does not now.
    A model that it did not accept before is edited all the same: who writes it says so.
    """
    sound = fault(model, full=False) is None
    full = sound and len(model.graph.node) <= FEW and fault(model, full=True) is None
    made = edit(model, *args, **kwargs)
    if sound and (words := fault(model, full)):
        what = edit.__name__.strip('_')
        raise ModelkilnError(f'our edit {what!r} broke an ONNX model that was sound; please report it:\n{words[:1000]}')
    return made


def fault(model: Any, full: bool) -> str | None:
    """Return what onnx's checker says against ``model``, all shapes inferred if ``full``; None when it is sound."""
    import onnx

    try:
        onnx.checker.check_model(skeleton(model), full_check=full)
    except Exception as error:  # ValidationError, InferenceError, and what protobuf raises
        return str(error) or type(error).__name__
    return None


def skeleton(model: Any) -> Any:
    """Return a copy without the large weights, which become inputs: as sound as ``model``, and light to check."""
    from onnx import ModelProto, helper

    light = ModelProto(ir_version=model.ir_version)
    light.opset_import.extend(model.opset_import)
    light.functions.extend(model.functions)
    light.graph.name = model.graph.name
    for part in ('node', 'input', 'output', 'value_info', 'sparse_initializer'):
        getattr(light.graph, part).extend(getattr(model.graph, part))
    listed = {value.name for value in model.graph.input}
    seen = walk.weights(light.graph)
    for tensor in model.graph.initializer:
        twice = tensor.name in seen
        seen.add(tensor.name)
        if math.prod(tensor.dims) <= SMALL or twice:  # of two weights of one name the checker has to see both
            light.graph.initializer.add().CopyFrom(tensor)
        elif tensor.name not in listed:
            light.graph.input.append(helper.make_tensor_value_info(tensor.name, tensor.data_type, tensor.dims))
    return light
