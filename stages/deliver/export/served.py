"""What every layout needs: the artifact, how servers call things, and a folder that is written whole or not at all."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Protocol

from stages.contract.port import ANY, Port
from stages.document.manifest import Manifest
from stages.errors import StepError, UnsupportedError

TRITON_TYPES: Final = {
    'bool': 'BOOL', 'uint8': 'UINT8', 'uint16': 'UINT16', 'uint32': 'UINT32', 'uint64': 'UINT64', 'int8': 'INT8',
    'int16': 'INT16', 'int32': 'INT32', 'int64': 'INT64', 'float16': 'FP16', 'float32': 'FP32', 'float64': 'FP64',
    'bfloat16': 'BF16', 'str': 'STRING',
}  # fmt: skip


@dataclass(frozen=True)
class Served:
    """An artifact, and as what it is to be served."""

    folder: Path
    manifest: Manifest
    version: int = 1
    """Of the server's version folder."""

    max_batch: int = 0
    """Samples that the server may put together; 0: it passes requests on as they come."""

    uri: str = ''
    """Where a cluster finds what is exported."""

    @property
    def name(self) -> str:
        return self.manifest.recipe

    @property
    def ports(self) -> tuple[Port, ...]:
        return (*self.manifest.inputs, *self.manifest.outputs)


class Layout(Protocol):
    """A module that writes what one server reads: a file of this room."""

    FORMATS: tuple[str, ...]
    """The model formats that the server runs."""

    def write(self, served: Served, to: Path) -> list[str]:
        """Write into the empty folder ``to``; return what whoever serves it should know, a sentence each."""
        ...


def check_format(served: Served, layout: str, formats: tuple[str, ...]) -> None:
    """Raise UnsupportedError for an artifact that the server does not run."""
    if served.manifest.model_format not in formats:
        raise UnsupportedError(
            f'{served.manifest.name} is {served.manifest.model_format}; {layout} serves {", ".join(formats)}: '
            'export another variant, or serve it by stages.load'
        )


def check_known(served: Served, layout: str) -> None:
    """Raise UnsupportedError where the contract does not tell how many axes a port has."""
    unknown = [port.name for port in served.ports if port.shape == ANY]
    if unknown:
        raise UnsupportedError(
            f'{served.manifest.name}: how many axes {", ".join(unknown)} has is not known; {layout} asks'
        )


def copy_model(served: Served, to: Path) -> None:
    """Copy the artifact's files, without its manifest, into ``to``."""
    for name in served.manifest.files:
        target = to / name
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(served.folder / name, target)


def notes_of(served: Served) -> list[str]:
    """Return what a server does not do for whoever calls it."""
    carried = [port for port in served.manifest.inputs if port.carries]
    notes = [f'feed {port.name} with the {port.carries} of the call before, zeros at first' for port in carried]
    if served.manifest.preprocessing:
        notes.append(f'its inputs are: {served.manifest.preprocessing}')
    return notes


def settle(new: Path, to: Path) -> None:
    """Move what is below ``new`` below ``to``; StepError, and nothing is moved, where another file is in the way."""
    for path in _files(new):
        there = to / path.relative_to(new)
        if there.is_dir() or (os.path.lexists(there) and there.read_bytes() != path.read_bytes()):
            raise StepError(f'{there}: is there already, and would be another one; export to another folder or version')
    _move(new, to)


def _files(folder: Path) -> Iterator[Path]:
    return (path for path in sorted(folder.rglob('*')) if not path.is_dir())


def _move(new: Path, to: Path) -> None:
    if not to.exists():
        to.parent.mkdir(parents=True, exist_ok=True)
        os.replace(new, to)
    elif new.is_dir():
        for path in sorted(new.iterdir()):
            _move(path, to / path.name)
