"""A model in one of our formats in, a Relax module out: one function, ``main``, of fixed sizes, weights inside."""

from __future__ import annotations

import contextlib
import io
import re
import warnings
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from stages.contract.port import Port
from stages.errors import UnsupportedError
from stages.frameworks.tvm.target import TARGETS, Target

ADVICE: Final = 'this variant without tvm; its other ways in are exported, onnx and tflite, for a source that has them'


def imported(
    folder: Path,
    signature: tuple[Port, ...],
    outputs: tuple[str, ...],
    sizes: Mapping[str, int],
    target: Target = TARGETS['x86-64-v3'],
    insist: bool = False,
) -> Any:
    """
    Return the model in ``folder`` as a Relax module whose ``main`` takes the inputs of ``signature``, in its order.

    ``sizes`` are the named dimensions; a name that is not given counts 1. ``main`` returns a tensor, or a tuple of them
    in the order of ``outputs``. Loops of recurrent layers suit ``target``, and run on any. No index reads outside of
    what it indexes. A size that shows only in a run is a symbol. Raises UnsupportedError where TVM lacks an operator,
    and where it is known to be wrong, unless we ``insist``.
    """
    from stages.frameworks.tvm.graph import open_sizes
    from stages.frameworks.tvm.graph.bounded import bounded
    from stages.frameworks.tvm.read.import_plain import plain

    if (folder / 'model.pt2').exists():
        module = from_exported(folder / 'model.pt2', signature, sizes)
    elif (folder / 'model.tflite').exists():
        module = from_tflite(folder / 'model.tflite', signature, sizes)
    else:
        module = from_onnx(folder / 'model.onnx', signature, outputs, sizes, target, insist)
    return bounded(plain(open_sizes.named(checked(named(module, signature), outputs), ADVICE)))


def from_onnx(
    path: Path,
    signature: tuple[Port, ...],
    outputs: tuple[str, ...],
    sizes: Mapping[str, int],
    target: Target,
    insist: bool = False,
) -> Any:
    """Import an ONNX file, once it is prepared and every operator of it is known."""
    from tvm.relax.frontend.onnx import from_onnx as read
    from tvm.relax.frontend.onnx import onnx_frontend

    from stages.frameworks.onnx import plain
    from stages.frameworks.tvm.graph import open_sizes, recurrent
    from stages.frameworks.tvm.read import onnx_ready
    from stages.frameworks.tvm.read.onnx_types import strange

    with recurrent.converters(target), open_sizes.converters():
        known = frozenset(onnx_frontend._get_convert_map())
        model = onnx_ready.ready(path, signature, outputs, sizes, known, insist)
        plain.refuse(model, 'TVM')
        if lacking := onnx_ready.missing(model, known):
            _refuse(lacking)
        if what := strange(model):
            raise UnsupportedError(f'TVM cannot read this model: {what}\nwhat to try: {ADVICE}')
        with _reading():
            # told, because the importer takes a size of nothing for a size unknown
            return read(model, {t.name: list(t.sized(**sizes)) for t in signature}, None, sanitize_input_names=False)


def from_tflite(path: Path, signature: tuple[Port, ...], sizes: Mapping[str, int]) -> Any:
    """Import a TFLite file."""
    from stages.frameworks.tvm.read import import_tflite

    with _reading():
        return import_tflite.read(path, [t.sized(**sizes) for t in signature])


def from_exported(path: Path, signature: tuple[Port, ...], sizes: Mapping[str, int]) -> Any:
    """Import a torch.export program that one of our steps wrote, exported once more for these sizes alone."""
    import torch
    from tvm.relax.frontend.torch import from_exported_program as read

    from stages.frameworks.refusal import refusal
    from stages.frameworks.torch import exported as exported_file

    example = tuple(torch.zeros(t.sized(**sizes), dtype=getattr(torch, t.dtype)) for t in signature)
    with torch.no_grad(), warnings.catch_warnings():
        warnings.simplefilter('ignore')
        module = exported_file.load(path).module(check_guards=False)
        with refusal('torch.export, for these sizes,', 'the program as it is, which torch runs; or other sizes'):
            program = torch.export.export(module, example)
        with _reading():
            return read(program, unwrap_unit_return_tuple=True)


def named(module: Any, signature: tuple[Port, ...]) -> Any:
    """Return ``module`` with parameters of ``main`` called as ``signature`` calls them."""
    from tvm import relax

    main = module['main']
    if len(main.params) != len(signature):
        raise UnsupportedError(f'TVM sees {len(main.params)} inputs; the recipe declares {len(signature)}')
    fresh = [relax.Var(t.name, v.ty) for v, t in zip(main.params, signature, strict=True)]
    bound = main.bind_params(dict(zip(main.params, fresh, strict=True)))
    module['main'] = relax.Function(fresh, bound.body, main.ret_ty, is_pure=main.is_pure, attrs=main.attrs)
    return module


def checked(module: Any, outputs: tuple[str, ...]) -> Any:
    """Return ``module`` if it returns what ``outputs`` names; else refuse it."""
    from tvm import relax

    main = module['main']
    count = len(main.ret_ty.fields) if isinstance(main.ret_ty, relax.TupleType) else 1
    if outputs and count != len(outputs):
        raise UnsupportedError(f'the model returns {count} tensors; the recipe names {", ".join(outputs)}')
    return module


def _refuse(operators: list[str]) -> None:
    one, many = 'it has no operator', 'it has none of the operators'
    msg = f'TVM cannot read this model: {one if len(operators) == 1 else many} {", ".join(operators)}'
    raise UnsupportedError(f'{msg}\nwhat to try: {ADVICE}')


@contextlib.contextmanager
def _reading() -> Iterator[None]:
    """Turn what TVM's importer raises into a refusal that names the operator; it prints it, with all of the inputs."""
    from stages.frameworks.refusal import refusal

    said = io.StringIO()
    with refusal('TVM', ADVICE), warnings.catch_warnings():
        warnings.simplefilter('ignore')  # of names it changes, of shapes it will not look at
        try:
            with contextlib.redirect_stdout(said):
                yield
        except Exception as error:
            words = said.getvalue() or str(error)
            if found := re.search(r'Error converting operator (\w+)|Missing outputs during .* in (\w+)', words):
                error.args = (f'operator {(found[1] or found[2])!r}: {error}',)
            raise
