"""What is asked of a server: messages, as JSON."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Final

from stages.confine.policy import Policy, policy_of

LONGEST: Final = 1 << 17
"""Bytes of a message; the kernel keeps them whole."""


@dataclass(frozen=True)
class Request:
    """One process to be made."""

    folder: str
    """Where it works."""

    policy: Policy
    environment: Mapping[str, str] = field(default_factory=dict)
    """All of its environment."""

    command: tuple[str, ...] = ()
    """A program to become; empty: go on as the worker."""

    work: str = ''
    """The request that the worker reads."""

    lacking: tuple[str, ...] = ()
    """Layers of confinement that the system does not give us."""


def encoded(do: str, **fields: Any) -> bytes:
    """Return a message."""
    return json.dumps({'do': do, **fields}).encode()


def run_message(request: Request) -> bytes:
    """Return the message that asks for a process."""
    return encoded('run', **asdict(request))


def request_of(read: Mapping[str, Any]) -> Request:
    """Return what ``run_message`` wrote."""
    return Request(
        read['folder'], policy_of(read['policy']), read['environment'], tuple(read['command']), read['work'],
        tuple(read['lacking']),
    )  # fmt: skip
