"""``300 MiB`` is a number of bytes, ``5 ms`` a number of seconds."""

from __future__ import annotations

import re
from typing import Final

SIZES: Final = {
    'B': 1, 'kB': 10**3, 'KB': 10**3, 'MB': 10**6, 'GB': 10**9, 'KiB': 2**10, 'MiB': 2**20, 'GiB': 2**30,
}  # fmt: skip
TIMES: Final = {'ns': 1e-9, 'us': 1e-6, 'µs': 1e-6, 'ms': 1e-3, 's': 1.0, 'min': 60.0, 'h': 3600.0}
AGES: Final = {'s': 1.0, 'min': 60.0, 'h': 3600.0, 'd': 86400.0, 'w': 7 * 86400.0}
AMOUNT: Final = re.compile(r'(\d{1,15}(?:\.\d{1,15})?) ?([A-Za-zµ]{1,3})')


def amount(text: str, units: dict[str, int] | dict[str, float]) -> float | None:
    """Return what ``text`` counts in the unit that is 1; None when it is no amount."""
    found = AMOUNT.fullmatch(text)
    if found is None or found[2] not in units:
        return None
    return float(found[1]) * units[found[2]]
