"""Publish a release: blobs first, then what names them, then the tags. Pushing the same again moves nothing."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from stages.deliver.assemble import assemble
from stages.deliver.gates import build_of, check_folder, refusals
from stages.deliver.progress import Progress
from stages.deliver.referrers import add_documents, refer
from stages.deliver.registry.address import LATEST, Address
from stages.deliver.registry.contract import Net, Writing
from stages.deliver.registry.open import to_write
from stages.deliver.release import MANIFEST_TYPE, Release
from stages.deliver.signatures import BUNDLE, check_signature, public_key, sign, signatures_of
from stages.errors import IntegrityError, PromiseError, RecipeError
from stages.execute.project import Project


@dataclass(frozen=True)
class Pushed:
    """What a push did."""

    release: Release
    moved: Mapping[str, str]
    """Each tag that names something else now, and the sha256 that it named before; empty for nothing."""

    uploaded: int
    """Blobs that were not there yet."""

    signed: bool
    """Whether a signature was added."""


def push(
    project: Project, name: str, place: Address, tags: tuple[str, ...], net: Net, *, key: Path | None, force: bool
) -> Pushed:
    """Release a variant. Raises PromiseError, with why, for one that may not be; ``force`` records that instead."""
    if place.sha256:
        raise RecipeError(f'{place}: the digest follows from what is pushed; name a tag, or none')
    if key is not None:
        public_key(key)  # a key that cannot sign is found before anything is published
    build = build_of(project, name)
    artifact = check_folder(project, build)
    why = refusals(project, build)
    if why and not force:
        raise PromiseError(f'{build.name} is not released: ' + '\n'.join(why))
    tags = tuple(dict.fromkeys([*([place.tag] if place.tag else []), *tags])) or (LATEST,)
    with tempfile.TemporaryDirectory(prefix='release.', dir=project.state) as folder:
        release, blobs = assemble(project, build, artifact, Path(folder), why)
        registry = to_write(place, net)
        uploaded = publish(registry, release, blobs)
        add_documents(registry, release, Path(folder, 'files'))
        signed = key is not None and add_signature(registry, release, Path(folder, 'files'), key)
        moved = move_tags(registry, release, tags)
    return Pushed(release, moved, uploaded, signed)


def publish(registry: Writing, release: Release, blobs: Mapping[str, Path]) -> int:
    """Upload what is missing and name it by its digest; return how many blobs there were."""
    count = 0
    layers = {layer.sha256: layer for layer in (*release.layers, release.config)}
    with Progress('push', sum(layer.size for layer in layers.values())) as progress:
        for sha256, layer in layers.items():
            count += registry.upload(sha256, layer.size, blobs[sha256])
            progress.add(layer.size)
    registry.put(release.content, MANIFEST_TYPE)
    return count


def move_tags(registry: Writing, release: Release, tags: tuple[str, ...]) -> dict[str, str]:
    """Let every tag name the release; return those that named something else, with what that was."""
    moved = {}
    for tag in tags:
        before = registry.resolve(tag) if registry.has_tag(tag) else ''
        if before != release.sha256:
            registry.put(release.content, MANIFEST_TYPE, tag, before)
            moved[tag] = before
    return moved


def add_signature(registry: Writing, release: Release, files: Path, key: Path) -> bool:
    """Sign every file of the release, and let the signature refer to it; False when this key's is there already."""
    with tempfile.TemporaryDirectory() as folder:
        public = Path(folder, 'public.pem')
        public.write_bytes(public_key(key))
        there = Path(folder, 'there.sig')
        for content in signatures_of(registry, release.sha256):
            there.write_bytes(content)
            try:
                check_signature(files, there, (public,))
            except IntegrityError:
                continue
            return False
    return refer(registry, release, sign(files, key), BUNDLE)
