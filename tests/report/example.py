"""Findings with known truth: ten variants with simulated samples, the same on every machine."""

from __future__ import annotations

import math
import random
from pathlib import Path
from typing import Any

from stages.report import Choice, Verdict, choose, read_findings, rows_of, write_report
from stages.report.verdict import judge

MIB = 2**20
# name, stages, engine, format, precision, ms, MiB, MB, top1 of 512, agreement of 512, between-process spread
VARIANTS = [
    ('torch', [], 'torch', 'torch', 'f32', 22.8, 312, 45.0, 397, 512, 0.008),
    ('torchscript', ['torchscript'], 'torch', 'torchscript', 'f32', 21.0, 305, 45.1, 397, 512, 0.008),
    ('ts-int8', ['torch-quantize', 'torchscript'], 'torch', 'torchscript', 'int8', 12.4, 271, 12.0, 394, 502, 0.008),
    ('ort', ['onnx'], 'onnxruntime', 'onnx', 'f32', 14.2, 148, 44.8, 397, 512, 0.006),
    ('ort-int8', ['onnx', 'onnx-quantize'], 'onnxruntime', 'onnx', 'int8', 8.1, 112, 11.6, 387, 489, 0.006),
    ('ov', ['onnx', 'openvino'], 'openvino', 'openvino', 'f32', 9.6, 171, 44.9, 397, 512, 0.007),
    ('ov-int8', ['onnx', 'openvino', 'openvino-quantize'], 'openvino', 'openvino', 'int8', 5.2, 139, 11.9, 396, 505,
     0.007),
    ('tflite', ['onnx', 'tensorflow', 'tflite'], 'litert', 'tflite', 'f32', 31.5, 96, 44.7, 397, 512, 0.01),
    ('paddle', ['onnx', 'paddle'], 'paddle', 'paddle', 'f32', 22.6, 240, 44.9, 397, 512, 0.07),
    ('tvm', ['onnx', 'tvm-tune', 'tvm'], 'tvm', 'tvm', 'f32', 0.0, 0, 0.0, 0, 0, 0.0),
]  # fmt: skip


def written(document: dict[str, Any], folder: Path, **more: bool) -> Choice:
    """Write the pages of findings that are given as JSON values."""
    return write_report(read_findings(document), folder, **more)[0]


def chosen(document: dict[str, Any]) -> Choice:
    """Return who is shipped."""
    findings = read_findings(document)
    return choose(findings, rows_of(findings))


def judged(document: dict[str, Any]) -> Verdict:
    """Return the verdict on who is shipped."""
    findings = read_findings(document)
    found = rows_of(findings)
    return judge(findings, found, choose(findings, found))


def cycle(
    rng: random.Random, ms: float, mib: float = 100, between: float = 0.01, repetitions: int = 100
) -> dict[str, Any]:
    """One process: its own speed, a little noise in each call, and now and then a late one."""
    middle = ms * 1e6 * math.exp(rng.gauss(0, between))
    times = [
        int(middle * math.exp(rng.gauss(0, 0.03)) * (1.3 if rng.random() < 0.01 else 1)) for _ in range(repetitions)
    ]
    peak = int(mib * MIB * (1 + rng.gauss(0, 0.002)))
    return {
        'import_ns': int(1e9 * (0.2 + mib / 400) * math.exp(rng.gauss(0, 0.03))),
        'load_ns': int(middle * 9 * math.exp(rng.gauss(0, 0.04))), 'first_ns': int(middle * 3),
        'warmup_ns': [int(middle * 1.05)] * 10, 'inner': 1, 'time_ns': times,
        'peak_rss_bytes': [peak + rng.randrange(0, 65536) for _ in range(repetitions)], 'peak_per_repetition': True,
        'rss_start_bytes': 11 * MIB, 'rss_import_bytes': int(peak * 0.55), 'rss_load_bytes': int(peak * 0.8),
        'rss_first_bytes': int(peak * 0.97), 'rss_end_bytes': int(peak * 0.96), 'pss_bytes': int(peak * 0.9),
        'cpu_ns': sum(times), 'wall_ns': int(sum(times) * 1.01), 'load_average': [0.4, 0.3, 0.2],
    }  # fmt: skip


def wilson(right: int, n: int) -> dict[str, float]:
    """Wilson's 95 % interval of a share."""
    p, z = right / n, 1.96
    middle, half = p + z * z / (2 * n), z * math.sqrt(p * (1 - p) / n + z * z / (4 * n * n))
    return {'value': p, 'n': n, 'low': (middle - half) / (1 + z * z / n), 'high': (middle + half) / (1 + z * z / n)}


def variant(rng: random.Random, row: tuple[Any, ...], cycles: int, threads: tuple[int, ...]) -> dict[str, Any]:
    name, kinds, engine, form, precision, ms, mib, mb, right, agree, between = row
    stages = [
        {'kind': kind, 'params': {'mode': 'static'} if 'quantize' in kind else {}, 'seconds': 3.0 + 7 * at,
         'peak_memory_bytes': (400 + 100 * at) * MIB, 'key': f'{at}f3a9c{"7b21" * 14}', 'step': f'{at}' * 16,
         'makes': 'int8' if 'quantize' in kind else 'f32'} for at, kind in enumerate(kinds)
    ]  # fmt: skip
    failed = ms == 0
    failure = {
        'step': 'tvm-tune', 'kind': 'UnsupportedError', 'log': 'artifacts/rnet/tvm/tvm-tune.log',
        'reason': 'operator com.microsoft.Gelu is not known to TVM 0.18; export with opset 20 or add it to the recipe',
        'repeat': 'doit rnet:tvm',
    }  # fmt: skip
    paired = {'samples': 512, 'lost': 397 - right, 'won': 0} if name != 'torch' else None
    exact = 3.1e-6 if precision == 'f32' else 0.041
    measured = [
        {'threads': n,
         'cycles': [cycle(rng, ms / n**0.8, mib, between) for _ in range(cycles)],
         'baseline_cycles': [cycle(rng, 22.8 / n**0.8, 312, 0.008) for _ in range(cycles)] if name != 'torch' else []}
        for n in threads
    ]  # fmt: skip
    return {
        'name': name, 'stages': stages, 'engine': engine, 'format': form, 'precision': precision, 'options': {},
        'batch': 1, 'status': 'failed' if failed else 'built', 'failure': failure if failed else None,
        'sha256': None if failed else name.encode().hex().ljust(64, '0'),
        'size_bytes': None if failed else int(mb * 1e6),
        'files': [] if failed else [{'name': 'model', 'size': int(mb * 1e6), 'sha256': 'ab' * 32}],
        'check': None if failed else {
            'difference': {'max_abs': exact, 'relative': exact / 3, 'cosine': 1 - exact**2}
            if name != 'torch' else None,
            'metric': {'name': 'top1', **wilson(right, 512), 'paired': paired},
            'agreement': {'name': 'agreement', **wilson(agree, 512)} if name != 'torch' else None,
        },
        'bound': {'relative': 1e-3} if precision == 'f32' else {'cosine': 0.98},
        'accuracy_failed': None, 'measured': [] if failed else measured,
    }  # fmt: skip


def findings(cycles: int = 6, threads: tuple[int, ...] = (1,), seed: int = 7) -> dict[str, Any]:
    """A whole report's findings; ov-int8 is the truth's winner, ort-int8 drops too much, tflite is slower."""
    rng = random.Random(seed)
    return {
        'format': 1, 'model': 'rnet', 'recipe': 'recipes/rnet.yaml', 'created': '2026-01-31T12:00:00Z',
        'command': 'doit rnet', 'inputs': [{'name': 'image', 'shape': [1, 3, 224, 224], 'dtype': 'float32'}],
        'outputs': ['logits'], 'preprocessing': 'RGB, 0 to 1, normalised with the ImageNet mean and deviation',
        'baseline': 'torch',
        'protocol': {'cycles': cycles, 'repetitions': 100, 'warmup_runs': 10, 'warmup_seconds': 1.0,
                     'threads': list(threads)},
        'asked': {'fastest': 'latency', 'within': {'accuracy_drop': 0.01, 'peak_memory': 300 * MIB}, 'max_drop': 0.05},
        'machine': {'cpu': {'model': 'AMD EPYC 9B14', 'cores': 4, 'flags': ['avx2', 'avx512f', 'avx512_vnni']},
                    'memory': '15.6 GiB', 'kernel': '6.1.0', 'governor': 'unreadable', 'virtual': 'kvm'},
        'versions': {'torch': '2.6.0', 'onnx': '1.17.0', 'onnxruntime': '1.20.1', 'openvino': '2025.0.0'},
        'runs_python': ['models/rnet.py'],
        'flags': ['The CPU governor cannot be read (a virtual machine): clock changes would go unseen. '
                  'Compare variants, not days.',
                  'paddle: the cycle means vary by 7 % (above 3 %): run more cycles, or look for other load.'],
        'metric': 'top1', 'variants': [variant(rng, row, cycles, threads) for row in VARIANTS],
    }  # fmt: skip


def many(count: int, seed: int = 3) -> dict[str, Any]:
    """The same report with ``count`` variants: those of a matrix of engines, shapes and hints are added to the ten."""
    document, rng = findings(seed=seed), random.Random(seed)
    ways = (('ort', 'onnxruntime', 'onnx', ['onnx']), ('ov', 'openvino', 'openvino', ['onnx', 'openvino']))
    for at in range(len(document['variants']), count):
        name, engine, form, kinds = ways[at % 2]
        called = f'{name}-{("static", "dynamic")[at // 2 % 2]}-{("latency", "throughput")[at // 4 % 2]}-{at}'
        speed, memory = rng.uniform(6, 40), rng.uniform(90, 400)
        row = (called, kinds, engine, form, 'f32', speed, memory, 45.0, rng.randint(370, 397), 500, 0.01)
        document['variants'].append(variant(rng, row, 6, (1,)) | {'line': 30 + at % 2})
    return document | {'variants': document['variants'][:count]}
