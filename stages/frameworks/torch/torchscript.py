"""TorchScript archives whose bytes depend on the model alone, and whose version stays what it was.

By the version torch decides what operators mean: division of whole numbers, ``full`` and ``gelu`` have changed, and a
file is run as the torch of its time ran it. So records are copied, the version's with them.
"""

from __future__ import annotations

import zipfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from stages.contract.port import Contract

if TYPE_CHECKING:
    import torch

ALIGNED = 64
"""Bytes: where in a file torch puts tensors, so that they can be mapped to memory."""

DROPPED = ('.debug_pkl', '.data/serialization_id')
"""Debug records hold the source paths of the machine, and the id is made from them. Errors inside the loaded model then
name no source line."""


def write(module: torch.jit.ScriptModule, path: Path) -> None:
    """Write ``module``, without its debug records, as the version that torch gives it."""
    raw = path.with_suffix('.raw')
    module.save(str(raw))
    write_stripped(raw, path)
    raw.unlink()


def write_stripped(source: Path, path: Path) -> None:
    """Write the archive ``source`` again, record by record, without debug records and files that came beside it.

    torch's own writer would give it the version of the oldest format, which it then runs otherwise.
    """
    write_records(source, path, lambda name: not name.endswith(DROPPED) and not name.startswith('extra/'))


def write_records(source: Path, path: Path, kept: Callable[[str], bool] = bool) -> None:
    """Write the archive ``source`` again, those records whose names are ``kept``, each as it is."""
    with zipfile.ZipFile(source) as old, zipfile.ZipFile(path, 'w') as new:
        for member in old.infolist():
            name = member.filename.partition('/')[2]
            if not name or not kept(name):
                continue
            record = zipfile.ZipInfo(f'model/{name}')  # its date is that of the format, 1980
            assert new.fp is not None
            header = 30 + len(record.filename.encode()) + 4
            gap = -(new.fp.tell() + header) % ALIGNED
            record.extra = b'FB' + gap.to_bytes(2, 'little') + b'Z' * gap
            record.file_size = member.file_size
            with old.open(member) as content, new.open(record, 'w') as target:
                while block := content.read(1 << 24):
                    target.write(block)


def version(path: Path) -> str:
    """Return the version of the archive at ``path``; nothing where it says none."""
    with zipfile.ZipFile(path) as archive:
        for member in archive.namelist():
            if member.partition('/')[2] in ('version', '.data/version'):
                return archive.read(member).decode('ascii', 'replace').strip()
    return ''


def described(made: Any, contract: Contract, example: tuple[Any, ...]) -> Contract:
    """Return ``contract`` with the names that the archive has for its arguments, and the state that it keeps."""
    from stages.frameworks.torch import arguments, inner

    taken = arguments.arguments(made)
    heads = [port.in_file.partition('.') for port in contract.inputs]
    known = {argument.name for argument in taken}
    if not all(head in known for head, _, _ in heads):
        # a tracer may call its arguments as it likes
        inputs = [replace(port, file=argument.name) for port, argument in zip(contract.inputs, taken, strict=True)]
        contract = replace(contract, inputs=tuple(inputs))
    before = inner.snapshot(made)
    given = dict(zip([port.in_file for port in contract.inputs], (t.clone() for t in example), strict=True))
    arguments.called(made, taken, given)
    changed = inner.changed(before, made)
    inner.restore(made, before, changed)
    return replace(contract, state=tuple(changed))
