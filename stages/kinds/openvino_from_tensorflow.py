"""Convert a SavedModel or a Keras model to OpenVINO IR."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from stages.errors import UnsupportedError
from stages.frameworks.openvino import ir as openvino_ir
from stages.kinds import usual

if TYPE_CHECKING:
    from stages.contract.job import Job
    from stages.contract.port import Contract

KIND = 'openvino'
ACCEPTS = ('savedmodel', 'keras')
GIVES = 'openvino'
TOOLS = ('openvino', 'tensorflow-cpu', 'keras', 'numpy', 'h5py')
ENVIRONMENT = ''
PROGRAMS = ()
DETERMINISTIC = True

ADVICE = 'the other way in: onnx, then openvino'
Converted = tuple[Any, dict[str, str], dict[str, str]]
"""OpenVINO's model, and by our names what it calls its inputs and its outputs."""

Params = openvino_ir.Params
needs = usual.no_data
precision = openvino_ir.precision
host = usual.any_cpu
outputs = openvino_ir.outputs


def run(params: openvino_ir.Params, job: Job) -> Contract:
    """Write the IR; its inputs and outputs bear the recipe's names."""
    from stages.frameworks.openvino import by_name
    from stages.frameworks.openvino.quiet import telemetry_off
    from stages.frameworks.refusal import refusal
    from stages.frameworks.tensorflow import graph as tensorflow_graph

    telemetry_off()
    folder, static = job.inputs['model'], params.shape == 'static'
    traced = job.contract.fixed(params.batch) if static else job.contract
    convert = _saved_model if tensorflow_graph.is_saved_model(folder) else _keras
    model, given, returned = convert(folder, job.contract, traced)
    contract = by_name.adopt(model, job.contract, given, returned)
    with refusal('OpenVINO', 'openvino: {shape: dynamic}, or onnx, then openvino' if static else ADVICE):
        return openvino_ir.left(model, params, contract, job.output)


def _keras(folder: Path, contract: Contract, traced: Contract) -> Converted:
    """Convert the traced function, which has the names and sizes that were asked for; failing that, the model."""
    import openvino as ov

    from stages.frameworks.openvino import by_name
    from stages.frameworks.refusal import refusal
    from stages.frameworks.tensorflow import graph as tensorflow_graph

    graph = tensorflow_graph.graph(folder, traced)
    try:
        with refusal('OpenVINO', ADVICE):
            model = ov.convert_model(graph.function)
        given = dict(zip((port.name for port in contract.inputs), graph.inputs, strict=True))
        return model, given, dict(zip((port.name for port in contract.outputs), graph.outputs, strict=True))
    except UnsupportedError as refused:
        with _also(refused, 'the model itself, not traced'):
            return ov.convert_model(graph.model.kept), *by_name.in_file(contract)


def _saved_model(folder: Path, contract: Contract, traced: Contract) -> Converted:
    """Convert the folder, whose signature OpenVINO reads; failing that, a SavedModel of the traced function.

    Not the function itself: OpenVINO mixes the names of its outputs with those of the function that it calls.
    """
    import tempfile

    import openvino as ov

    from stages.frameworks.openvino import by_name
    from stages.frameworks.refusal import refusal
    from stages.frameworks.tensorflow import graph as tensorflow_graph
    from stages.frameworks.tensorflow import saving

    if contract.state:
        saving.check_state(folder, 'OpenVINO')
    try:
        with refusal('OpenVINO', ADVICE):
            return ov.convert_model(folder), *by_name.in_file(contract)
    except UnsupportedError as refused:
        graph = tensorflow_graph.graph(folder, traced)
        with tempfile.TemporaryDirectory() as scratch, _also(refused, 'the traced function'):
            model = ov.convert_model(saving.traced(graph, Path(scratch, 'traced')))
        given = dict(zip((port.name for port in contract.inputs), graph.inputs, strict=True))
        return model, given, dict(zip((port.name for port in contract.outputs), graph.outputs, strict=True))


@contextlib.contextmanager
def _also(refused: UnsupportedError, what: str) -> Iterator[None]:
    """Quote both refusals where the second form is refused too."""
    try:
        yield
    except Exception as error:
        words = ' '.join(str(error).split())[-400:]
        raise UnsupportedError(f'{refused}\n{what}: {type(error).__name__}: {words}') from error
