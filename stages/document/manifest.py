"""The manifest: the file in an artifact that says what it is, proves its files, and lets any machine run it.

``manifest.json`` stands beside the files of a delivered artifact, and nothing else is needed to load it. Format 2 may
lack what came later: ``threads``, ``runtime`` and ``use``. Format 1 knew no batch axes, no state and no names in the
file, and gave the sizes of outputs as the check's sixteen samples had them: it is read as far as it goes.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Final

from stages.contract.port import MANIFEST, MANIFEST_FORMAT, Contract, Port, contract_json
from stages.document import typed
from stages.errors import StepError

READABLE: Final = (1, 2)
"""The formats that this version reads: all that were ever shipped."""


@dataclass(frozen=True)
class File:
    """One file of an artifact."""

    sha256: str
    size: int
    """Bytes."""


@dataclass(frozen=True)
class Made:
    """One stage that made it."""

    kind: str
    key: str
    """The digest of everything that could change its bytes."""

    params: Mapping[str, Any] = field(default_factory=dict, hash=False)
    tools: Mapping[str, str] = field(default_factory=dict, hash=False)
    """Packages and programs, with their versions."""

    platform: Mapping[str, Any] = field(default_factory=dict, hash=False)


@dataclass(frozen=True)
class Use:
    """Lines of Python to copy, to run in the artifact's folder."""

    modelkiln: tuple[str, ...] = ()
    """With the loader."""

    plain: tuple[str, ...] = ()
    """With the engine alone."""


@dataclass(frozen=True)
class Manifest:
    """What an artifact says of itself."""

    recipe: str
    """The model's name."""

    variant: str
    files: Mapping[str, File] = field(hash=False)
    """Every file besides this one, by its name relative to the folder."""

    digest: str
    """Of all files together."""

    key: str
    """Of the step that left them."""

    model_format: str
    engine: str
    """What runs it."""

    inputs: tuple[Port, ...]
    outputs: tuple[Port, ...]
    precision: str = 'f32'
    """What it computes in."""

    options: Mapping[str, Any] = field(default_factory=dict, hash=False)
    """The engine's, as the artifact was checked and measured with."""

    threads: int = 1
    """On how many it was measured."""

    runtime: Mapping[str, str] = field(default_factory=dict, hash=False)
    """The engine's packages, in the versions that it was checked with."""

    sizes: Mapping[str, int] = field(default_factory=dict, hash=False)
    """At which sizes named dimensions were probed and measured."""

    state: tuple[str, ...] = ()
    """What the model keeps inside from call to call; it starts fresh in each."""

    notes: tuple[str, ...] = ()
    """What to know of how it was made."""

    preprocessing: str = ''
    """What its inputs are, in words."""

    stages: tuple[Made, ...] = ()
    target: Mapping[str, Any] = field(default_factory=dict, hash=False)
    """System and machine it was made on; ``features``: the instructions of that CPU, where the bytes hang on them."""

    check: Mapping[str, Any] = field(default_factory=dict, hash=False)
    """How far its answers are from the source's, and how good they are."""

    accuracy_failed: str | None = None
    """Why it breaks the recipe's bound on accuracy; null: it does not."""

    measured: Mapping[str, Any] | None = field(default=None, hash=False)
    """Figures of the machine that it was measured on; null: it was not."""

    use: Use = Use()
    format: int = MANIFEST_FORMAT

    @property
    def contract(self) -> Contract:
        """Return what it takes and gives."""
        return Contract(self.inputs, self.outputs, self.precision, self.sizes, self.state, self.notes)

    @property
    def name(self) -> str:
        """Return what people call it: ``resnet18:ov-int8``."""
        return f'{self.recipe}:{self.variant}'


def manifest_json(manifest: Manifest) -> dict[str, Any]:
    """Return a manifest as JSON values; its ports as a contract has them."""
    return asdict(manifest) | {name: contract_json(manifest.contract)[name] for name in ('inputs', 'outputs')}


def read_manifest(folder: Path) -> Manifest:
    """Return the manifest in ``folder``. Raises StepError with the place in it that is wrong."""
    where = f'{folder.name}/{MANIFEST}'
    try:
        found = json.loads((folder / MANIFEST).read_bytes())
    except (OSError, ValueError, RecursionError) as error:
        said = 'is not there' if isinstance(error, FileNotFoundError) else f'cannot be read: {error}'
        raise StepError(f'{where}: {said}; expected the folder of an artifact') from error
    return manifest_of(found, where)


def manifest_of(found: Any, where: str) -> Manifest:
    """Return a manifest from its JSON values; ``where`` begins every message."""
    format = found.get('format') if isinstance(found, dict) else None
    if format not in READABLE:
        raise StepError(
            f'{where}: format {format!r}; this version reads {", ".join(map(str, READABLE))}: '
            'a newer modelkiln may read it, or build the artifact again'
        )
    measured = found.get('measured')
    threads = measured.get('threads') if isinstance(measured, dict) else None
    try:
        return typed.read(Manifest, {'threads': threads or 1} | found)
    except (ValueError, RecursionError) as error:
        raise StepError(f'{where}: {error}') from error
