"""Simulated measurements of known truth: how often the report's intervals hold it, and what is flagged.

    python benchmarks/coverage.py --trials 3000

Processes differ by 2 % (by 1 % on a quiet machine), calls by 5 %. To that come calls that hang together
(autocorrelation 0.9), one late call in a hundred (three times as long), or a process in ten that is 20 % slower. Rounds
are added as the protocol adds them. Printed: how often the 95 % interval of a mean, and of a ratio of two that differ
by 1.5, holds the truth; how often a flag was raised; how often one of the two happened; what two equal variants come
out as. Ends with 1 when a truth is neither held nor flagged in more than 7 %, or held in more than 97.5 %.

Of processes of which one in ten is slow, the truth is that of the other nine: what no process of a session showed, no
interval of it can hold. How likely that is, is printed beside it: 0.9 to the power of the rounds, of both variants.
"""

from __future__ import annotations

import argparse
import sys
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from stages.intervals import interval  # noqa: E402
from stages.measure.slow import slow_means  # noqa: E402
from stages.report.statistics import paired_ratio, verdict  # noqa: E402

CALLS = 100
BETWEEN, WITHIN = 0.02, 0.05
Means = Callable[[np.random.Generator, int], np.ndarray]
"""Means of the calls of so many processes, of a call that takes 1."""


def quiet(rng: np.random.Generator, count: int) -> np.ndarray:
    """Processes that differ by 1 %."""
    return plain(rng, count, 0.01)


def plain(rng: np.random.Generator, count: int, between: float = BETWEEN) -> np.ndarray:
    """Processes that differ, and calls that differ."""
    return np.exp(rng.normal(0, between, count)) * (1 + rng.normal(0, WITHIN, (count, CALLS))).mean(1)


def together(rng: np.random.Generator, count: int, rho: float = 0.9) -> np.ndarray:
    """Calls of which each is much like the one before."""
    noise = rng.normal(0, WITHIN * np.sqrt(1 - rho**2), (count, CALLS))
    noise[:, 0] = rng.normal(0, WITHIN, count)
    for call in range(1, CALLS):
        noise[:, call] += rho * noise[:, call - 1]
    return np.exp(rng.normal(0, BETWEEN, count)) * (1 + noise).mean(1)


def late(rng: np.random.Generator, count: int) -> np.ndarray:
    """One call in a hundred takes three times as long; the mean counts it in."""
    factor = 1 + 2 * (rng.random((count, CALLS)) < 0.01)
    calls = factor * (1 + rng.normal(0, WITHIN, (count, CALLS))) / 1.02
    return np.exp(rng.normal(0, BETWEEN, count)) * calls.mean(1)


def one_in_ten(rng: np.random.Generator, count: int) -> np.ndarray:
    """A process in ten is 20 % slower."""
    return plain(rng, count) * np.where(rng.random(count) < 0.1, 1.2, 1.0)


WORLDS: dict[str, Means] = {
    'quiet': quiet,
    'plain': plain, 'autocorrelation 0.9': together, 'late calls': late, 'one slow process in ten': one_in_ten,
}  # fmt: skip


def trial(rng: np.random.Generator, means: Means, rounds: int) -> tuple[bool, bool, bool, str]:
    """Return whether the mean and the ratio held the truth, whether a flag was raised, and the verdict of a tie."""
    most = rounds + (rounds + 1) // 2
    shared = np.exp(rng.normal(0, 0.05, most))  # slow hours slow both, and all of a round
    pools = [shared * means(rng, most) for _ in range(2)]
    odd = any(slow_means(list(pool[:rounds] / shared[:rounds])) for pool in pools)
    taken = [pool[: most if odd else rounds] for pool in pools]
    single = interval(list(taken[0] / shared[: len(taken[0])]))
    ratio = paired_ratio(list(taken[0]), list(taken[1] / 1.5))
    centre = np.exp(BETWEEN**2 / 2)
    held = single.half is not None and abs(single.mean - centre) <= single.half
    both = ratio.low is not None and ratio.high is not None and ratio.low <= 1.5 <= ratio.high
    return bool(held), bool(both), odd, verdict(paired_ratio(list(taken[0]), list(taken[1])))


def table(trials: int, seed: int = 1) -> list[tuple[str, int, dict[str, float]]]:
    """Return, of each world and number of rounds, the shares."""
    found = []
    for world, means in WORLDS.items():
        for rounds in (4, 6, 10):
            rng = np.random.default_rng(seed)
            seen = [trial(rng, means, rounds) for _ in range(trials)]
            ties = Counter(word for *_, word in seen)
            shares = {
                'mean': sum(held for held, *_ in seen),
                'ratio': sum(both for _, both, *_ in seen),
                'flag': sum(odd for _, _, odd, _ in seen),
                'mean or flag': sum(held or odd for held, _, odd, _ in seen),
                'ratio or flag': sum(both or odd for _, both, odd, _ in seen),
                'ties same': ties['same within 2 %'],
                'ties wrong': ties['faster'] + ties['slower'],
            }
            found.append((world, rounds, {name: count / trials for name, count in shares.items()}))
    return found


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--trials', type=int, default=3000)
    found = table(parser.parse_args().trials)
    names = list(found[0][2])
    print('| world | rounds | ' + ' | '.join(names) + ' |\n|---|---' + '|---' * len(names) + '|')
    for world, rounds, shares in found:
        print(f'| {world} | {rounds} | ' + ' | '.join(f'{shares[name]:.1%}' for name in names) + ' |')
    print('unseen in one variant: ' + ', '.join(f'{rounds} rounds {0.9**rounds:.0%}' for rounds in (4, 6, 10)))
    return int(not all(holds(shares) for *_, shares in found))


def holds(shares: dict[str, float]) -> bool:
    """Whether intervals hold what they promise, or a flag says that they may not."""
    least = min(shares['mean or flag'], shares['ratio or flag'])
    most = max(shares['mean'], shares['ratio'])
    return least >= 0.93 and most <= 0.975 and shares['ties wrong'] <= 0.005


if __name__ == '__main__':
    sys.exit(main())
