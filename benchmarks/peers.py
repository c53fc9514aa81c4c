"""Our figures against those of the engines' own tools, on the same files, in turn.

    doit resnet18 rnet minilm blazeface && python benchmarks/peers.py --write docs/peers.md

Of each model: our cycle (a fresh process, eight inputs in rotation, host arrays in, complete outputs out) against
OpenVINO's `benchmark_app`, LiteRT's `benchmark_litert_model`, and a loop of twenty lines around ONNX Runtime; each in a
fresh process, on the same inputs, one thread and the same CPU, A B B A. Below 1 ours is the lower one. What is inside
of each timed region stands beside it. What is not installed and what is not built are rows that say so.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import date
from importlib import metadata
from pathlib import Path
from statistics import fmean
from typing import Any

import numpy as np

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from stages.contract.port import Contract, read_contract  # noqa: E402
from stages.errors import StepError  # noqa: E402
from stages.feed.samples import samples  # noqa: E402
from stages.launch import Launcher  # noqa: E402
from stages.measure.machine import load_now, machine  # noqa: E402
from stages.measure.rotation import rotation  # noqa: E402
from stages.measure.spawn import spawn_cycle  # noqa: E402
from stages.report.digits import ratio_text  # noqa: E402
from stages.report.statistics import paired_ratio, verdict  # noqa: E402

NEAR = 0.03
KINDS = {'float32': 'f32', 'int64': 'i64', 'int32': 'i32'}
"""By NumPy's type, what `benchmark_app` calls it; unasked it makes bytes of what looks like an image."""

HAND = Path(__file__).with_name('hand.py')
SECONDS = 0.5
"""What is timed in a process lasts so long, at least: of a hundred calls of 0.1 ms, other work hits all or none."""


@dataclass(frozen=True)
class Asked:
    """One model in one engine's form."""

    model: str
    variant: str
    folder: Path
    contract: Contract
    sizes: dict[str, int]
    feeds: list[dict[str, np.ndarray]]
    """What our cycle feeds in turn, by the file's own names."""


def asked_of(model: str, variant: str, folder: Path, length: int) -> Asked:
    """Return a model with the feeds that our cycle gives it."""
    contract = read_contract(folder)
    named = {str(d) for port in contract.inputs for d in port.shape}
    sizes = {'length': length} if 'length' in named else {}
    contract = replace(contract, sizes={**contract.sizes, **sizes})
    own = {port.name: port.in_file for port in contract.inputs}
    feeds = rotation(samples({}, contract, contract.sizes, 0), contract, 1)
    return Asked(model, variant, folder, contract, sizes, [{own[n]: a for n, a in feed.items()} for feed in feeds])


@dataclass(frozen=True)
class Peer:
    """Another way to take the time of a call."""

    name: str
    engine: str
    package: str
    milliseconds: Callable[[Asked, int, Path], float]
    inside: str
    """What its timed region has that ours has not, or the other way round."""


def ran(*command: str, threads: int = 1) -> str:
    """Run a peer on the CPUs that our cycle is kept to; return what it printed."""
    allowed = sorted(os.sched_getaffinity(0))[:threads]
    done = subprocess.run(
        command, text=True, capture_output=True, check=False, timeout=600,
        preexec_fn=lambda: os.sched_setaffinity(0, allowed), env={**os.environ, 'OMP_NUM_THREADS': str(threads)},
        start_new_session=True,  # as ours: Linux shares the CPU among sessions
    )  # fmt: skip
    if done.returncode:
        raise StepError(f'{" ".join(command)[:200]}\n{done.stdout[-2000:]}\n{done.stderr[-2000:]}')
    return done.stdout


def by_hand(
    asked: Asked,
    engine: str,
    file: str,
    how: Mapping[str, Any],
    calls: int,
    scratch: Path,
    feeds: int = 8,
    threads: int = 1,
) -> dict[str, Any]:
    """Return what ``hand.py`` tells of a loop of an engine's documented calls."""
    inputs, request = scratch / 'feeds.npz', scratch / 'hand.json'
    np.savez(inputs, **{f'{i}/{name}': array for i, feed in enumerate(asked.feeds) for name, array in feed.items()})
    said = {'engine': engine, 'file': str(asked.folder / file), 'how': how, 'threads': threads, 'calls': calls}
    request.write_text(json.dumps({**said, 'inputs': str(inputs), 'feeds': feeds, 'warm_up': 10}))
    found: dict[str, Any] = json.loads(ran(sys.executable, str(HAND), str(request), threads=threads).splitlines()[-1])
    return found


def loop(asked: Asked, calls: int, scratch: Path, feeds: int = 8) -> float:
    """Time ONNX Runtime in a loop of its documented calls."""
    return float(by_hand(asked, 'onnxruntime', 'model.onnx', {}, calls, scratch, feeds)['call'])


def loop_of_one(asked: Asked, calls: int, scratch: Path) -> float:
    """Time it on the same input again and again, as most scripts do."""
    return loop(asked, calls, scratch, 1)


STATIC = {'shape': 'static', 'INFERENCE_PRECISION_HINT': 'f32', 'PERFORMANCE_HINT': 'LATENCY'}


def openvino_loop(asked: Asked, calls: int, scratch: Path) -> float:
    """Time OpenVINO in a loop of its documented calls: arrays in, copies out."""
    return float(by_hand(asked, 'openvino', 'model.xml', STATIC, calls, scratch)['call'])


def openvino_clock(asked: Asked, calls: int, scratch: Path) -> float:
    """Return what OpenVINO's own clock tells of each call of the same loop."""
    return float(by_hand(asked, 'openvino', 'model.xml', STATIC, calls, scratch)['own'])


def benchmark_app(asked: Asked, calls: int, scratch: Path) -> float:
    """Time OpenVINO by its own tool: synchronous, one request, float32, shapes given."""
    shapes = ','.join(f'{name}[{",".join(map(str, array.shape))}]' for name, array in asked.feeds[0].items())
    types = ','.join(f'{name}:{KINDS[str(array.dtype)]}' for name, array in asked.feeds[0].items())
    files = []
    for place, (name, array) in enumerate(asked.feeds[0].items()):
        np.save(scratch / f'{place}.npy', array)
        files.append(f'{name}:{scratch / f"{place}.npy"}')
    text = ran(
        str(Path(sys.executable).with_name('benchmark_app')), '-m', str(asked.folder / 'model.xml'), '-d', 'CPU',
        '-hint', 'none', '-nstreams', '1', '-nthreads', '1', '-api', 'sync', '-infer_precision', 'f32',
        '-niter', str(calls), '-shape', shapes, '-iop', types, '-i', ','.join(files),
    )  # fmt: skip
    found = re.search(r'Average:\s+([\d.]+) (ms|us)', text)
    if found is None:
        raise SystemExit(f'benchmark_app printed no average:\n{text[-2000:]}')
    return float(found[1]) / (1 if found[2] == 'ms' else 1000)


def litert(asked: Asked, calls: int, scratch: Path) -> float:
    """Time LiteRT by the tool in its package."""
    result = scratch / 'litert.json'
    ran(
        sys.executable, '-m', 'ai_edge_litert.tools.benchmark_litert_model', '--model',
        str(asked.folder / 'model.tflite'), '--num_runs', str(calls), '--warmup_runs', '10', '--num_threads', '1',
        '--result_json', str(result),
    )  # fmt: skip
    average = float(json.loads(result.read_text())['latency']['avg_ms'])
    if average < 0.1:
        raise StepError(f'the tool rounds to 0.01 ms, and told {average:g}: too quick to be held against it')
    return average


WAYS = (('onnx', 'onnxruntime'), ('openvino', 'openvino'), ('tflite', 'litert'))
"""Variants that are looked for, each with its engine."""

MODULES = {'ai-edge-litert': 'ai_edge_litert'}

PEERS = (
    Peer('a loop over 8 inputs', 'onnxruntime', 'onnxruntime', loop, 'the same'),
    Peer(
        'a loop over 1 input', 'onnxruntime', 'onnxruntime', loop_of_one,
        'its one input stays in the cache, and branches are learned; ours takes eight in turn',
    ),
    Peer('a loop over 8 inputs', 'openvino', 'openvino', openvino_loop, 'the same'),
    Peer(
        'its own clock in that loop', 'openvino', 'openvino', openvino_clock,
        'OpenVINO’s `latency` of each request: the engine alone, without Python, arrays handed over and results copied',
    ),
    Peer(
        'benchmark_app', 'openvino', 'openvino', benchmark_app,
        'the mean of the same `latency`, and of one input that lies in the request before: neither Python nor a copy '
        'is in it, which is all of the difference, and of a tiny net most of a call',
    ),
    Peer(
        'benchmark_litert_model', 'litert', 'ai_edge_litert', litert,
        'one input, written before; results are not read; it is LiteRT’s CompiledModel, ours its Interpreter',
    ),
)  # fmt: skip


def our(
    asked: Asked, engine: str, options: Mapping[str, Any], calls: int, launcher: Launcher, scratch: Path,
    inner: int, round_: int, threads: int = 1,
) -> dict[str, Any]:  # fmt: skip
    """Run our cycle; return what it leaves: with ``inner`` 0 the calls of a repetition, and how long one takes."""
    request = {
        'engine': engine, 'options': options, 'threads': threads, 'folder': str(asked.folder), 'inputs': None,
        'batch': 1, 'repetitions': max(10, calls // max(inner, 1)), 'warmup_runs': 10, 'warmup_seconds': 0.0,
        'inner': inner, 'seed': 0, 'sizes': asked.sizes, 'name': asked.model, 'round': round_,
    }  # fmt: skip
    return spawn_cycle(request, scratch / 'cycle', launcher, 900)


def call_ns(start: Mapping[str, Any]) -> int:
    """Return about how long a call takes, of a cycle that was to see how many make a repetition."""
    return start.get('call_ns') or min(start['time_ns'])


def milliseconds(cycle: Mapping[str, Any]) -> float:
    """Return the mean of a cycle's calls."""
    return fmean(t / cycle['inner'] for t in cycle['time_ns']) / 1e6


def compared(asked: Asked, peer: Peer, pairs: int, calls: int, launcher: Launcher, scratch: Path) -> str:
    """Take pairs in turn; return the line of the table."""
    if importlib.util.find_spec(peer.package) is None:
        return f'| {asked.model} {asked.variant} | {peer.name} | not installed | | |'
    options = {'precision': 'f32', 'shape': 'static'} if peer.engine == 'openvino' else {}
    start = our(asked, peer.engine, options, calls, launcher, scratch, 0, 0)
    inner, calls = start['inner'], max(calls, round(SECONDS * 1e9 / call_ns(start)))
    ours: list[float] = []
    theirs: list[float] = []
    for pair in range(pairs):
        takes = [
            lambda: ours.append(
                milliseconds(our(asked, peer.engine, options, calls, launcher, scratch, inner, pair + 1))  # noqa: B023
            ),
            lambda: theirs.append(peer.milliseconds(asked, calls, scratch)),
        ]
        for take in takes if pair % 2 == 0 else reversed(takes):
            take()
    ratio = paired_ratio(ours, theirs)  # above 1: the peer is quicker
    near = verdict(ratio, NEAR).startswith('same')
    said = 'within 3 %' if near else 'not decided' if verdict(ratio, NEAR) == 'inconclusive' else 'differs'
    figures = f'{fmean(ours):.3g} against {fmean(theirs):.3g} ms'
    return f'| {asked.model} {asked.variant} | {peer.name} | {figures} | {ratio_text(ratio)} | {said} | {peer.inside} |'


def head(title: str, script: str, how: str, before: dict[str, Any]) -> list[str]:
    """Return what stands above the table: how, on what, when, and beside what else."""
    about, after = machine(), load_now()
    busy = [f'{one["load_average"]:.1f}' for one in (before, after)]
    names = ('onnxruntime', 'openvino', 'ai-edge-litert', 'torch')
    found = ', '.join(
        f'{name} {metadata.version(name)}' for name in names if importlib.util.find_spec(MODULES.get(name, name))
    )
    cpu, loads = about['cpu'], ' and '.join(busy)
    return [
        title,
        '',
        f'Made by `python benchmarks/{script}`, not by hand: {how}; the 95 % interval is over the processes.',
        '',
        f'{cpu["model"]}, {cpu["cores"]} cores; {found}; {date.today()}; load before and after: {loads}.',
        '',
    ]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('models', nargs='*', default=['resnet18', 'rnet', 'minilm', 'blazeface'])
    parser.add_argument('--pairs', type=int, default=10)
    parser.add_argument('--calls', type=int, default=100, help='timed calls of each process, at least')
    parser.add_argument('--artifacts', type=Path, default=ROOT / 'artifacts')
    parser.add_argument('--length', type=int, default=64, help='of texts')
    parser.add_argument('--write', type=Path, help='a page to write the table to')
    asked = parser.parse_args()
    lines = [
        '| model | peer | ours and the peer’s | ours over the peer’s | | what is inside |',
        '|---|---|---|---|---|---|',
    ]
    print('\n'.join(lines), flush=True)
    before = load_now()
    with tempfile.TemporaryDirectory() as home:
        scratch = Path(home)
        launcher = Launcher(scratch / 'servers')
        try:
            for model in asked.models:
                built = [way for way in WAYS if (asked.artifacts / model / way[0]).exists()]
                if not built:
                    lines.append(f'| {model} | | not built | | | |')
                    print(lines[-1], flush=True)
                for variant, engine in built:
                    folder = asked.artifacts / model / variant
                    one = asked_of(model, variant, folder, asked.length)
                    for peer in (peer for peer in PEERS if peer.engine == engine):
                        try:
                            line = compared(one, peer, asked.pairs, asked.calls, launcher, scratch)
                        except StepError as error:
                            line = f'| {model} {variant} | {peer.name} | failed: {str(error).splitlines()[-1]} | | |'
                        print(line, flush=True)
                        lines.append(line)
        finally:
            launcher.close()
    if asked.write:
        how = (
            f'{asked.pairs} pairs of {asked.calls} calls or {SECONDS} s, each in a process of its own, on one thread, '
            'the same CPU and the same inputs, A B B A. Below 1, ours is the lower time'
        )
        told = head('# Against the engines’ own tools', 'peers.py', how, before)
        asked.write.write_text('\n'.join([*told, *lines]) + '\n')
    return 0


if __name__ == '__main__':
    sys.exit(main())
