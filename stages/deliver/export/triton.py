"""A model repository of Triton Inference Server: ``NAME/config.pbtxt`` and ``NAME/VERSION/model.…``.

Source: github.com/triton-inference-server/server, docs/user_guide/model_repository.md and model_configuration.md.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from stages.contract.port import Port
from stages.deliver.export.served import TRITON_TYPES, Served, check_format, check_known, copy_model, notes_of
from stages.errors import UnsupportedError


@dataclass(frozen=True)
class Backend:
    """What runs a format in Triton."""

    name: str
    folder: str = ''
    """Below the version folder."""

    threads: str = ''
    """The parameter that says how many."""


BACKENDS: Final = {
    'onnx': Backend('onnxruntime', threads='intra_op_thread_count'),
    'openvino': Backend('openvino', threads='INFERENCE_NUM_THREADS'),
    'torchscript': Backend('pytorch', threads='INTRA_OP_THREAD_COUNT'),
    'savedmodel': Backend('tensorflow', 'model.savedmodel'),
}
FORMATS: Final = tuple(BACKENDS)


def write(served: Served, to: Path) -> list[str]:
    check_format(served, 'triton', FORMATS)
    check_known(served, 'triton')
    backend = BACKENDS[served.manifest.model_format]
    model = to / served.name
    copy_model(served, model / str(served.version) / backend.folder)
    (model / 'config.pbtxt').write_text('\n'.join(config(served)) + '\n', 'utf-8', newline='\n')
    notes = [f'the model repository is {to.name if to.name else to}; its names are those of the file']
    if backend.name == 'pytorch':
        notes.append('outputs of TorchScript are told apart by their place: ' + ', '.join(_outputs(served).values()))
    return [*notes, *notes_of(served)]


def config(served: Served) -> Iterator[str]:
    """Yield the lines of config.pbtxt, from the contract."""
    manifest = served.manifest
    backend = BACKENDS[manifest.model_format]
    batched = served.max_batch > 0
    if batched:
        _check_batch(served)
    yield f'name: {json.dumps(served.name)}'
    yield f'backend: "{backend.name}"'
    yield f'max_batch_size: {served.max_batch}'
    names = _outputs(served) if backend.name == 'pytorch' else {port.name: port.in_file for port in manifest.outputs}
    for port in manifest.inputs:
        yield from _port('input', port, port.in_file, batched=batched)
    for port in manifest.outputs:
        yield from _port('output', port, names[port.name], batched=batched)
    if batched:
        yield 'dynamic_batching { }'
    yield 'instance_group [ { count: 1 kind: KIND_CPU } ]'
    if backend.threads:
        yield f'parameters {{ key: "{backend.threads}" value: {{ string_value: "{manifest.threads}" }} }}'


def _port(way: str, port: Port, name: str, *, batched: bool) -> Iterator[str]:
    dims = [size if isinstance(size, int) else -1 for size in port.shape][1 if batched else 0 :]
    if port.dtype not in TRITON_TYPES:
        raise UnsupportedError(f'{port.name}: Triton has no type {port.dtype}')
    scalar = '' if dims else ' reshape { shape: [ ] }'
    said = ', '.join(map(str, dims or [1]))
    type = f'TYPE_{TRITON_TYPES[port.dtype]}'
    yield f'{way} [ {{ name: {_text(name)} data_type: {type} dims: [ {said} ]{scalar} }} ]'


def _text(name: str) -> str:
    """Return a name of a file in quotes; its letters as they are, which every reader of the format takes."""
    return json.dumps(name, ensure_ascii=False)


def _outputs(served: Served) -> dict[str, str]:
    """Return each output as the PyTorch backend wants it: any name, and two underscores before its place."""
    return {port.name: f'{port.name}__{number}' for number, port in enumerate(served.manifest.outputs)}


def _check_batch(served: Served) -> None:
    other = [port.name for port in served.ports if port.batch != 0 or port.rows is not None]
    if other:
        raise UnsupportedError(
            f'{served.manifest.name}: Triton puts samples together along the first axis, of any size; '
            f'{", ".join(other)} has no such axis: leave --max-batch away'
        )
