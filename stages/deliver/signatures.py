"""Signatures of releases: the sigstore bundles that OpenSSF model-signing makes, of every file of a release.

They are not part of the release, whose digest they would change each time: they refer to it (``referrers``).
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any, Final

from stages.deliver.referrers import of_type
from stages.deliver.registry.contract import Reading
from stages.deliver.release import SIGNATURE, sha256_of
from stages.errors import IntegrityError, ToolError

BUNDLE: Final = 'application/vnd.dev.sigstore.bundle.v0.3+json'
MAX_BUNDLE: Final = 16 << 20
MOST: Final = 16
"""Signatures of one release that are looked at."""


def key_digest(key: Path) -> str:
    """Return the sha256 of a public key's file."""
    try:
        return hashlib.sha256(key.read_bytes()).hexdigest()
    except OSError as error:
        raise IntegrityError(f'{key}: the key cannot be read: {error.strerror}') from error


def signatures_of(registry: Reading, sha256: str) -> list[bytes]:
    """Return the bundles that refer to a release, newest first; whether they are good is not looked at."""
    found = []
    for entry in reversed(of_type(registry, sha256, BUNDLE)[-MOST:]):
        where = f'sha256:{sha256}: a signature'
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
