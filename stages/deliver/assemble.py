"""An artifact becomes a release: its files, its manifest, a card, where it comes from and what is in it."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from stages.contract.port import MANIFEST
from stages.deliver.card import card
from stages.deliver.pack import MOST, pack
from stages.deliver.provenance import provenance
from stages.deliver.release import (
    CARD,
    CONFIG_TYPE,
    DOC,
    FORCED,
    PROVENANCE,
    RECORD,
    SBOM,
    WEIGHT,
    WEIGHT_CONFIG,
    WEIGHTS,
    Layer,
    Release,
    clashing,
    release,
)
from stages.deliver.sbom import sbom, text_of
from stages.deliver.verify import check_documents
from stages.digest import file_digest
from stages.document.manifest import Manifest, read_manifest
from stages.execute.project import Project
from stages.plan.step import Build
from stages.recipe.model import Recipe

REPORT = 'report.json'


def assemble(
    project: Project, build: Build, artifact: Path, home: Path, forced: list[str]
) -> tuple[Release, dict[str, Path]]:
    """Return the release of the artifact in the folder ``artifact``, and the file behind each of its sha256.

    ``home`` is an empty folder; ``home/files`` then holds the release as a pull leaves it, but for its signature.
    """
    recipe, manifest = project.plan.recipes[build.recipe], read_manifest(artifact)
    files = home / 'files'
    shutil.copytree(artifact, files, copy_function=_linked)
    weights = [Layer(name, file.sha256, file.size, WEIGHT) for name, file in sorted(manifest.files.items())]
    kept = [*weights, _layer(files / MANIFEST, MANIFEST, WEIGHT_CONFIG)]
    clashing([layer.name for layer in kept] + [CARD, PROVENANCE, SBOM], str(artifact))
    rows = [] if forced else _rows(project, build)
    made = provenance(recipe, manifest, kept, _read(project, build), _made(project, build, forced), forced)
    bill = text_of(sbom(recipe, manifest, kept))
    for name, text in ((CARD, card(recipe, manifest, rows, forced)), (PROVENANCE, text_of(made)), (SBOM, bill)):
        (files / name).write_text(text, 'utf-8', newline='\n')
        kept.append(_layer(files / name, name, DOC))
    blobs = {layer.sha256: files / layer.name for layer in kept}
    if len(weights) > MOST:
        tar = home / 'files.tar'
        pack({layer.name: files / layer.name for layer in weights}, tar)
        one = _layer(tar, '.', WEIGHTS)
        blobs[one.sha256] = tar
        kept = [one, *kept[len(weights) :]]
    config_file = home / 'config.json'
    config_file.write_text(text_of(_config(recipe, manifest, kept)), 'utf-8', newline='\n')
    config = _layer(config_file, '.', CONFIG_TYPE)
    blobs[config.sha256] = config_file
    done = release(config, tuple(kept), {FORCED: '\n'.join(forced)} if forced else {})
    (files / RECORD).write_bytes(done.content)
    check_documents(files)
    return done, blobs


def _config(recipe: Recipe, manifest: Manifest, layers: Iterable[Layer]) -> dict[str, Any]:
    """Return the config of a ModelPack."""
    descriptor: dict[str, Any] = {'name': manifest.recipe, 'title': manifest.name, 'revision': manifest.digest}
    if recipe.description:
        descriptor['description'] = recipe.description
    if recipe.license:
        descriptor['licenses'] = [recipe.license]
    if recipe.authors:
        descriptor['authors'] = list(recipe.authors)
    quantized = {'quantization': manifest.precision} if manifest.precision.startswith('int') else {}
    return {
        'descriptor': descriptor,
        'config': {'format': manifest.model_format, 'precision': manifest.precision, **quantized},
        'modelfs': {'type': 'layers', 'diffIds': [layer.digest for layer in layers]},
    }


def _rows(project: Project, build: Build) -> list[Mapping[str, Any]]:
    """Return what the report says of the variant."""
    read = json.loads((project.root / 'artifacts' / build.recipe / REPORT).read_bytes())
    return [row for row in read['rows'] if row['variant'] == build.variant.name]


def _read(project: Project, build: Build) -> dict[str, str]:
    """Return the files of the project that the variant is made from: the recipe, and the Python that it runs."""
    recipe = project.plan.recipes[build.recipe]
    names = {recipe.file} | {f'recipes/{step.python}' for id in build.steps if (step := project.plan.steps[id]).python}
    return {name: file_digest(project.root / name) for name in names}


def _made(project: Project, build: Build, forced: list[str]) -> dict[str, str]:
    """Return the files beside the artifact that judge it; none where they are not of today."""
    folder = project.root / 'artifacts' / build.recipe
    names = () if forced else (REPORT, 'samples.json')
    return {f'artifacts/{build.recipe}/{name}': file_digest(folder / name) for name in names}


def _layer(path: Path, name: str, type: str) -> Layer:
    return Layer(name, file_digest(path), path.stat().st_size, type)


def _linked(source: str, target: str) -> None:
    """Put a file into a folder that nobody writes to and that is gone soon: without a copy where that goes."""
    try:
        os.link(source, target)
    except OSError:
        shutil.copyfile(source, target)
