"""What a SavedModel's signature takes and gives, and the signature as a function."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from stages.contract.port import ANY, Contract, Port
from stages.errors import StepError
from stages.frameworks.tensorflow import state
from stages.frameworks.tensorflow.model import Model, framework, most, numpy_type

SERVING: Final = 'serving_default'
QUANTIZED: Final = ('FakeQuant', 'QuantizeV2', 'QuantizeAndDequantize', 'UniformQuantize')


def load(folder: Path) -> Model:
    """Return the SavedModel in ``folder``: its signature, by keywords."""
    kept = loaded(folder)
    serve = kept.signatures[SERVING]
    inputs = tuple(_port(name, spec) for name, spec in sorted(serve.structured_input_signature[1].items()))
    outputs = tuple(_port(name, spec) for name, spec in sorted(serve.structured_outputs.items()))

    def call(tensors: Mapping[str, Any]) -> Mapping[str, Any]:
        made: Mapping[str, Any] = serve(**tensors)
        return made

    changing = tuple(sorted({variable.name for variable in state.changed(serve)}))
    found = Contract(inputs, outputs, precision=_precision(serve), state=changing)
    return Model(call, found, ordered=False, kept=kept)


def loaded(folder: Path) -> Any:
    """Return the SavedModel in ``folder``; the source has left it one signature."""
    return framework().saved_model.load(str(folder), tags=['serve'])


def _port(name: str, spec: Any) -> Port:
    tf = framework()
    if not isinstance(spec, (tf.TensorSpec, tf.Tensor)):
        raise StepError(
            f'saved_model.pb: {name!r} is a {type(spec).__name__.removesuffix("Spec")}; models here take and give '
            'dense tensors\nwhat to try: a signature that converts it (tf.RaggedTensor.to_tensor, tf.sparse.to_dense)'
        )
    if spec.shape.rank is None:
        return Port(name, ANY, numpy_type(spec.dtype))
    # None says that any size is taken; it does not say that it counts samples
    shape = tuple(f'{name}_{axis}' if size is None else int(size) for axis, size in enumerate(spec.shape))
    return Port(name, shape, numpy_type(spec.dtype))


def _precision(serve: Any) -> str:
    """Return what the model's numbers are made of: its variables, else its constants."""
    graph = serve.graph.as_graph_def()
    nodes = [*graph.node, *(node for f in graph.library.function for node in f.node_def)]
    if any(node.op.startswith(QUANTIZED) for node in nodes):
        return 'int8'
    numbers: dict[str, int] = {}
    for variable in serve.graph.variables:
        numbers[variable.dtype.name] = numbers.get(variable.dtype.name, 0) + (variable.shape.num_elements() or 0)
    if not numbers:
        tf = framework()
        for value in (node.attr['value'].tensor for node in nodes if node.op == 'Const'):
            size = tf.TensorShape(value.tensor_shape).num_elements() or 0
            name = tf.dtypes.as_dtype(value.dtype).name
            numbers[name] = numbers.get(name, 0) + size
    return most(numbers)
