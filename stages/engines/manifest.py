"""Load a delivered artifact by its manifest alone: the engine, its options and the contract all stand there."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from stages.contract.engine import Session
from stages.contract.port import MANIFEST, MANIFEST_FORMAT, Contract, contract_of
from stages.engines import ENGINES
from stages.errors import StepError, ToolError


def loaded(folder: Path, threads: int = 1) -> tuple[Session, Contract]:
    """Return a session of the artifact in ``folder``, run as it was measured, and what it takes and gives.

    Raises StepError for a folder that holds no artifact, ToolError where the engine's package is not installed.
    """
    manifest = read_manifest(folder)
    engine = ENGINES.get(manifest['engine'])
    if engine is None:
        raise StepError(f'{folder.name}/{MANIFEST}: no engine {manifest["engine"]!r}; there are {", ".join(ENGINES)}')
    try:
        engine.prepare()
    except ModuleNotFoundError as error:
        raise ToolError(
            f'{folder.name} runs in {engine.ENGINE}, which needs {error.name}, not installed here'
        ) from error
    contract = contract_of(manifest)
    return engine.load(folder, contract, engine.Options(**manifest['options']), threads), contract


def read_manifest(folder: Path) -> dict[str, Any]:
    """Return the manifest in ``folder``."""
    try:
        manifest: dict[str, Any] = json.loads((folder / MANIFEST).read_text('utf-8'))
        if manifest['format'] != MANIFEST_FORMAT:
            raise StepError(
                f'{folder.name}/{MANIFEST}: format {manifest["format"]}; this version reads '
                f'{MANIFEST_FORMAT}: run doit again'
            )
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise StepError(f'{folder.name}: holds no {MANIFEST} of an artifact ({error})') from error
    return manifest
