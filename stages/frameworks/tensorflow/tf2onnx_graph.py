"""What tf2onnx made, finished: the recipe's names, no words of the tool, equal bytes for equal models."""

from __future__ import annotations

import contextlib
import itertools
import logging
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import onnx

    from stages.contract.port import Contract


def write(
    model: onnx.ModelProto,
    contract: Contract,
    before: Contract,
    inputs: Sequence[str],
    outputs: Sequence[str],
    path: Path,
    advice: str,
) -> Contract:
    """Write ``model`` to ``path`` with the names and the order of ``contract``; return the contract of what it is.

    ``before`` is the contract of what it was made of, which may still leave sizes free that ``contract`` fixes.
    ``inputs`` and ``outputs`` are its names in the graph, in the contract's order. Raises UnsupportedError when an
    operator had no ONNX form: tf2onnx leaves it in the graph as it was, and only onnx's checker sees it.
    """
    from stages.frameworks.onnx import ports
    from stages.frameworks.onnx.names import name_dimensions, name_ports
    from stages.frameworks.onnx.write import write_stripped
    from stages.frameworks.refusal import refusal

    has = {value.name for value in model.graph.input}
    kept = [(own, port) for own, port in zip(inputs, contract.inputs, strict=True) if own in has]  # else it was unused
    _in_order(model.graph.input, [own for own, _ in kept])
    _in_order(model.graph.output, list(outputs))
    # by place: an output may be an input, or two outputs one value
    name_ports(model, [port.name for _, port in kept], [port.name for port in contract.outputs])
    name_dimensions(model, tuple(port for _, port in kept))
    del model.graph.value_info[:]  # shapes between, which every runtime infers; they would name dimensions "unk__12"
    _name_free_sizes(model, contract)
    with refusal('tf2onnx', advice):
        write_stripped(model, path)
    made = ports.made(model, before)
    known = {port.name: port.batch for port in before.outputs}
    return replace(made, outputs=tuple(replace(port, batch=known[port.name]) for port in made.outputs))


def _in_order(values: Any, names: list[str]) -> None:
    values.sort(key=lambda value: names.index(value.name))


def _name_free_sizes(model: onnx.ModelProto, contract: Contract) -> None:
    """Call the free dimensions of outputs what follows from the inputs; where nothing does, what they were called."""
    import onnx

    free = [
        (value.name, axis, dim)
        for value in model.graph.output
        for axis, dim in enumerate(value.type.tensor_type.shape.dim)
        if not dim.HasField('dim_value') and (not dim.dim_param or dim.dim_param.startswith('unk__'))
    ]
    for _, _, dim in free:
        dim.Clear()
    found = {value.name: value for value in onnx.shape_inference.infer_shapes(model).graph.output} if free else {}
    known = {port.name: port.shape for port in contract.outputs}
    for name, axis, dim in free:
        inferred = found[name].type.tensor_type.shape.dim
        told: int | str = inferred[axis].dim_param if axis < len(inferred) else ''
        if not told or str(told).startswith('unk__'):
            told = known[name][axis] if axis < len(known[name]) else f'{name}_{axis}'
        if isinstance(told, str):
            dim.dim_param = told
        else:
            dim.dim_value = told


@contextlib.contextmanager
def steady() -> Iterator[Any]:
    """
    Give tf2onnx, silenced, doing the same each time.

    It keeps its nodes in sets, and these come in the order of memory addresses: from process to process it would fold
    and number constants differently. Numbered nodes come in the order in which they were made.
    """
    import tf2onnx.convert
    from tf2onnx.graph import Node

    logging.getLogger('tf2onnx').setLevel(logging.CRITICAL)  # the checker says it too, and then it is an error
    numbers = itertools.count()
    made = Node.__init__

    def numbered(self: Any, *args: Any, **kwargs: Any) -> None:
        self.modelkiln_number = next(numbers)
        made(self, *args, **kwargs)

    Node.__init__, Node.__hash__ = numbered, _number
    try:
        yield tf2onnx
    finally:
        Node.__init__, Node.__hash__ = made, object.__hash__


def _number(node: Any) -> int:
    number: int = node.modelkiln_number
    return number
