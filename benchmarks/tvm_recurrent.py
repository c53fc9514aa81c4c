"""How fast TVM runs nets of recurrent layers, compared with ONNX Runtime, and where the time goes.

    python benchmarks/tvm_recurrent.py [--layer lstm] [--threads 1] [--repetitions 20] [--target native]

A speech net with random weights: two convolutions over 4 s of sound in 80 bands, two bidirectional layers of 256 units,
a CTC head. CPU time of the process for one thread, wall time for more; both engines in turn, so that what else the
machine does slows both. Exit 1 when their answers differ by more than 1e-4, or TVM takes more than --bound times as
long.
"""

from __future__ import annotations

import argparse
import io
import os
import statistics
import sys
import time
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from stages.frameworks.tvm.target import Target, target_for

LAYERS = ('lstm', 'gru')


def exported(kind: str) -> Any:
    """Return the speech net as an ONNX model."""
    import onnx
    import torch
    from torch import nn

    class Speech(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.bands = nn.Conv1d(80, 256, 3, stride=2, padding=1)
            self.wider = nn.Conv1d(256, 256, 3, stride=2, padding=1)
            layer = {'lstm': nn.LSTM, 'gru': nn.GRU}[kind]
            self.layers = layer(256, 256, 2, batch_first=True, bidirectional=True)
            self.head = nn.Linear(512, 32)

        def forward(self, sound: torch.Tensor) -> torch.Tensor:
            gelu = nn.functional.gelu
            heard, _ = self.layers(gelu(self.wider(gelu(self.bands(sound)))).transpose(1, 2))
            return self.head(heard).log_softmax(-1)

    torch.manual_seed(0)
    file = io.BytesIO()
    torch.onnx.export(Speech().eval(), (torch.zeros(1, 80, 400),), file, input_names=['sound'], dynamo=False)
    return onnx.load_from_string(file.getvalue())


def compiled(model: Any, target: Target) -> Any:
    """Return TVM's machine for ``model``."""
    import tvm
    from tvm import relax
    from tvm.relax.frontend.onnx import from_onnx

    from stages.frameworks.tvm import lower
    from stages.frameworks.tvm.graph.recurrent import converters
    from stages.frameworks.tvm.read import onnx_ready

    with converters(target):
        module = from_onnx(onnx_ready.folded(model))
    return relax.VirtualMachine(lower.compiled(module, target), tvm.cpu())


def measured(calls: list[Callable[[], Any]], repetitions: int, clock: Callable[[], float]) -> list[list[float]]:
    """Return the milliseconds of every repetition of each call, taken in turn."""
    found: list[list[float]] = [[] for _ in calls]
    for _ in range(repetitions):
        for call, times in zip(calls, found, strict=True):
            call()
            start = clock()
            call()
            times.append((clock() - start) * 1000)
    return found


def parts(machine: Any, tensor: Any, repetitions: int) -> dict[str, float]:
    """Return the milliseconds that each kernel takes in one run."""
    begun, found = [0.0], defaultdict(float)

    def instrument(_: Any, name: str, before: bool, *__: Any) -> None:
        if before:
            begun[0] = time.process_time()
        else:
            found[name] += (time.process_time() - begun[0]) * 1000 / repetitions

    machine.set_instrument(instrument)
    for _ in range(repetitions):
        machine['main'](tensor)
    return dict(sorted(found.items(), key=lambda part: -part[1]))


def compare(kind: str, target: Target, threads: int, repetitions: int) -> tuple[float, float]:
    """Print what both engines take for one net; return how far they are apart, and the ratio of the medians."""
    import onnxruntime
    import tvm

    model, options = exported(kind), onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    session, machine = onnxruntime.InferenceSession(model.SerializeToString(), options), compiled(model, target)
    sound = np.random.default_rng(0).standard_normal((1, 80, 400)).astype('float32')
    tensor = tvm.runtime.tensor(sound)

    def theirs() -> np.ndarray:
        return session.run(None, {'sound': sound})[0]

    def ours() -> np.ndarray:
        return machine['main'](tensor).numpy()

    apart = float(np.abs(ours() - theirs()).max())
    clock = time.process_time if threads == 1 else time.perf_counter
    both = measured([ours, theirs], repetitions, clock)
    (best, middle), (best_there, middle_there) = ((min(times), statistics.median(times)) for times in both)
    print(
        f'{kind}: least {best:.2f} ms, ONNX Runtime {best_there:.2f} ms, {best / best_there:.2f}x; '
        f'median {middle:.2f} ms, {middle_there:.2f} ms, {middle / middle_there:.2f}x; apart {apart:.1e}'
    )
    for name, milliseconds in list(parts(machine, tensor, repetitions).items())[:8]:
        print(f'  {milliseconds:7.3f} ms  {name}')
    return apart, middle / middle_there


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--layer', choices=LAYERS, action='append', help='lstm or gru (default: both)')
    parser.add_argument('--threads', type=int, default=1)
    parser.add_argument('--repetitions', type=int, default=20)
    parser.add_argument('--target', default='native')
    parser.add_argument('--bound', type=float, default=1.5, help='the largest ratio of medians allowed (default 1.5)')
    asked = parser.parse_args()
    os.environ.update(TVM_NUM_THREADS=str(asked.threads), TVM_BIND_THREADS='0')  # before TVM is loaded
    found = [
        compare(kind, target_for(asked.target), asked.threads, asked.repetitions) for kind in asked.layer or LAYERS
    ]
    return int(any(apart > 1e-4 or ratio > asked.bound for apart, ratio in found))


if __name__ == '__main__':
    sys.exit(main())
