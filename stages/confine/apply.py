"""Take from this process what its policy does not give it; by every layer that the kernel has."""

from __future__ import annotations

import os
import sys
from functools import cache
from typing import Final

from stages.confine import landlock, namespaces, seccomp, system
from stages.confine.policy import LAYERS, Policy

FILES_AT_ONCE: Final = 65536


@cache
def missing() -> tuple[str, ...]:
    """Return the names of the layers that this system does not give us, by trying."""
    if sys.platform != 'linux':
        return tuple(LAYERS)
    there = {'landlock': landlock.version() > 0, 'seccomp': seccomp.known(), 'namespaces': namespaces.known()}
    return tuple(name for name in LAYERS if not there[name])


def isolate(policy: Policy, lacking: tuple[str, ...]) -> None:
    """Make the next child of this process the first of namespaces of its own, unless they are among ``lacking``."""
    if 'namespaces' not in lacking:
        namespaces.enter()
        if policy.network or policy.loopback:
            namespaces.loopback()  # on which the proxy listens that leads to the hosts of the policy, or it itself


def confine(policy: Policy, lacking: tuple[str, ...]) -> None:
    """Keep this process, for good, to what ``policy`` gives it. Only for a process of one thread.

    Layers in ``lacking`` are passed over. Raises OSError when another one cannot be had: a process that is
    less confined than was said does not go on.
    """
    limits(policy)
    shown = shared = False
    if 'namespaces' not in lacking:
        shown, shared = namespaces.own_processes(), namespaces.own_shared_memory()
    if 'landlock' not in lacking:
        read = ['/'] if policy.network else [*system.readable(own_processes=shown), *policy.read]
        read += [system.HOSTS] if _alone(policy, lacking) else []  # who it itself is
        write = [*policy.write, *([system.SHARED_MEMORY] if shared else [])]
        landlock.restrict(read, write, system.DEVICES, network=policy.network or _alone(policy, lacking))
    if 'seccomp' not in lacking:
        seccomp.restrict(_families(policy, lacking))


def _families(policy: Policy, lacking: tuple[str, ...]) -> tuple[int, ...] | None:
    """Return the kinds of sockets that a process may make; None: any, where no proxy stands before the world."""
    if policy.network:
        return None if 'namespaces' in lacking else seccomp.INTERNET
    own = (*seccomp.INTERNET, *seccomp.INTERFACES) if _alone(policy, lacking) else ()
    return (*own, *(seccomp.LOCAL if policy.sockets else ()))


def _alone(policy: Policy, lacking: tuple[str, ...]) -> bool:
    """Whether a process may open TCP, since it has a network in which there is nobody else."""
    return policy.loopback and 'namespaces' not in lacking


def limits(policy: Policy) -> None:
    """Set what the system limits for one process: no core files, no endless file."""
    import resource

    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    if policy.file_size:
        _lower(resource.RLIMIT_FSIZE, policy.file_size)
    _lower(resource.RLIMIT_NOFILE, FILES_AT_ONCE)


def _lower(what: int, to: int) -> None:
    import resource

    hard = resource.getrlimit(what)[1]
    if hard == resource.RLIM_INFINITY or hard > to:
        resource.setrlimit(what, (to, to))
    elif what == resource.RLIMIT_NOFILE:
        resource.setrlimit(what, (hard, hard))


def umask() -> None:
    """Give files that a process makes the modes that are meant, whatever the user's habit is.

    The run has chosen before, where there is one: a project that is shared with a group keeps 0002.
    """
    if os.umask(0o022) == 0o002:
        os.umask(0o002)
