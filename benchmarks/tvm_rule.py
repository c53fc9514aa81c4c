"""Which constants suit TVM's schedule rule on an instruction set: every pair, over layers of several kinds of models.

    python benchmarks/tvm_rule.py --target x86-64-v3 [--accumulators 8 12] [--vectors 2 3] [--weight 0.1 1] [--row 1]

One thread. Prints for each layer the time (median) with the constants of the table, and of every trial the ratio to
it; then every trial's geometric mean. All candidates of a layer are measured in turn, several rounds, so that a busy
machine slows them alike. Run it on a machine of the target; the best trial belongs in the rule's constants.py.
"""

from __future__ import annotations

import argparse
import itertools
import math
import os
import statistics
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

sys.path.insert(0, str(Path(__file__).parents[1]))

from stages.frameworks.tvm.schedule.rule.constants import Constants, constants_for
from stages.frameworks.tvm.target import Target, target_for, tvm_target

ROUNDS: Final = 5
SECONDS: Final = 0.05

LAYERS: Final = {
    'first 7x7 s2': ((1, 3, 224, 224), (64, 3, 7, 7), 2, 3, 1),
    'conv 3x3 56': ((1, 64, 56, 56), (64, 64, 3, 3), 1, 1, 1),
    'conv 3x3 14': ((1, 256, 14, 14), (256, 256, 3, 3), 1, 1, 1),
    'conv 3x3 7': ((1, 512, 7, 7), (512, 512, 3, 3), 1, 1, 1),
    'conv 1x1 wide': ((1, 112, 14, 14), (672, 112, 1, 1), 1, 0, 1),
    'conv 1x1 narrow': ((1, 144, 56, 56), (24, 144, 1, 1), 1, 0, 1),
    'depthwise 3x3': ((1, 96, 56, 56), (96, 1, 3, 3), 1, 1, 96),
    'depthwise 5x5': ((1, 672, 14, 14), (672, 1, 5, 5), 1, 2, 672),
    'matmul 128x384x1536': ((1, 128, 384), (384, 1536)),
    'matmul 128x1536x384': ((1, 128, 1536), (1536, 384)),
    'attention': ((12, 128, 32), (12, 32, 128)),
    'vector x matrix': ((1, 1280), (1280, 1000)),
}
"""Name to shapes of data and weights; convolutions have stride, padding and groups too."""


def main() -> None:
    """Sweep and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('--target', default='native')
    parser.add_argument('--accumulators', type=int, nargs='+')
    parser.add_argument('--vectors', type=int, nargs='+')
    parser.add_argument('--weight', type=float, nargs='+')
    parser.add_argument('--row', type=float, nargs='+')
    parser.add_argument('--layer', default='', help='only layers whose name has this')
    options = parser.parse_args()
    os.environ |= {'TVM_NUM_THREADS': '1', 'TVM_BIND_THREADS': '0'}

    target = target_for(options.target)
    own = constants_for(target)
    trials = [
        replace(own, accumulators=many, vectors=wide, weight=weight, row=row)
        for many, wide, weight, row in itertools.product(
            options.accumulators or [own.accumulators],
            options.vectors or [own.vectors],
            options.weight or [own.weight],
            options.row or [own.row],
        )
    ]
    ratios: dict[Constants, list[float]] = {trial: [] for trial in trials}
    for name, shapes in LAYERS.items():
        if options.layer in name:
            seconds = measured(layer(*shapes), target, [own, *trials])
            print(f'{name:22s} {seconds[0] * 1e6:9.0f} us', *(f'{each / seconds[0]:5.2f}' for each in seconds[1:]))
            for trial, each in zip(trials, seconds[1:], strict=True):
                ratios[trial].append(each / seconds[0])
    for trial, each in sorted(ratios.items(), key=lambda item: math.prod(item[1])):
        print(f'{statistics.geometric_mean(each):5.3f}  {trial}')


def layer(data: tuple[int, ...], weights: tuple[int, ...], stride: int = 1, padding: int = 0, groups: int = 1) -> Any:
    """Return a Relax module of a convolution or matrix product and ReLU; weights are constant but in attention."""
    import numpy as np
    from tvm import relax

    builder = relax.BlockBuilder()
    random = np.random.default_rng(0)
    x = relax.Var('x', relax.TensorType(data, 'float32'))
    constant = len(weights) != 3
    w = (
        relax.const(random.standard_normal(weights).astype('float32'))
        if constant
        else relax.Var('w', relax.TensorType(weights, 'float32'))
    )
    with builder.function('main', [x] if constant else [x, w]):
        with builder.dataflow():
            if len(data) == 4:
                y = builder.emit(relax.op.nn.conv2d(x, w, strides=stride, padding=padding, groups=groups))
                y = builder.emit(relax.op.add(y, relax.const(np.ones((1, weights[0], 1, 1), 'float32'))))
            else:
                y = builder.emit(relax.op.matmul(x, w))
            y = builder.emit_output(relax.op.nn.relu(y))
        builder.emit_func_output(y)
    return builder.get()


def measured(module: Any, target: Target, trials: list[Constants]) -> list[float]:
    """Return the median CPU seconds of one call for each trial, all of them measured in turn."""
    import numpy as np
    import tvm

    calls: list[Callable[[], Any]] = []
    for trial in trials:
        machine = tvm.relax.VirtualMachine(built(module, target, trial), tvm.cpu())
        shapes = [tuple(int(size) for size in parameter.ty.shape) for parameter in module['main'].params]
        inputs = [tvm.runtime.tensor(np.ones(shape, 'float32')) for shape in shapes]
        calls.append(lambda run=machine['main'], given=inputs: run(*given))
    samples: list[list[float]] = [[] for _ in calls]
    for _ in range(ROUNDS):
        for call, found in zip(calls, samples, strict=True):
            found += timed(call)
    return [statistics.median(found) for found in samples]


def built(module: Any, target: Target, constants: Constants) -> Any:
    """Return the executable of ``module`` under ``constants``."""
    from stages.frameworks.tvm import lower
    from stages.frameworks.tvm.schedule import rule

    with tvm_target(target):
        return lower.machine_code(rule.scheduled(lower.kernels(module, target), target, constants)[0], target)


def timed(call: Callable[[], Any]) -> list[float]:
    """Return CPU seconds of calls, after one that warms up."""
    call()
    samples: list[float] = []
    end = time.perf_counter() + SECONDS
    while time.perf_counter() < end or len(samples) < 3:
        start = time.process_time()
        call()
        samples.append(time.process_time() - start)
    return samples


if __name__ == '__main__':
    main()
