"""A/A: a model against itself, in fresh processes. No difference may be called one, also when a row is added later.

    python benchmarks/same.py --runs 40

Each run measures an ONNX file and the same file again, in one session; then all of it anew with a third one, as doit
does when a recipe gets a row. Protocol, processes and verdicts are those of doit; only its lock is not taken, so that
what else is measured meanwhile shows in the intervals. Ends with how often each verdict was given, and with 1 when a
variant was called faster or slower than itself.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections import Counter
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from stages.contract.port import Contract, Port, write_contract  # noqa: E402
from stages.launch import Launcher  # noqa: E402
from stages.measure.protocol import Subject, run_session  # noqa: E402
from stages.measure.samples import cycle_of  # noqa: E402
from stages.measure.spawn import spawn_cycle  # noqa: E402
from stages.recipe.model import Benchmark  # noqa: E402
from stages.report import samples  # noqa: E402
from stages.report.statistics import Ratio, level_for, paired_ratio, verdict  # noqa: E402


def write_model(folder: Path) -> None:
    """Write four convolutions of seeded weights, a few milliseconds a call, and their contract."""
    import onnx
    from onnx import helper, numpy_helper

    rng, nodes, weights, name = np.random.default_rng(0), [], [], 'x'
    for layer in range(4):
        array = rng.standard_normal((16, 16, 3, 3)).astype(np.float32) / 12
        weights.append(numpy_helper.from_array(array, f'w{layer}'))
        nodes.append(helper.make_node('Conv', [name, f'w{layer}'], [f'c{layer}'], pads=[1, 1, 1, 1]))
        name = 'y' if layer == 3 else f'r{layer}'
        nodes.append(helper.make_node('Relu', [f'c{layer}'], [name]))
    shape = ['batch', 16, 48, 48]
    x, y = (helper.make_tensor_value_info(port, onnx.TensorProto.FLOAT, shape) for port in 'xy')
    model = helper.make_model(
        helper.make_graph(nodes, 'same', [x], [y], weights), opset_imports=[helper.make_opsetid('', 17)], ir_version=8
    )
    folder.mkdir()
    onnx.save(model, folder / 'model.onnx')
    ports = [Port(name, ('batch', *shape[1:]), 'float32') for name in 'xy']
    write_contract(Contract((ports[0],), (ports[1],)), folder)


def session(launcher: Launcher, folder: Path, names: str, benchmark: Benchmark) -> dict[str, Ratio]:
    """Measure the model once under each name; return the speed of each but the first against the first."""
    subjects = [Subject(name, 'onnxruntime', {}, 1, str(folder / 'model'), 1) for name in names]
    found = run_session(
        subjects, {}, benchmark, lambda request: spawn_cycle(request, folder / 'work', launcher, 120), lambda _: None
    )
    means = {name: samples.cycle_means([cycle_of(one) for one in found[name]['cycles']]) for name in names}
    level = level_for(len(names) - 1)
    return {name: paired_ratio(means[names[0]], means[name], level) for name in names[1:]}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--runs', type=int, default=40)
    parser.add_argument('--cycles', type=int, default=10)
    asked = parser.parse_args()
    benchmark = Benchmark(cycles=asked.cycles, repetitions=30, warmup_runs=5, warmup_seconds=0.1)
    counts: dict[str, Counter[str]] = {'alone': Counter(), 'a row added later': Counter()}
    with tempfile.TemporaryDirectory() as home:
        folder = Path(home)
        write_model(folder / 'model')
        launcher = Launcher(folder / 'servers')
        try:
            for run in range(asked.runs):
                for when, names in (('alone', 'ab'), ('a row added later', 'abc')):
                    for name, speed in session(launcher, folder, names, benchmark).items():
                        word = verdict(speed)
                        counts[when][word] += 1
                        shown = f'{speed.value:.3f} ({speed.low:.3f}–{speed.high:.3f})'
                        print(f'{run + 1:3} {when}: {name} {word}, {shown}', flush=True)
        finally:
            launcher.close()
    for when, found in counts.items():
        print(f'{when}: ' + ', '.join(f'{word} {count}' for word, count in found.most_common()))
    return int(any(word in ('faster', 'slower') for found in counts.values() for word in found))


if __name__ == '__main__':
    sys.exit(main())
