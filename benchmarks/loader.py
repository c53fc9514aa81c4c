"""What the loader adds to a call of an engine, in one process: python benchmarks/loader.py FOLDER [FOLDER …]

    python benchmarks/loader.py --async FOLDER …      many calls at once: the engine's own way, and threads that wait

Each FOLDER holds an artifact. The session and the loader are called in turn, block by block, so that a slow moment
slows both; a block is shorter than a turn of the scheduler, and the least of many is taken of each, since other load
only adds. What is allowed is 20 µs or 2 % of the engine's own call, whichever is more; more than that is exit 1.
"""

from __future__ import annotations

import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path

import stages
import stages.deliver.load
from stages.contract.engine import Started
from stages.feed.samples import feed, samples, width

ALLOWED_SECONDS, ALLOWED_SHARE = 20e-6, 0.02
BLOCKS, SECONDS = 300, 0.001
CALLS, ROUNDS = 200, 7


def block(call: Callable[[], object], calls: int) -> float:
    """Return the seconds of one call, as the mean of ``calls``."""
    begun = time.perf_counter()
    for _ in range(calls):
        call()
    return (time.perf_counter() - begun) / calls


def measured(folder: Path) -> tuple[str, float, float]:
    """Return what the artifact is, the engine's own call, and what the loader adds, in seconds."""
    with stages.load(folder) as model:
        model.warm_up(calls=20)
        contract, session = model.contract, model.session
        assert session is not None
        given = feed(samples({}, contract, contract.sizes), contract, range(width(contract, 1)))
        bare, ours = (lambda: session.run(given)), (lambda: model.run(given))
        calls = max(1, int(SECONDS / min(block(bare, 10) for _ in range(20))))
        pairs = []
        for number in range(BLOCKS):
            order = (bare, ours) if number % 2 else (ours, bare)
            taken = {call: block(call, calls) for call in order}
            pairs.append((taken[bare], taken[ours]))
        own, whole = (min(times) for times in zip(*pairs, strict=True))
        return f'{model.manifest.name} {model.manifest.engine}', own, whole - own


def many(model: stages.deliver.load.Model, given: dict[str, object], started: Started | None) -> float:
    """Return the seconds of one of many calls that are asked for at once: of ``started``, or of threads of ours."""
    model._started = started
    begun = time.perf_counter()
    for future in [model.submit(given) for _ in range(CALLS)]:
        future.result()
    return (time.perf_counter() - begun) / CALLS


def at_once(folders: list[str]) -> int:
    """Print what a call takes of many at once, by the engine's own calls and by threads, and of one after the other."""
    print("| artifact | one by one, µs | the engine's own, µs | threads that wait, µs |\n|---|---|---|---|")
    for folder in folders:
        with stages.load(folder) as model:
            model.warm_up(calls=20)
            contract, own = model.contract, model._starter()
            given = feed(samples({}, contract, contract.sizes), contract, range(width(contract, 1)))
            rounds = [_round(model, given, own) for _ in range(ROUNDS)]
            cells = [f'{statistics.median(taken) * 1e6:.1f}' for taken in zip(*rounds, strict=True)]
            if own is None:
                cells[1] = 'has none'
            model._started = own
            name = f'{model.manifest.name} {model.manifest.engine}, {model.threads} threads'
            print(f'| {name} | {" | ".join(cells)} |', flush=True)
    return 0


def _round(
    model: stages.deliver.load.Model, given: dict[str, object], own: Started | None
) -> tuple[float, float, float]:
    alone = block(lambda: model.run(given), CALLS)
    return alone, many(model, given, own), many(model, given, None)


def main(folders: list[str]) -> int:
    """Print a table; return 1 when the loader adds more than it may."""
    if folders[:1] == ['--async']:
        return at_once(folders[1:])
    print('| artifact | the engine alone, µs | the loader adds, µs | allowed, µs |\n|---|---|---|---|')
    wrong = 0
    for folder in folders:
        name, own, added = measured(Path(folder))
        allowed = max(ALLOWED_SECONDS, ALLOWED_SHARE * own)
        wrong += added > allowed
        print(f'| {name} | {own * 1e6:.1f} | {added * 1e6:.1f} | {allowed * 1e6:.1f} |', flush=True)
    return int(wrong > 0)


if __name__ == '__main__':
    raise SystemExit(main(sys.argv[1:]))
