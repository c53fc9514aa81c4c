"""A child that compiles and times one kernel after the other: ``python -I worker.py``. Needs no compiler.

A request is a line ``[module, target, seconds]``, the first two as TVM's JSON; the answer is a line: the latency in
seconds, or why there is none. A kernel that takes longer than ``seconds`` ends the child, and so may a wrong one: the
parent takes a new child.
"""

from __future__ import annotations

import functools
import json
import signal
import sys
import time
from typing import Any

REPEATS = 5
"""The least of so many means counts: whatever else a machine does only makes a kernel slower."""

MEAN_SECONDS = 0.005
ENOUGH_SECONDS = 0.5
"""After so long no repeat begins."""


def main() -> None:
    """Answer requests until there are none."""
    answers = sys.stdout
    sys.stdout = sys.stderr  # nothing but answers there, whatever TVM prints
    for line in sys.stdin:
        module, target, seconds = json.loads(line)
        signal.alarm(seconds)  # its default action ends us, also in the middle of a kernel
        try:
            answer: Any = latency(*compiled(module, target))
        except Exception as error:
            answer = f'{type(error).__name__}: {error}'
        signal.alarm(0)
        print(json.dumps(answer), file=answers, flush=True)


@functools.lru_cache(maxsize=4)  # the last word on a kernel is said in turns
def compiled(module: str, target: str) -> tuple[Any, list[Any]]:
    """Return the function ``main`` of ``module`` as machine code, and arguments for it."""
    import tvm
    from tvm.s_tir.meta_schedule.arg_info import ArgInfo
    from tvm.s_tir.transform import RemoveWeightLayoutRewriteBlock

    weights_as_packed = RemoveWeightLayoutRewriteBlock(skip_tensor_rewrite=True)  # a build packs them beforehand
    made = weights_as_packed(tvm.ir.load_json(module))
    arguments = [argument(i.shape, str(i.dtype)) for i in ArgInfo.from_entry_func(made, remove_preproc=False)]
    return tvm.compile(made, target=tvm.ir.load_json(target))['main'], arguments


def latency(call: Any, arguments: list[Any]) -> float:
    """Return the seconds of CPU time that one call takes: waiting for a busy core does not count."""
    once = timed(call, arguments, 1)  # and warm
    number = max(1, round(MEAN_SECONDS / max(once, 1e-7)))
    started = time.process_time()
    least = timed(call, arguments, number)
    for _ in range(REPEATS - 1):
        if time.process_time() - started > ENOUGH_SECONDS:
            break
        least = min(least, timed(call, arguments, number))
    return least


def timed(call: Any, arguments: list[Any], number: int) -> float:
    """Return the mean CPU time of ``number`` calls."""
    started = time.process_time()
    for _ in range(number):
        call(*arguments)
    return (time.process_time() - started) / number


def argument(shape: Any, dtype: str) -> Any:
    """Return a tensor of ordinary numbers; of zeros where they may be indices."""
    import numpy as np
    import tvm

    sizes = [int(size) for size in shape]
    random = np.random.default_rng(0)
    values = random.standard_normal(sizes) if dtype.startswith('float') else np.zeros(sizes)
    return tvm.runtime.tensor(values.astype(dtype))


if __name__ == '__main__':
    main()
