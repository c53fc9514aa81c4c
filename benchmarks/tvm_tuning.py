"""What tuning gains: one variant of a recipe tuned for a stated time, beside the same model untuned and ONNX Runtime.

    python benchmarks/tvm_tuning.py resnet18 onnx --minutes 10 [--target native] [--keep FOLDER]

VARIANT is one that leaves an ONNX model in artifacts/. With --keep a second run goes on where the first ended. Prints
CPU time on one thread, in turns in one process, over ONNX Runtime's: below 1 is faster than ONNX Runtime.
"""

from __future__ import annotations

import argparse
import functools
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))
os.environ.setdefault('TVM_NUM_THREADS', '1')
os.environ.setdefault('TVM_BIND_THREADS', '0')

from stages.contract.job import Job  # noqa: E402
from stages.contract.port import Contract, read_contract  # noqa: E402
from stages.kinds import tvm_tune  # noqa: E402

ROUNDS = 15
ROUND_SECONDS = 0.2

Call = Callable[[], Any]


def said(fraction: float, words: str) -> None:
    """Print progress on one line."""
    print(f'\r{fraction:4.0%} {words:<110.110}', end='', file=sys.stderr, flush=True)


def tvm_call(
    folder: Path,
    contract: Contract,
    feed: Mapping[str, Any],
    params: tvm_tune.Params,
    database: Path | None,
) -> Call:
    """Return a call of the model in ``folder`` as TVM compiles it."""
    import tvm
    from tvm import relax

    from stages.frameworks.tvm import lower
    from stages.frameworks.tvm.read import model
    from stages.frameworks.tvm.target import target_for

    names = tuple(port.name for port in contract.outputs)
    module = model.imported(folder, contract.inputs, names, {**contract.sizes, **params.sizes})
    made = lower.compiled(module, target_for(params.target), params.level, database)
    arguments = [tvm.runtime.tensor(feed[tensor.name]) for tensor in contract.inputs]
    return functools.partial(relax.VirtualMachine(made, tvm.cpu())['main'], *arguments)


def onnxruntime_call(folder: Path, feed: Mapping[str, Any]) -> Call:
    """Return a call of the same model in ONNX Runtime, on one thread."""
    import onnxruntime as ort

    options = ort.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    session = ort.InferenceSession(str(folder / 'model.onnx'), options, providers=['CPUExecutionProvider'])
    return functools.partial(session.run, None, dict(feed))


def in_turns(calls: Mapping[str, Call]) -> dict[str, list[float]]:
    """Return CPU seconds per call, one figure per round."""
    found: dict[str, list[float]] = {name: [] for name in calls}
    for call in calls.values():
        call()
    for _ in range(ROUNDS):
        for name, call in calls.items():
            number, started = 0, time.process_time()
            while (taken := time.process_time() - started) < ROUND_SECONDS or not number:
                call()
                number += 1
            found[name].append(taken / number)
    return found


def main() -> None:
    """Tune, then compare."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('recipe')
    parser.add_argument('variant', help='one that leaves model.onnx')
    parser.add_argument('--minutes', type=float, default=10.0)
    parser.add_argument('--target', default='native')
    parser.add_argument('--keep', type=Path)
    parser.add_argument('--artifacts', type=Path, default=ROOT / 'artifacts')
    asked = parser.parse_args()

    from stages.feed.samples import feeds, samples

    folder = asked.artifacts / asked.recipe / asked.variant
    params = tvm_tune.Params(target=asked.target, trials=1_000_000, minutes=asked.minutes)
    contract = read_contract(folder)
    feed = feeds(samples({}, contract, contract.sizes), contract)[0]
    with tempfile.TemporaryDirectory() as passing:
        out = Path(passing, 'out')
        out.mkdir()
        keep = asked.keep or Path(passing, 'keep')
        tvm_tune.run(params, Job({'model': folder}, out, contract, said, keep))
        print((out / 'tuning.json').read_text())
        seconds = in_turns(
            {
                'ONNX Runtime': onnxruntime_call(folder, feed),
                'untuned': tvm_call(folder, contract, feed, params, None),
                'tuned': tvm_call(folder, contract, feed, params, out),
            }
        )
    yardstick = seconds['ONNX Runtime']
    for name, figures in seconds.items():
        median = statistics.median(figures) / statistics.median(yardstick)
        print(
            f'{name:14s} {1e3 * min(figures):9.3f} ms  ratio of medians {median:.2f}, of minima '
            f'{min(figures) / min(yardstick):.2f}'
        )


if __name__ == '__main__':
    main()
