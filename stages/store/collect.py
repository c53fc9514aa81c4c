"""Take out of the store what nothing needs, beside running builds: they never lose what they use.

Three rules keep them apart. Publishing a result, and noting that one is used, hold the store's lock together; sweeping
holds it alone. What was used since the oldest living run began is spared. A lock file goes only while it is held.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from stages.store.locks import unless_locked
from stages.store.runs import clear_dead, living_since, remove
from stages.store.store import Result, Store


@dataclass(frozen=True)
class Rule:
    """What of the things that nothing needs may stay."""

    older: float = 0.0
    """Seconds: what was used within them stays."""

    keep: int | None = None
    """Bytes: what was used last stays, until the store holds so many."""


@dataclass
class Swept:
    """What was taken away, or would be: files and bytes, by what they were."""

    counts: dict[str, int] = field(default_factory=dict)
    sizes: dict[str, int] = field(default_factory=dict)

    def add(self, what: str, size: int) -> None:
        """Count one."""
        self.counts[what] = self.counts.get(what, 0) + 1
        self.sizes[what] = self.sizes.get(what, 0) + size


@dataclass(frozen=True)
class Kept:
    """A result as it lies in the store."""

    path: Path
    used: float
    result: Result | None
    """None: its record is broken."""


def collect(store: Store, needed: Collection[str], started: float, rule: Rule, *, dry: bool) -> Swept:
    """Remove the results that are not ``needed`` and may go by ``rule``, and every blob that no result has then.

    ``started`` is when ``needed`` was looked up: what was used since then stays.
    """
    swept = Swept()
    with contextlib.nullcontext() if dry else store.alone():
        _sweep(store, needed, started, rule, swept, dry=dry)
    if not dry:
        clear_dead(store.tmp)
        sweep_locks(store.folder / 'locks', swept)
    return swept


def results(store: Store) -> list[Kept]:
    """Return every result, those used longest ago first."""
    found = []
    for path in store.folder.glob('results/*/*.json'):
        with contextlib.suppress(OSError):
            found.append(Kept(path, path.stat().st_mtime, store.recorded(path.stem)))
    return sorted(found, key=lambda one: (one.used, one.path.name))


def blobs(store: Store) -> Iterator[tuple[Path, int]]:
    """Yield every blob and its size."""
    for path in store.folder.glob('blobs/*/*'):
        with contextlib.suppress(OSError):
            yield path, path.stat().st_size


def _sweep(store: Store, needed: Collection[str], started: float, rule: Rule, swept: Swept, *, dry: bool) -> None:
    everything = results(store)
    sizes = {path.name: size for path, size in blobs(store)}
    used_until = min(living_since(store.tmp, started), time.time() - rule.older)
    held: dict[str, int] = {}
    for one in everything:
        for file in one.result.files.values() if one.result else ():
            held[file.sha256] = held.get(file.sha256, 0) + 1
    total = sum(sizes.get(sha256, 0) for sha256 in held)
    for one in everything:
        fits = rule.keep is not None and total <= rule.keep
        if one.result and (one.path.stem in needed or one.used >= used_until or fits):
            continue
        for file in one.result.files.values() if one.result else ():
            held[file.sha256] -= 1
            if not held[file.sha256]:
                total -= sizes.get(file.sha256, 0)
        swept.add('results', one.path.stat().st_size)
        if not dry:
            one.path.unlink(missing_ok=True)
    for path, size in blobs(store):
        if not held.get(path.name):
            swept.add('stored files', size)
            if not dry:
                remove(path)
    for path in store.folder.glob('damaged/*'):
        swept.add('damaged files', path.stat().st_size)
        if not dry:
            remove(path)


def sweep_locks(folder: Path, swept: Swept) -> None:
    """Remove the lock files that nobody holds; whoever waits for one looks again whether it is still there."""
    for path in folder.glob('*'):
        with contextlib.suppress(OSError), unless_locked(path) as free:
            if free:
                path.unlink()
                swept.add('lock files', 0)
