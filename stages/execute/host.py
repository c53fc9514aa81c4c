"""The CPU that things are made for when they are made for this one: resolved, never ``native``."""

from __future__ import annotations

import platform
import re
from functools import cache
from pathlib import Path

FEATURES = (
    'sse4_2', 'avx', 'avx2', 'fma', 'f16c', 'avx512f', 'avx512bw', 'avx512vl', 'avx512_vnni', 'avx_vnni',
    'avx512_bf16', 'avx512_fp16', 'amx_int8', 'amx_bf16', 'asimd', 'asimddp', 'i8mm', 'sve', 'bf16',
)  # fmt: skip
"""Instruction sets that runtimes choose their kernels by."""


@cache
def host() -> dict[str, str]:
    """Return architecture and the features that matter of this CPU."""
    try:
        text = Path('/proc/cpuinfo').read_text()
    except OSError:
        text = ''
    line = re.search(r'^(?:flags|Features)\s*:(.*)$', text, re.MULTILINE)
    flags = set(line.group(1).split()) if line else set()
    return {
        'machine': platform.machine(),
        'features': ' '.join(name for name in FEATURES if name in flags),
    }


@cache
def system() -> dict[str, str]:
    """Return what every result depends on: operating system, architecture and Python."""
    return {
        'system': platform.system(),
        'machine': platform.machine(),
        'python': '.'.join(platform.python_version_tuple()[:2]),
    }
