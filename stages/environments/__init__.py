"""Locked environments: tools that cannot live beside the others get a virtual environment of their own.

Each is a lock file beside this one: every package pinned and hashed, its first lines saying why it lives apart. One
whose packages have no wheels for today's CPython names another in a line of its own: ``# CPython: 3.10``. ``# Takes:``
says what it needs of a disk, ``# Listens:`` why it needs a network of its own, which leads nowhere.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

ENVIRONMENTS: Final = (
    'boosters', 'jax', 'litert-torch', 'mxnet', 'oneflow', 'paddle2onnx', 'scikit-learn', 'transformers',
)  # fmt: skip
"""The table: the names a kind may give as its ``ENVIRONMENT``."""

PIN: Final = re.compile(r'^([A-Za-z0-9][A-Za-z0-9._-]*)==([^\s;\\]+)', re.MULTILINE)

CPYTHON: Final = re.compile(r'^# CPython: (\d+\.\d+)$', re.MULTILINE)

LISTENS: Final = re.compile(r'^# Listens: ', re.MULTILINE)

TAKES: Final = re.compile(r'^# Takes: (.+)$', re.MULTILINE)


def lock_file(name: str) -> Path:
    """Return the requirements that make the environment ``name``."""
    return Path(__file__).with_name(f'{name}.txt')


def locked(name: str) -> dict[str, str]:
    """Return every package of the environment and its version, as its lock file says; nothing is installed for it."""
    found = PIN.findall(lock_file(name).read_text(encoding='utf-8'))
    return {re.sub(r'[-_.]+', '-', package).lower(): version for package, version in found}


def cpython(name: str) -> str:
    """Return the version of CPython that the environment is made with, as ``3.10``; empty: the user's own."""
    found = CPYTHON.search(lock_file(name).read_text(encoding='utf-8'))
    return found[1] if found else ''


def takes(name: str) -> str:
    """Return how much room the environment takes on a disk, as it was seen once; empty where nobody wrote it down."""
    found = TAKES.search(lock_file(name).read_text(encoding='utf-8'))
    return found[1] if found else ''


def listens(name: str) -> bool:
    """Return whether what the environment holds cannot start without a socket to itself; ours (``''``) can."""
    return bool(name) and LISTENS.search(lock_file(name).read_text(encoding='utf-8')) is not None


def purpose(name: str) -> str:
    """Return the first sentence of the lock file: what the environment is for."""
    return lock_file(name).read_text(encoding='utf-8').partition('\n')[0].lstrip('# ')
