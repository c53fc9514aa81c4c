"""What pull and push ask of a place where releases lie; every kind of place is a file of this room."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Protocol

from stages.errors import DeliveryError

PATIENCE_SECONDS: Final = 30.0
"""How long a server may say nothing, or send less than ``SLOWEST`` a second, before it counts as dead."""

SLOWEST: Final = 1024
"""Bytes a second."""


@dataclass(frozen=True)
class Net:
    """How servers are spoken to."""

    plain: tuple[str, ...] = ()
    """Hosts (with their port) that may be spoken to without TLS, besides this machine."""

    ca: Path | None = None
    """Certificates of authorities to trust instead of the system's."""

    patience: float = PATIENCE_SECONDS


@dataclass(frozen=True)
class Stream:
    """The bytes of a blob, from ``start`` on: a server may begin before what it was asked for."""

    start: int
    chunks: Iterator[bytes]


class Passing(DeliveryError):
    """A fault that may be over the next time: the connection broke off, or the server is busy."""


class NotThere(DeliveryError):
    """The server answers, and has it not."""


class Reading(Protocol):
    """A place that is read. Every method raises DeliveryError when the place does not answer, or has it not."""

    def resolve(self, tag: str) -> str:
        """Return the sha256 of the manifest that ``tag`` names now."""
        ...

    def manifest(self, sha256: str) -> bytes:
        """Return a manifest or an index. What its digest says is checked."""
        ...

    def blob(self, sha256: str, size: int, start: int) -> Stream:
        """Return the bytes of a blob from ``start`` on. Nothing of them is checked."""
        ...

    def has_tag(self, tag: str) -> bool:
        """Whether there is such a tag."""
        ...

    def referrers(self, sha256: str) -> list[dict[str, Any]]:
        """Return the descriptors of the manifests whose subject is this one. Nothing of them is checked."""
        ...


class Writing(Reading, Protocol):
    """A place that is written, too."""

    def upload(self, sha256: str, size: int, path: Path) -> bool:
        """Add a blob; False when it was there."""
        ...

    def put(self, content: bytes, type: str, tag: str = '', before: str = '') -> bool:
        """Add a manifest or an index, and let ``tag`` name it; ``before`` is what the tag named, empty for nothing.

        True when the place itself keeps the list of what refers to the manifest's subject.

        Raises DeliveryError when the tag names something else by now, where the place can tell.
        """
        ...
