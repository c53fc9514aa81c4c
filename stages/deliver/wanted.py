"""What is asked of a pull."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from stages.deliver.policy import Policy
from stages.deliver.registry.address import Address


@dataclass(frozen=True)
class Wanted:
    """What is to be pulled, where to, and what is demanded of it."""

    place: Address
    to: Path
    policy: Policy
    keys: tuple[Path, ...] = ()
    """Public keys; any of them must have signed. Besides those of the policy."""

    pinned: str = ''
    """The sha256 that a lock file gives; empty: what the place says now."""

    anywhere: bool = False
    """Also take what this CPU cannot run."""

    @property
    def trusted(self) -> tuple[Path, ...]:
        """The keys of which one must have signed; none: no signature is demanded."""
        return self.keys or (self.policy.key_files if self.policy.signed else ())
