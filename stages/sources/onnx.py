"""Take an ONNX model from outside, with or without weights in files beside it; leave the ``onnx`` format.

A model file is hostile until proven: it is parsed as data, its parts are checked one by one, and what is left is
written anew. No runtime opens the file that was fetched.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from stages.contract.job import Job
from stages.contract.match import matched
from stages.contract.port import Contract
from stages.errors import IntegrityError, StepError, UnsupportedError
from stages.frameworks.onnx import ports
from stages.sources import signs, wire

if TYPE_CHECKING:
    import onnx

KIND = 'onnx-source'
TOOLS = ('onnx', 'numpy')
ENVIRONMENT = ''

MOST = 2**31 - 1
"""Bytes of the graph's own file: what protobuf can hold."""

FIELDS = {1, 2, 3, 4, 5, 6, 7, 8, 14, 20, 25, 26}
"""Numbers of the fields of a model: its version and graph (1, 7), operator sets, who made it, metadata, functions."""

DOMAINS = {'', 'ai.onnx', 'ai.onnx.ml', 'com.microsoft', 'com.microsoft.nchwc'}
CARRIERS = {'EPContext', 'PythonOp', 'PythonOpGrad'}
"""Operators that open files or run Python."""

TYPES = {'bool', 'str', 'complex64', 'complex128', 'bfloat16', 'float16', 'float32', 'float64'} | {
    f'{kind}{bits}' for kind in ('int', 'uint') for bits in (8, 16, 32, 64)
}
"""What inputs and outputs may be: NumPy's own, and bfloat16."""


@dataclass(frozen=True)
class Params:
    """Options of ``onnx-source``: none."""


def outputs(params: Params) -> tuple[str, ...]:
    """Promise the graph; ``model.onnx.data`` is beside it when the weights are too many for one file."""
    return ('model.onnx',)


def run(params: Params, job: Job) -> Contract:
    """Leave the model, checked, with the recipe's names of inputs, outputs and free dimensions."""
    import onnx

    from stages.frameworks.onnx import budget, external, names, weights
    from stages.frameworks.onnx.write import write_stripped

    path, files = _model_file(job.inputs)
    if path.is_symlink() or path.stat().st_size > MOST:
        raise IntegrityError(f'{path.name}: a link, or larger than an ONNX file can be')
    model = _parsed(path)
    _check_operators(path.name, model)
    budget.check_calls(path.name, model)
    found = ports.read(model, path.name)
    _check_types(path.name, found)
    contract = matched(path.name, found, job.contract)
    external.take_in(model, files)
    weights.inputs_without_weights(model)
    weights.constants_as_weights(model)
    budget.check(path.name, model)
    taken = {port.in_file: port.name for port in contract.inputs}
    returned = {port.in_file: port.name for port in contract.outputs}
    names.name_ports(model, [taken[p.name] for p in found.inputs], [returned[p.name] for p in found.outputs])
    names.name_dimensions(model, contract.inputs)
    try:
        write_stripped(model, job.output / 'model.onnx')
    except onnx.checker.ValidationError as error:
        raise StepError(f'{path.name}: not a valid ONNX model: {str(error)[:1000]}') from error
    written = ports.made(model, contract)
    return replace(written, precision=contract.precision)


def recognise(path: Path) -> dict[str, str]:
    """Return the graph, and the files that its weights lie in, where the content is an ONNX model."""
    made = wire.fields(path) if path.is_file() else set()
    if not {(1, wire.NUMBER), (7, wire.BYTES)} <= made or not {number for number, _ in made} <= FIELDS:
        return {}
    from stages.frameworks.onnx import external

    return {signs.named(path, '.onnx'): path.name} | {name: name for name in external.locations(_parsed(path))}


def operators(folder: Path) -> dict[str, int]:
    """Return how many nodes of each operator the model that ``run`` left has, graphs inside it and functions too."""
    from stages.frameworks.onnx.operators import counted

    return counted(_parsed(folder / 'model.onnx'))


def original(inputs: Mapping[str, Path], contract: Contract, folder: Path) -> Contract:
    """Lay out the file as it came, with its weights beside it; ``run`` has found it harmless."""
    path, files = _model_file(inputs)
    for name, file in files.items():
        _placed(file, folder / ('model.onnx' if file == path else name))
    return matched(path.name, ports.read(_parsed(path), path.name), contract)


def _placed(file: Path, target: Path) -> None:
    try:
        os.link(file, target)  # gigabytes of weights; the fetched folder is this step's own copy
    except OSError:
        shutil.copyfile(file, target)


def _parsed(path: Path) -> onnx.ModelProto:
    import onnx

    try:
        return onnx.load_model_from_string(path.read_bytes())
    except Exception as error:  # protobuf has several
        raise IntegrityError(f'{path.name}: damaged, or no ONNX model: {str(error)[:300]}') from error


def _model_file(inputs: Mapping[str, Path]) -> tuple[Path, dict[str, Path]]:
    """Return the model, and every fetched file by its base name."""
    files: dict[str, Path] = {}
    for role in sorted(r for r in inputs if r.startswith('file')):
        for path in sorted(p for p in inputs[role].rglob('*') if not p.is_dir()):
            if path.name in files:
                raise StepError(f'two of the fetched files are called {path.name!r}')
            files[path.name] = path
    models = [path for name, path in files.items() if name.endswith('.onnx')]
    if len(models) != 1:
        raise StepError(f'a source needs one .onnx file; fetched: {", ".join(sorted(files)) or "nothing"}')
    return models[0], files


def _check_types(name: str, found: Contract) -> None:
    """Refuse inputs and outputs of any other type: nothing here could feed, compare or keep its values."""
    for role, ports_of in (('input', found.inputs), ('output', found.outputs)):
        for port in ports_of:
            if port.dtype not in TYPES:
                msg = f'{name}: the {role} {port.name!r} is {port.dtype}, a type that NumPy does not have'
                raise UnsupportedError(f'{msg}\nwhat to try: export the model with a Cast to float32 or int8 there')


def _check_operators(name: str, model: onnx.ModelProto) -> None:
    import onnx

    from stages.frameworks.onnx import walk

    own = {(f.domain, f.name, f.overload) for f in model.functions}
    foreign = sorted(
        {
            f'{node.domain}.{node.op_type}'
            for node in walk.messages(model, onnx.NodeProto)
            if node.op_type in CARRIERS  # also where a function of that name stands before it
            or (node.domain not in DOMAINS and (node.domain, node.op_type, node.overload) not in own)
        }
    )
    if foreign:
        msg = f'{name}: needs operators from elsewhere, which would be code from elsewhere: {", ".join(foreign)}'
        raise UnsupportedError(f'{msg}\nwhat to try: export the model with the operators of ONNX itself')
