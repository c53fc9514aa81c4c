"""Releases that tests push and pull: real ones, of an artifact that is small and that any CPU can run."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, replace
from pathlib import Path

from stages.deliver.policy import Policy
from stages.deliver.pull import pull
from stages.deliver.pulled import Pulled, Version
from stages.deliver.push import move_tags, publish
from stages.deliver.registry.address import address
from stages.deliver.registry.contract import Net
from stages.deliver.registry.open import to_write
from stages.deliver.release import CONFIG_TYPE, DOC, PROVENANCE, RECORD, WEIGHT, WEIGHT_CONFIG, Layer, Release, release
from stages.deliver.wanted import Wanted

PORT = {'name': 'row', 'dtype': 'float32', 'shape': ['batch', 4], 'batch': 0}
NET = Net()
NO_POLICY = Policy()
FILES = {'model.onnx': b'weights' * 1000, 'deep/model.data': b'more' * 3000}


@dataclass(frozen=True)
class Made:
    """A release and the files behind it, in a folder as a pull leaves it."""

    release: Release
    blobs: dict[str, Path]
    folder: Path


def made(folder: Path, files: dict[str, bytes] = FILES, **more: object) -> Made:
    """Return a release of ``files``; ``more`` stands in its manifest, too."""
    folder.mkdir(parents=True)
    manifest = {
        'format': 2, 'recipe': 'net', 'variant': 'onnx', 'digest': 'd' * 64, 'key': 'e' * 64, 'model_format': 'onnx',
        'engine': 'onnxruntime', 'inputs': [PORT], 'outputs': [{**PORT, 'name': 'scores'}],
        'files': {name: {'sha256': hashlib.sha256(c).hexdigest(), 'size': len(c)} for name, c in files.items()}, **more,
    }  # fmt: skip
    subjects = [{'name': name, 'digest': {'sha256': hashlib.sha256(c).hexdigest()}} for name, c in files.items()]
    documents = {'manifest.json': manifest, PROVENANCE: {'subject': subjects}}
    texts = {name: json.dumps(document).encode() for name, document in documents.items()}
    layers, blobs = [], {}
    for name, content in {**files, **texts, '.': b'{}'}.items():
        path = folder / name if name != '.' else folder.with_suffix('.config')
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        type = WEIGHT if name in files else WEIGHT_CONFIG if name == 'manifest.json' else DOC
        layers.append(Layer(name, hashlib.sha256(content).hexdigest(), len(content), type))
        blobs[layers[-1].sha256] = path
    found = release(replace(layers.pop(), type=CONFIG_TYPE), tuple(layers), {})
    (folder / RECORD).write_bytes(found.content)
    return Made(found, blobs, folder)


def pushed(one: Made, place: str, *tags: str, net: Net = NET) -> Release:
    """Publish a release at ``place`` under ``tags``."""
    registry = to_write(address(place), net)
    publish(registry, one.release, one.blobs)
    move_tags(registry, one.release, tags or ('latest',))
    return one.release


def pulled(place: str, to: Path, keys: tuple[Path, ...] = (), policy: Policy = NO_POLICY, **more: object) -> Version:
    """Pull what lies at ``place``."""
    return pull(Wanted(address(place), to, policy, keys, **more))  # type: ignore[arg-type]


def current(to: Path) -> dict[str, bytes]:
    """Return the files of the version that is current; none before the first pull."""
    sha256 = Pulled(to).current
    folder = Pulled(to).version(sha256)
    return (
        {p.relative_to(folder).as_posix(): p.read_bytes() for p in folder.rglob('*') if p.is_file()} if sha256 else {}
    )


def files_of(one: Made) -> dict[str, bytes]:
    """Return the files of a release as they were pushed."""
    return {p.relative_to(one.folder).as_posix(): p.read_bytes() for p in one.folder.rglob('*') if p.is_file()}
