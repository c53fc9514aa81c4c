"""Run on the second machine of deployments.py: an artifact by its manifest alone, against the answers of its check.

    python answered.py FOLDER PROBE.npz KEPT.npz ANSWERED.json

Nothing but the loader, NumPy and the engine is needed: the samples are asked as the check asks them, of the loaded
model in the place of a bare session.
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path

import numpy as np

import stages
from stages.feed.npz import read_npz
from stages.feed.samples import samples
from stages.measure.answers import alone
from stages.measure.check import SAMPLES


def main(folder: str, probe: str, kept: str, said: str) -> None:
    """Write what was found: seconds, and how far the answers are from those that were kept."""
    begun = time.perf_counter()
    with stages.load(folder) as model:
        loaded = time.perf_counter()
        contract = model.manifest.contract
        asked = samples(read_npz(Path(probe)), contract, contract.sizes).first(SAMPLES)
        ready = time.perf_counter()
        alone(model, contract, asked.first(1))
        first = time.perf_counter()
        answers = alone(model, contract, asked)
    right = read_npz(Path(kept))
    worst, equal, problems = 0.0, True, []
    for name, arrays in answers.items():
        for number, found in enumerate(arrays):
            alone_there = f'probe[{number}]/{name}'
            wanted = right[alone_there] if alone_there in right else right[f'probe/{name}'][number]
            if found.shape != wanted.shape or found.dtype != wanted.dtype:
                problems.append(f'{name}: {found.dtype} {found.shape}; the check had {wanted.dtype} {wanted.shape}')
                continue
            if np.array_equal(found, wanted, equal_nan=found.dtype.kind == 'f'):
                continue
            equal = False
            worst = max(worst, distance(found, wanted))
    result = {'load': loaded - begun, 'first': first - ready, 'count': asked.count, 'equal': equal and not problems}
    Path(said).write_text(json.dumps({**result, 'worst': worst, 'problems': problems[:3]}), 'utf-8')


def distance(found: np.ndarray, wanted: np.ndarray) -> float:
    """Return the largest difference as a part of the largest number; 1 where one of them is no number."""
    if found.dtype.kind not in 'fiub':
        return 1.0
    one, other = found.astype(np.float64), wanted.astype(np.float64)
    gap = np.abs(one - other)[one != other]
    scale = float(np.max(np.abs(other), initial=0.0)) or 1.0
    worst = float(np.max(gap, initial=0.0)) / scale
    return worst if np.isfinite(worst) else 1.0


if __name__ == '__main__':
    main(*sys.argv[1:])
