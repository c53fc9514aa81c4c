"""Take an ONNX model from outside, with or without weights in files beside it; leave the ``onnx`` format.

A model file is hostile until proven: it is parsed as data, its parts are checked one by one, and what is left is
written anew. No runtime opens the file that was fetched.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from stages.contract.kind import Job
from stages.contract.port import Tensor
from stages.errors import IntegrityError, StepError, UnsupportedError

if TYPE_CHECKING:
    import onnx

KIND = 'onnx-source'
TOOLS = ('onnx', 'numpy')
ENVIRONMENT = ''

MOST = 2**31 - 1
"""Bytes of the graph's own file: what protobuf can hold."""

DOMAINS = {'', 'ai.onnx', 'ai.onnx.ml', 'com.microsoft', 'com.microsoft.nchwc'}
CARRIERS = {'EPContext', 'PythonOp', 'PythonOpGrad'}
"""Operators that open files or run Python."""


@dataclass(frozen=True)
class Params:
    """Options of ``onnx-source``: none."""


def outputs(params: Params) -> tuple[str, ...]:
    """Promise the graph; ``model.onnx.data`` is beside it when the weights are too many for one file."""
    return ('model.onnx',)


def run(params: Params, job: Job) -> None:
    """Leave the model, checked, with the recipe's names of inputs, outputs and free dimensions."""
    import onnx

    from stages.frameworks.onnx import external as onnx_external
    from stages.frameworks.onnx import file as onnx_file

    files = _files(job)
    models = [path for name, path in files.items() if name.endswith('.onnx')]
    if len(models) != 1:
        raise StepError(f'a source needs one .onnx file; fetched: {", ".join(sorted(files)) or "nothing"}')
    path = models[0]
    if path.is_symlink() or path.stat().st_size > MOST:
        raise IntegrityError(f'{path.name}: a link, or larger than an ONNX file can be')
    try:
        model = onnx.load_model_from_string(path.read_bytes())
    except Exception as error:  # protobuf has several
        raise IntegrityError(f'{path.name}: damaged, or no ONNX model: {str(error)[:300]}') from error
    _check_operators(path.name, model)
    onnx_external.take_in(model, files)
    onnx_file.inputs_without_weights(model)
    onnx_file.constants_as_weights(model)
    _adopt(path.name, model, job)
    try:
        onnx_file.write_stripped(model, job.output / 'model.onnx')
    except onnx.checker.ValidationError as error:
        raise StepError(f'{path.name}: not a valid ONNX model: {str(error)[:1000]}') from error


def _files(job: Job) -> dict[str, Path]:
    """Return every fetched file by its base name."""
    files: dict[str, Path] = {}
    for role in sorted(r for r in job.inputs if r.startswith('file')):
        for path in sorted(p for p in job.inputs[role].rglob('*') if not p.is_dir()):
            if path.name in files:
                raise StepError(f'two of the fetched files are called {path.name!r}')
            files[path.name] = path
    return files


def _check_operators(name: str, model: onnx.ModelProto) -> None:
    from stages.frameworks.onnx import file as onnx_file

    own = {(f.domain, f.name) for f in model.functions}
    foreign = sorted(
        f'{domain}.{kind}'
        for domain, kind in onnx_file.operators_by_domain(model) - own
        if domain not in DOMAINS or kind in CARRIERS
    )
    if foreign:
        msg = f'{name}: needs operators from elsewhere, which would be code from elsewhere: {", ".join(foreign)}'
        raise UnsupportedError(f'{msg}\nwhat to try: export the model with the operators of ONNX itself')


def _adopt(name: str, model: onnx.ModelProto, job: Job) -> None:
    """Give inputs and outputs the recipe's names (by name where they match, else in order); check that they fit."""
    from stages.frameworks.onnx import file as onnx_file

    inputs, outputs = model.graph.input, model.graph.output
    if job.signature and {v.name for v in inputs} != {t.name for t in job.signature}:
        if len(inputs) != len(job.signature):
            has = ', '.join(v.name for v in inputs)
            raise StepError(f'{name}: has {len(inputs)} inputs ({has}); the recipe declares {len(job.signature)}')
        onnx_file.rename(model, {v.name: t.name for v, t in zip(inputs, job.signature, strict=True)})
    if job.outputs and [v.name for v in outputs] != list(job.outputs):
        if len(outputs) != len(job.outputs):
            has = ', '.join(v.name for v in outputs)
            raise StepError(f'{name}: has {len(outputs)} outputs ({has}); the recipe names {len(job.outputs)}')
        onnx_file.rename(model, {v.name: n for v, n in zip(outputs, job.outputs, strict=True)})
    declared = {t.name: t for t in job.signature}
    wrong = [w for value in inputs if value.name in declared for w in _misfits(value, declared[value.name])]
    if wrong:
        raise StepError(f'{name}: ' + '; '.join(wrong))
    onnx_file.name_dimensions(model, job.signature)


def _misfits(value: onnx.ValueInfoProto, tensor: Tensor) -> list[str]:
    """Return what the model's input cannot take of what the recipe declares."""
    import onnx

    held = value.type.tensor_type
    dtype = str(onnx.helper.tensor_dtype_to_np_dtype(held.elem_type)) if held.elem_type else 'no tensor'
    if dtype != tensor.dtype:
        return [f'input {tensor.name!r} is {dtype}; the recipe says {tensor.dtype}']
    sizes = [d.dim_value if d.HasField('dim_value') else d.dim_param or '?' for d in held.shape.dim]
    fits = not held.HasField('shape') or (
        len(sizes) == len(tensor.shape)
        and all(isinstance(s, str) or s <= 0 or s == want for s, want in zip(sizes, tensor.shape, strict=True))
    )
    return [] if fits else [f'input {tensor.name!r} has the shape {sizes}; the recipe says {list(tensor.shape)}']
