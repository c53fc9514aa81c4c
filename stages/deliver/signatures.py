"""Signatures of releases: the sigstore bundles that OpenSSF model-signing makes, of every file of a release.

They are not part of the release, whose digest they would change each time: they refer to it, as OCI 1.1 has it, and are
found by the tag ``sha256-…`` that every registry knows.
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any, Final

from stages.deliver.registry.contract import Reading
from stages.deliver.release import INDEX_TYPE, MANIFEST_TYPE, SIGNATURE, Layer, Release, sha256_of
from stages.errors import IntegrityError, ToolError

BUNDLE: Final = 'application/vnd.dev.sigstore.bundle.v0.3+json'
EMPTY: Final = 'application/vnd.oci.empty.v1+json'
EMPTY_CONTENT: Final = b'{}'
MAX_BUNDLE: Final = 16 << 20
MOST: Final = 16
"""Signatures of one release that are looked at."""


def referrers_tag(sha256: str) -> str:
    """Return the tag by which what refers to a release is found."""
    return f'sha256-{sha256}'


def key_digest(key: Path) -> str:
    """Return the sha256 of a public key's file."""
    try:
        return hashlib.sha256(key.read_bytes()).hexdigest()
    except OSError as error:
        raise IntegrityError(f'{key}: the key cannot be read: {error.strerror}') from error


def signatures_of(registry: Reading, sha256: str) -> list[bytes]:
    """Return the bundles that refer to a release, newest first; whether they are good is not looked at."""
    tag = referrers_tag(sha256)
    if not registry.has_tag(tag):
        return []
    found = []
    for entry in reversed(entries_of(registry, registry.resolve(tag))[-MOST:]):
        where = f'{tag}: a signature'
        try:
            manifest = json.loads(registry.manifest(sha256_of(entry.get('digest'), where)))
            layer = manifest['layers'][0]
            size, digest = int(layer['size']), sha256_of(layer['digest'], where)
        except (ValueError, KeyError, TypeError, IndexError, RecursionError) as error:
            raise IntegrityError(f'{where}: its manifest is broken: {error!r}') from error
        if not 0 < size <= MAX_BUNDLE:
            raise IntegrityError(f'{where}: is {size:,} bytes; at most {MAX_BUNDLE:,} are read')
        content = b''.join(registry.blob(digest, size, 0).chunks)
        if hashlib.sha256(content).hexdigest() != digest:
            raise IntegrityError(f'{where}: has other bytes than its digest says')
        found.append(content)
    return found


def entries_of(registry: Reading, sha256: str) -> list[dict[str, object]]:
    """Return the entries of an index of referrers that are signatures."""
    try:
        entries = json.loads(registry.manifest(sha256))['manifests']
        return [entry for entry in entries if entry.get('artifactType') == BUNDLE]
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise IntegrityError(f'sha256:{sha256}: is no index of referrers: {error!r}') from error


def referrer(release: Release, bundle: bytes) -> bytes:
    """Return the manifest that says that ``bundle`` signs ``release``."""
    config = Layer('.', hashlib.sha256(EMPTY_CONTENT).hexdigest(), len(EMPTY_CONTENT), EMPTY)
    layer = Layer('.', hashlib.sha256(bundle).hexdigest(), len(bundle), BUNDLE)
    document = {
        'schemaVersion': 2,
        'mediaType': MANIFEST_TYPE,
        'artifactType': BUNDLE,
        'config': _said(config),
        'layers': [_said(layer)],
        'subject': {'mediaType': MANIFEST_TYPE, 'digest': release.digest, 'size': len(release.content)},
    }
    return json.dumps(document, sort_keys=True, separators=(',', ':')).encode()


def _said(layer: Layer) -> dict[str, object]:
    return {'mediaType': layer.type, 'digest': layer.digest, 'size': layer.size}


def referrers_index(others: list[dict[str, object]], manifest: bytes) -> bytes:
    """Return the index of what refers to a release, with one signature more."""
    entry = {
        'mediaType': MANIFEST_TYPE, 'artifactType': BUNDLE, 'size': len(manifest),
        'digest': f'sha256:{hashlib.sha256(manifest).hexdigest()}',
    }  # fmt: skip
    index = {'schemaVersion': 2, 'mediaType': INDEX_TYPE, 'manifests': [*others, entry]}
    return json.dumps(index, sort_keys=True, separators=(',', ':')).encode()


def public_key(key: Path) -> bytes:
    """Return the public key (PEM) that belongs to a private one. Raises IntegrityError for a file that holds none."""
    check_tools()
    from cryptography.hazmat.primitives import serialization

    try:
        private = serialization.load_pem_private_key(key.read_bytes(), None)
    except (ValueError, TypeError, OSError) as error:
        raise IntegrityError(f'{key}: no private key can be read from it: {error}') from error
    pem, info = serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    return private.public_key().public_bytes(pem, info)


def sign(folder: Path, key: Path) -> bytes:
    """Return a signature of every file in ``folder``, made with the private elliptic-curve key in ``key`` (PEM).

    Raises ToolError where model-signing is not installed, IntegrityError for a key that cannot sign.
    """
    check_tools()
    import tempfile

    from model_signing import hashing, signing

    with tempfile.TemporaryDirectory() as place:
        bundle = Path(place, SIGNATURE)
        try:
            config: Any = signing.Config()  # type: ignore[no-untyped-call]
            hashed: Any = hashing.Config()  # type: ignore[no-untyped-call]
            config.use_elliptic_key_signer(private_key=key)
            config.set_hashing_config(hashed.set_ignored_paths(paths=[], ignore_git_paths=False))
            config.sign(folder, bundle)
        except (ValueError, TypeError, OSError) as error:
            raise IntegrityError(f'{key}: cannot sign: {error}') from error
        return bundle.read_bytes()


def check_signature(folder: Path, bundle: Path, keys: tuple[Path, ...]) -> str:
    """Return the sha256 of the first of ``keys`` that signed every file in ``folder``, and nothing but them.

    Raises IntegrityError when none did, ToolError where model-signing is not installed.
    """
    check_tools()
    from model_signing import hashing, verifying

    if not bundle.is_file():
        raise IntegrityError(f'{folder}: is not signed, and a signature is demanded')
    problems = []
    for key in keys:
        digest = key_digest(key)
        hashed: Any = hashing.Config()  # type: ignore[no-untyped-call]
        hashed.set_ignored_paths(paths=[folder / SIGNATURE], ignore_git_paths=False)
        try:
            config: Any = verifying.Config()  # type: ignore[no-untyped-call]
            config.set_hashing_config(hashed).use_elliptic_key_verifier(public_key=key)
            config.verify(folder, bundle)
        except Exception as error:  # a bundle is anybody's, and the library raises what it meets
            problems.append(f'{key.name}: {" ".join(str(error).split()) or type(error).__name__}')
            continue
        return digest
    raise IntegrityError(f'{folder}: no trusted key signed it ({"; ".join(problems)})')


def check_tools() -> None:
    """Raise ToolError where signatures can neither be made nor checked."""
    try:
        import model_signing  # noqa: F401
    except ModuleNotFoundError as error:
        raise ToolError(f"signatures need {error.name}; run: pip install 'modelkiln[sign]'") from error
