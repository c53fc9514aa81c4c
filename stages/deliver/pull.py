"""Pull a release: complete, verified, signed if asked, fit for this CPU, or what was current stays.

What is fetched grows in ``incoming/``; when every byte of it is right it becomes a version by one rename, and current
by another. Killed anywhere, the next pull goes on.
"""

from __future__ import annotations

from pathlib import Path

from stages import terminal
from stages.deliver.policy import Policy
from stages.deliver.pulled import Pulled, Version
from stages.deliver.registry.address import LATEST
from stages.deliver.wanted import Wanted
from stages.errors import DeliveryError


def pull(wanted: Wanted) -> Version:
    """Make the release current in ``wanted.to`` and return it; nothing changes there unless all of it is right."""
    pulled = Pulled(wanted.to.absolute())
    known = wanted.place.sha256 or wanted.pinned
    if known and (kept := _there(pulled, known, wanted)) and pulled.current == known:
        return kept  # nothing to ask anybody, nothing to write
    pulled.folder.mkdir(parents=True, exist_ok=True)
    from stages.deliver.bring import bring  # here: what is there costs nothing of what fetches
    from stages.deliver.registry.open import to_read

    with pulled.alone():
        registry = to_read(wanted.place, wanted.policy.net)
        sha256 = known or registry.resolve(wanted.place.tag or LATEST)
        version = _there(pulled, sha256, wanted) or bring(pulled, sha256, registry, wanted)
        pulled.activate(version, wanted.policy.keep)
        return version


def rollback(folder: Path, policy: Policy, keys: tuple[Path, ...] = ()) -> tuple[str, Version]:
    """Make current what was current before, offline; return what was current and what is.

    Raises DeliveryError when nothing is kept, IntegrityError when it is not as it was or is not signed as demanded.
    """
    from stages.deliver import release_files
    from stages.deliver.release import SIGNATURE
    from stages.deliver.signatures import check_signature

    pulled = Pulled(folder.absolute())
    if not pulled.folder.is_dir():
        raise DeliveryError(f'{folder}: nothing was pulled there')
    with pulled.alone():
        before, version = pulled.current, pulled.before()
        there = pulled.version(version.sha256)
        release_files.check(there, version.sha256)
        if trusted := keys or (policy.key_files if policy.signed else ()):
            check_signature(there, there / SIGNATURE, trusted)
        pulled.back(version)
    return before, version


def _there(pulled: Pulled, sha256: str, wanted: Wanted) -> Version | None:
    """Return a version that is here already and good enough: verified, and signed by a key that is trusted now."""
    kept = pulled.kept(sha256)
    if kept is None:
        return None
    if not wanted.trusted:
        return kept
    from stages.deliver.release import SIGNATURE
    from stages.deliver.signatures import check_signature, key_digest

    if not {key_digest(key) for key in wanted.trusted} & set(kept.signed):
        folder = pulled.version(sha256)
        signed = check_signature(folder, folder / SIGNATURE, wanted.trusted)
        return Version(sha256, kept.place, kept.tag, (*kept.signed, signed), kept.files)
    return kept


def told(version: Version, before: str, to: Path) -> str:
    """Return what a pull did, in a line."""
    name = f'sha256:{version.sha256[:12]}…'
    if before == version.sha256:
        return f'{to}: {name} was current already'
    was = f', before it was sha256:{before[:12]}…' if before else ''
    return f'{to}: {name} of {terminal.plain(version.place)} is current{was}'
