"""What a project notes of itself below ``.modelkiln/``, and a pulled folder of what was pulled, as classes.

Their schemas are made of them. The readers are those of the rooms that write these notes: a note that is broken, or of
a format that they do not know, is to them as if it were not there.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from stages.deliver.pulled import Version
from stages.document.manifest import File
from stages.measure.samples import Cycle


@dataclass(frozen=True)
class Seen:
    """A file as it was when it was written."""

    sha256: str
    stat: tuple[int, ...]
    """Size, time of change, time of the entry's change (ns) and inode."""


@dataclass(frozen=True)
class Action:
    """Everything that can change the bytes of a step; its digest is the step's key."""

    format: int
    kind: str
    params: Mapping[str, Any]
    inputs: Mapping[str, str]
    """By role: the digest of what came in."""

    code: str
    """The digest of our code that made it."""

    tools: Mapping[str, str]
    platform: Mapping[str, Any]
    files: Mapping[str, str] = field(default_factory=dict, hash=False)
    """By path below recipes/: the digest of each file that was read."""

    outputs: tuple[str, ...] = ()
    declared: Any = None
    """The contract that a recipe declares of a source; null: of no source."""

    settings: Mapping[str, str] = field(default_factory=dict, hash=False)
    salt: str = ''
    environment: str = ''
    """The digest of the lock file of its environment; absent: the user's own."""


@dataclass(frozen=True)
class Left:
    """What a step left, under its key: ``store/results/…``."""

    files: Mapping[str, File]
    seconds: float
    peak_memory_bytes: int
    action: Action
    format: int = 1


@dataclass(frozen=True)
class Stamp:
    """Which result a step has: ``steps/…``."""

    step: str
    key: str
    digest: str
    refused: bool = False
    """Its tool cannot do it, which the recipe expects."""

    format: int = 1


@dataclass(frozen=True)
class Failed:
    """Why a step has none, in the place of its stamp."""

    step: str
    failed: str
    tried: str
    """The key under which it was tried."""

    format: int = 1


@dataclass(frozen=True)
class Refusal:
    """What a step leaves whose tool cannot do it: ``refusal.json``."""

    message: str


@dataclass(frozen=True)
class Delivered:
    """What was put in place of a variant: ``artifacts/RECIPE/VARIANT.json``."""

    identity: tuple[Any, ...]
    """What its content and its verdict follow from."""

    good: bool
    result: str
    files: Mapping[str, Seen]
    format: int = 1


@dataclass(frozen=True)
class Reported:
    """A finished report and its files: ``reports/…``."""

    key: str
    files: Mapping[str, Seen]
    format: int = 1


@dataclass(frozen=True)
class Place:
    """What stood last at a place of a variant."""

    id: str
    key: str


@dataclass(frozen=True)
class Lineage:
    """What stood last at each place of a variant: ``lineage/…``."""

    places: Mapping[str, Place]
    format: int = 1


@dataclass(frozen=True)
class Code:
    """The modules of ours behind a digest of code, with their own: ``lineage/.code/…``."""

    modules: Mapping[str, str]
    format: int = 1


@dataclass(frozen=True)
class Build:
    """One build of a recipe."""

    key: str
    kept: bool
    """It got nowhere worse than its recipe lets it."""

    accepted: bool
    """Somebody took it as it is."""

    report: Mapping[str, Any]
    """What comparing reads of its report.json."""


@dataclass(frozen=True)
class History:
    """The last builds of a recipe, oldest first: ``history/…``."""

    builds: tuple[Build, ...]
    format: int = 1


@dataclass(frozen=True)
class Row:
    """A variant in one setting, as a session keeps it."""

    variant: str
    cycles: tuple[Cycle, ...]
    against: str = ''
    """The key of the baseline's row in that setting."""

    scenario: str = ''
    threads: int = 1
    batch: int = 1
    sizes: tuple[tuple[str, int], ...] = ()
    isa: str = ''
    kept: Mapping[str, Any] | None = None
    """How it was kept to ``isa``, where it was."""


@dataclass(frozen=True)
class Session:
    """Rows that were measured in turn: ``store/samples/sessions/…``."""

    taken: str
    """When it began (ISO 8601)."""

    machine: Mapping[str, Any]
    rows: Mapping[str, Row]
    format: int = 1


@dataclass(frozen=True)
class Sessions:
    """The sessions that a row took part in, newest last: ``store/samples/…``."""

    sessions: tuple[str, ...]
    format: int = 1


@dataclass(frozen=True)
class PulledRecord:
    """What became current in a pulled folder, in order: ``pulled.json``."""

    versions: tuple[Version, ...]
    format: int = 1


@dataclass(frozen=True)
class Request:
    """What a step is asked for, beside a capsule: ``request.json``."""

    module: str
    params: Mapping[str, Any]
    roles: tuple[str, ...]
    keep: str
    own: bool
    hidden: tuple[str, ...]
    project: str
    allowed: tuple[str, ...]
    declared: Any
    """A contract; null: none."""


@dataclass(frozen=True)
class Answer:
    """How a step ended: ``result.json``."""

    error: Mapping[str, str] | None
    peak_memory_bytes: int
    undeclared: tuple[str, ...] = ()
