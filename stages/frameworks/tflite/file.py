"""TFLite files: what they take and return, and the order in which they return it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from stages.contract.port import Tensor
from stages.errors import IntegrityError, UnsupportedError

MAGIC = b'TFL3'
INSIDE = {
    'TFLite_Detection_PostProcess', 'AudioSpectrogram', 'Mfcc', 'NumericVerify', 'aeq.hadamard_rotation',
    'Convolution2DTransposeBias', 'MaxPoolingWithArgmax2D', 'MaxUnpooling2D',
}  # fmt: skip
"""Operators that are custom by their form, and that LiteRT has all the same; those of the last line in XNNPACK only."""


def check(path: Path) -> set[str]:
    """Raise unless ``path`` is a TFLite file of operators that LiteRT has; it is read as data, by no runtime.

    Return those of them that are custom by their form.
    """
    from ai_edge_litert import schema_py_generated as schema

    if path.is_symlink():
        raise IntegrityError(f'{path.name}: is a link')
    data = path.read_bytes()
    if data[4:8] != MAGIC:
        raise IntegrityError(f'{path.name}: not a TFLite file')
    try:
        model = schema.Model.GetRootAs(data)
        codes = [model.OperatorCodes(i) for i in range(model.OperatorCodesLength())]
        custom = {code.CustomCode().decode(errors='replace') for code in codes if code.CustomCode()}
        graphs = model.SubgraphsLength()
    except Exception as error:  # whatever Python's reader stumbles over in a damaged file
        raise IntegrityError(f'{path.name}: a damaged TFLite file: {type(error).__name__}: {error}') from error
    if graphs < 1:
        raise IntegrityError(f'{path.name}: holds no graph')
    if foreign := sorted(custom - INSIDE):
        raise UnsupportedError(
            f'{path.name}: needs operators that LiteRT alone does not have: {", ".join(foreign)}\n'
            'what to try: convert the model without SELECT_TF_OPS and without custom operators'
        )
    return custom


def ports(interpreter: Any) -> tuple[tuple[Tensor, ...], tuple[str, ...]]:
    """Return inputs and outputs of an interpreter, in the file's order, by the names its signature gives them."""
    names = signature_names(interpreter)
    inputs = tuple(_tensor(d, names.get(d['index'], d['name'])) for d in interpreter.get_input_details())
    return inputs, tuple(names.get(d['index'], d['name']) for d in interpreter.get_output_details())


def signature_names(interpreter: Any) -> dict[int, str]:
    """Return tensor index to name, where the file has one signature."""
    signatures = interpreter.get_signature_list()
    if len(signatures) != 1:
        return {}
    runner = interpreter.get_signature_runner(next(iter(signatures)))
    details = {**runner.get_input_details(), **runner.get_output_details()}
    return {detail['index']: name for name, detail in details.items()}


def in_order(data: bytes, inputs: list[str], outputs: list[str]) -> bytes:
    """
    Return the file with its inputs and outputs in this order, by the names of its signature.

    The converter sorts them by its own lights; every reader after it goes by place.
    """
    from ai_edge_litert import schema_py_generated as schema

    changed = bytearray(data)
    model = schema.Model.GetRootAs(changed)
    signature, graph = model.SignatureDefs(0), model.Subgraphs(0)
    held = [signature.Inputs(i) for i in range(signature.InputsLength())]
    given = [signature.Outputs(i) for i in range(signature.OutputsLength())]
    for wanted, parts, view in ((inputs, held, graph.InputsAsNumpy()), (outputs, given, graph.OutputsAsNumpy())):
        places = {part.Name().decode(): part.TensorIndex() for part in parts}
        view[:] = [places[name] for name in wanted]  # a view of ``changed``
    return bytes(changed)


def _tensor(detail: Any, name: str) -> Tensor:
    import numpy as np

    declared = detail['shape_signature'] if len(detail['shape_signature']) else detail['shape']
    shape = tuple(f'{name}_{axis}' if size < 0 else int(size) for axis, size in enumerate(declared))
    return Tensor(name, shape, np.dtype(detail['dtype']).name)
