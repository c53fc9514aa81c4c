"""What one process may do: data that travels from the run to the process that takes the rest from itself."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

LAYERS: Final[Mapping[str, str]] = {
    'landlock': 'it reads and writes only the files it is given, and opens no TCP connection',
    'seccomp': 'it opens no socket, traces no process and mounts nothing',
    'namespaces': 'it has no network, no IPC of others, and dies with all that it started',
}
"""What the kernel may offer, and what each takes from a process; they overlap on purpose."""


@dataclass(frozen=True)
class Policy:
    """What a process may reach beside the system's programs and its own Python."""

    read: tuple[str, ...] = ()
    """Files and folders, with all below."""

    write: tuple[str, ...] = ()
    """Folders it may also write in."""

    network: bool = False
    """A fetch alone, which knows the digest of the answer beforehand and runs none of it. It reads what pip reads."""

    hosts: tuple[str, ...] = ()
    """With ``network``, what it may connect to, as ``host:port``; ``*.host:port`` is all below; of the open network."""

    nearby: tuple[str, ...] = ()
    """Likewise, hosts of the user's own settings: they may lie on this machine or its own network."""

    sockets: bool = False
    """Sockets between its own processes: an emulator's server. Never the network."""

    loopback: bool = False
    """TCP to itself, in a network of its own that leads nowhere; not where it would be the machine's network."""

    file_size: int = 0
    """Bytes that one file may grow to; 0: no limit."""


def policy_of(read: Mapping[str, Any]) -> Policy:
    """Return the policy whose fields, as JSON values, are ``read``."""
    fields: dict[str, Any] = {name: tuple(value) if isinstance(value, list) else value for name, value in read.items()}
    return Policy(**fields)
