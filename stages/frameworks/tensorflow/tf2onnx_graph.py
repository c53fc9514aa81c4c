"""What tf2onnx made, finished: the recipe's names, no words of the tool, equal bytes for equal models."""

from __future__ import annotations

import contextlib
import itertools
import logging
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from stages.contract.kind import Job


def write(model: Any, job: Job, order: list[int], path: Path) -> None:
    """
    Write ``model`` to ``path``: inputs and outputs by the recipe's names, free dimensions too.

    ``order`` says where the model has each input of the recipe. Raises what onnx's checker does when an operator had
    no ONNX form: tf2onnx leaves it in the graph as it was.
    """
    from stages.frameworks.onnx import file as onnx_file
    from stages.frameworks.torch import examples

    graph = model.graph
    outputs = examples.output_names(job.outputs, len(graph.output))
    names = {graph.input[at].name: tensor.name for at, tensor in zip(order, job.signature, strict=True)}
    names |= {value.name: name for value, name in zip(graph.output, outputs, strict=True)}
    onnx_file.rename(model, names)
    onnx_file.name_dimensions(model, job.signature)
    leading = {t.shape[0] for t in job.signature if t.shape and isinstance(t.shape[0], str)}
    for value in graph.output:
        for axis, dim in enumerate(value.type.tensor_type.shape.dim):
            if dim.dim_param.startswith('unk__'):
                dim.dim_param = leading.copy().pop() if axis == 0 and len(leading) == 1 else f'{value.name}_{axis}'
    del graph.value_info[:]  # shapes between, which every runtime infers; they would name dimensions "unk__12"
    onnx_file.write_stripped(model, path)


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
