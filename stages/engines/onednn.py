"""Keeping what computes by oneDNN, MKL and ATen to an instruction set, and reading from what they print which they use.

Documented controls: ``ONEDNN_MAX_CPU_ISA`` (oneDNN, "CPU Dispatcher Control"), ``MKL_ENABLE_INSTRUCTIONS`` (oneMKL,
"Instruction Set Specific Dispatching on Intel Architectures"; other makers' CPUs ignore it) and
``ATEN_CPU_CAPABILITY`` (PyTorch). All are read once, when the library is first used.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

from stages import cpu

VARIABLES: Final[Mapping[str, Mapping[str, str]]] = {
    'sse42': {
        'ONEDNN_MAX_CPU_ISA': 'SSE41', 'MKL_ENABLE_INSTRUCTIONS': 'SSE4_2', 'ATEN_CPU_CAPABILITY': 'default',
    },
    'avx2': {'ONEDNN_MAX_CPU_ISA': 'AVX2', 'MKL_ENABLE_INSTRUCTIONS': 'AVX2', 'ATEN_CPU_CAPABILITY': 'avx2'},
    'avx512': {
        'ONEDNN_MAX_CPU_ISA': 'AVX512_CORE_FP16', 'MKL_ENABLE_INSTRUCTIONS': 'AVX512', 'ATEN_CPU_CAPABILITY': 'avx512',
    },
    'amx': {},
}  # fmt: skip
"""By instruction set. ``avx512`` is all that a CPU has of AVX-512, and no AMX."""

_SAID: Final = re.compile(
    r'onednn_verbose,.*info,cpu,isa:(.*)|MKL_VERBOSE oneMKL.*architecture (.*?)(?: processors|, Lnx|$)', re.MULTILINE
)
_WORDS: Final = (
    ('amx', ('AMX', 'Advanced Matrix')),
    ('avx512', ('AVX-512', 'AVX512', 'Extensions 512')),
    ('avx2', ('AVX2', 'AVX')),
    ('sse42', ('SSE',)),
)


def told(said: str) -> str:
    """Return the strongest instruction set that the libraries said they use; empty when they said nothing."""
    found = [_in_words(dnn or mkl) for dnn, mkl in _SAID.findall(said)]
    return cpu.strongest(found)


def _in_words(words: str) -> str:
    return next((isa for isa, marks in _WORDS if any(mark in words for mark in marks)), '')
