"""Whether this machine can run an artifact, known before any of its code is: a sentence, and never a dead process."""

from __future__ import annotations

import platform
from collections.abc import Collection
from pathlib import Path
from typing import Final

from stages import cpu
from stages.document.manifest import Manifest
from stages.engines import ENGINES

MACHINES: Final = {'AMD64': 'x86_64', 'x64': 'x86_64', 'arm64': 'aarch64', 'ARM64': 'aarch64'}
"""Windows' and macOS' words to Linux'."""

COMPILED: Final = {'aoti'}
"""Formats of machine code that say themselves nothing of the machine: the manifest does."""

LAID_OUT: Final = {'ort', 'onnx'}
"""Formats whose weights ONNX Runtime may have laid out for a kind of CPU."""

WIDE: Final = 'avx512f'
"""By this ONNX Runtime decides how many channels lie together."""


def misfit(manifest: Manifest, folder: Path | None = None) -> str:
    """Return why this machine cannot run an artifact, in words; empty when it can, as far as it can be known.

    ``folder`` holds its files; without it, only what the manifest says counts. A system that does not tell what its
    CPU can do is taken to be able.
    """
    engine = ENGINES.get(manifest.engine)
    if folder is not None and engine is not None and (words := engine.foreign(folder)):
        return f'{manifest.name} is compiled for {words}'
    return _elsewhere(manifest, platform.system(), _machine(platform.machine()), cpu.flags())


def _elsewhere(manifest: Manifest, system: str, machine: str, flags: Collection[str]) -> str:
    target = manifest.target
    needs = str(target.get('features', '')).split()
    made_on = target.get('system', system), _machine(target.get('machine', machine))
    if manifest.model_format in COMPILED and made_on != (system, machine):
        return f'{manifest.name} is compiled for {made_on[0]} on {made_on[1]}; this is {system} on {machine}'
    if not needs or not flags:
        return ''
    if made_on[1] != machine:
        return f'{manifest.name} is made for {made_on[1]}; this is {machine}'
    if lacking := [name for name in needs if name not in flags]:
        return f'{manifest.name} is made for a CPU with {", ".join(lacking)}, which this one has not'
    if manifest.model_format in LAID_OUT and WIDE in flags and WIDE not in needs:
        return f'{manifest.name} is laid out for a CPU without {WIDE}, which this one has'
    return ''


def _machine(name: str) -> str:
    return MACHINES.get(name, name)
