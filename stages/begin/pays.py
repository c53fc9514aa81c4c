"""What pays on this CPU, by the precision of a variant's numbers: a reason against it, or none."""

from __future__ import annotations

from collections.abc import Set
from typing import Final

NATIVE: Final = {
    'f16': ({'avx512_fp16', 'asimdhp', 'fphp'}, 'computes no float16: the file is half as large, and not faster'),
    'bf16': ({'avx512_bf16', 'amx_bf16', 'bf16'}, 'computes no bfloat16: it is not faster'),
    'int8': (
        {'avx512_vnni', 'avx_vnni', 'amx_int8', 'asimddp', 'i8mm', 'avx2', 'avx512bw'},
        'multiplies no int8 numbers at once: the file is a quarter as large, and hardly faster',
    ),
}
"""By precision: instructions, any of which makes it fast, and what holds of a CPU without. Names are those of Linux."""

SMALLER: Final = {
    'int4': 'four bits save memory; they are faster where memory is the limit, as in large language models',
    'pruned': 'it answers otherwise than its source until it is trained again: see `finetune`',
}


def against(precision: str, flags: Set[str]) -> str:
    """Return why numbers of this precision do not pay on a CPU with ``flags``; empty where they do, or none are known.

    A CPU that tells nothing of itself is not judged.
    """
    if precision in SMALLER:
        return SMALLER[precision]
    wanted, words = NATIVE.get(precision, (set(), ''))
    return f'this CPU {words}' if wanted and flags and not wanted & flags else ''
