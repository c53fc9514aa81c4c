"""What names may look like. They become folder names on three systems, so they are narrow."""

from __future__ import annotations

import re
from typing import Final

from stages.paths import DEVICE

MODEL: Final = re.compile(r'[a-z][a-z0-9-]{0,62}')
VARIANT: Final = re.compile(r'[A-Za-z0-9][A-Za-z0-9._-]{0,98}')
TENSOR: Final = re.compile(r'[A-Za-z_][A-Za-z0-9_.-]{0,62}')
DIMENSION: Final = re.compile(r'[a-z][a-z0-9_]{0,62}')
TAG: Final = re.compile(r'[A-Za-z0-9][A-Za-z0-9._-]{0,62}')
TAKEN: Final = ('report', 'measure', 'best', 'samples', 'manifest', 'tools')
"""What stands beside the variants' folders in ``artifacts/<recipe>/``, or is a task of its own; with any ending."""


def wrong_model(name: str) -> str:
    """Return what is wrong with the name of a model; nothing when it is right."""
    if not MODEL.fullmatch(name):
        return 'expected a small letter, then small letters, digits and `-`, at most 63 in all'
    return 'Windows gives this name to a device; choose another' if DEVICE.fullmatch(name) else ''


def wrong_variant(name: str) -> str:
    """Return what is wrong with the name of a variant; nothing when it is right."""
    if not VARIANT.fullmatch(name) or name.endswith('.'):
        return 'expected letters, digits, `-`, `_` and `.`, beginning with a letter or digit, at most 99 in all'
    if name.casefold().partition('.')[0] in TAKEN:
        return 'Modelkiln uses this name itself; choose another'
    return 'Windows gives this name to a device; choose another' if DEVICE.fullmatch(name) else ''
