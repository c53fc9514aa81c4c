"""What confining a process costs, and that a model takes as long inside as outside.

    python benchmarks/confinement.py              # pairs, interleaved; milliseconds a process, and a ratio

The first figure is a process that does nothing, started with every layer and with none. The second is a model of some
matrix products in ONNX Runtime, measured by the cycles of the reports, inside and outside in turns.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from pathlib import Path
from statistics import fmean, median
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from stages import spawn  # noqa: E402
from stages.confine import LAYERS, Policy, missing  # noqa: E402
from stages.contract.port import Contract, Port, write_contract  # noqa: E402
from stages.intervals import interval  # noqa: E402
from stages.launch import Launcher, Limits, client  # noqa: E402
from stages.measure.spawn import spawn_cycle  # noqa: E402


def model(folder: Path) -> Path:
    """Write a chain of matrix products."""
    import numpy as np
    import onnx
    from onnx import TensorProto, helper, numpy_helper

    folder.mkdir()
    weight = numpy_helper.from_array(np.eye(256, dtype='float32'), 'w')
    nodes = [helper.make_node('MatMul', [f'x{i}', 'w'], [f'x{i + 1}']) for i in range(8)]
    ends = [helper.make_tensor_value_info(name, TensorProto.FLOAT, [64, 256]) for name in ('x0', 'x8')]
    graph = helper.make_graph(nodes, 'g', ends[:1], ends[1:], [weight])
    made = helper.make_model(graph, opset_imports=[helper.make_opsetid('', 17)], ir_version=8)
    onnx.save(made, folder / 'model.onnx')
    ports = [Port(name, (64, 256), 'float32') for name in ('x0', 'x8')]
    write_contract(Contract((ports[0],), (ports[1],)), folder)
    return folder


def pairs(take: Any, count: int) -> tuple[list[float], list[float]]:
    """Return what ``take`` gives with every layer and with none, in turns."""
    there, inside, outside = missing(), [], []
    for _ in range(count):
        for lacking, found in ((there, inside), (tuple(LAYERS), outside)):
            client.missing = lambda lacking=lacking: lacking  # type: ignore[assignment]
            found.append(take())
    return inside, outside


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--pairs', type=int, default=30)
    parser.add_argument('--cycles', type=int, default=10)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        launcher = Launcher(folder / 'servers')

        def nothing() -> float:
            begun = time.perf_counter()
            policy = Policy((), (str(folder),))
            launcher.program(['/bin/true'], folder, folder / 'log', spawn.environment(folder), policy, Limits(60))
            return (time.perf_counter() - begun) * 1e3

        request = {
            'engine': 'onnxruntime', 'folder': str(model(folder / 'model')), 'options': {}, 'threads': 1, 'batch': 1,
            'inputs': '', 'seed': 1, 'repetitions': 100, 'inner': 5, 'warmup_runs': 20, 'warmup_seconds': 0.2,
            'name': 'x', 'round': 0,
        }  # fmt: skip

        def cycle() -> float:
            return fmean(spawn_cycle(request, folder / 'work', launcher, 120)['time_ns'])

        nothing()
        inside, outside = pairs(nothing, asked.pairs)
        print(f'layers: {", ".join(layer for layer in LAYERS if layer not in missing()) or "none"}')
        costs = [one - other for one, other in zip(inside, outside, strict=True)]
        print(f'a process: {median(costs):.1f} ms more (median of {len(costs)} pairs), beside {median(outside):.1f} ms')
        inside, outside = pairs(cycle, asked.cycles)
        found = interval([one / other for one, other in zip(inside, outside, strict=True)])
        half = found.half or 0
        print(f'a model: {found.mean:.3f} × as long inside ({found.mean - half:.3f}–{found.mean + half:.3f})')
        launcher.close()


if __name__ == '__main__':
    main()
