"""Look into a TFLite model: LiteRT, told to keep every tensor."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from stages.contract.port import Contract
from stages.contract.tap import Node, Tapped

if TYPE_CHECKING:
    import numpy

FORMATS = ('tflite',)
TOOLS = ('ai-edge-litert', 'numpy')


def tapped(folder: Path, contract: Contract, feed: Mapping[str, numpy.ndarray]) -> Tapped:
    """Return every tensor that an operator of the main graph gives, in real numbers."""
    from ai_edge_litert.interpreter import Interpreter, OpResolverType

    from stages.frameworks.tflite import ports

    path = folder / 'model.tflite'
    interpreter: Any = Interpreter(
        model_path=str(path), num_threads=1, experimental_preserve_all_tensors=True,
        experimental_op_resolver_type=OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES,
    )  # fmt: skip
    given, _ = ports.names(path)
    inputs = dict(zip(given, (d['index'] for d in interpreter.get_input_details()), strict=True))
    fed = {inputs[port.in_file]: feed[port.name] for port in contract.inputs}
    for index, array in fed.items():
        interpreter.resize_tensor_input(index, array.shape)
    interpreter.allocate_tensors()
    for index, array in fed.items():
        interpreter.set_tensor(index, array)
    interpreter.invoke()
    details = {detail['index']: detail for detail in interpreter.get_tensor_details()}
    names = {index: f'{detail["name"]}#{index}' for index, detail in details.items()}
    nodes: list[Node] = []
    values: dict[str, Any] = {}
    for operator in interpreter._get_ops_details():
        takes, gives = ([int(i) for i in operator[side] if i >= 0] for side in ('inputs', 'outputs'))
        name = details[gives[0]]['name'] if gives else operator['op_name']
        nodes.append(Node(name, operator['op_name'], tuple(names[i] for i in takes), tuple(names[i] for i in gives)))
        values |= {names[i]: _real(interpreter, details[i]) for i in gives}
    return Tapped(
        tuple(nodes),
        {name: array for name, array in values.items() if array is not None}
        | {names[index]: array for index, array in fed.items()},
        tuple(names[index] for index in fed),
    )


def _real(interpreter: Any, detail: Mapping[str, Any]) -> numpy.ndarray | None:
    """Return a tensor's numbers by its scale; None where it has none to show, as a resource."""
    try:
        array: numpy.ndarray = interpreter.get_tensor(detail['index'])
    except ValueError:
        return None
    about = detail['quantization_parameters']
    if not len(about['scales']):
        return array
    shape = [1] * array.ndim
    if len(about['scales']) > 1:
        shape[about['quantized_dimension']] = -1
    scales, zeros = (about[key].reshape(shape if array.ndim else ()) for key in ('scales', 'zero_points'))
    real: numpy.ndarray = (array.astype('float32') - zeros) * scales
    return real.astype('float32')
