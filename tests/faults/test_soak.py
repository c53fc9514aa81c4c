"""2 and 3 at random, for many minutes: ``pytest -m soak -s`` (MODELKILN_SOAK=rounds, MODELKILN_SEED=seed)."""

from __future__ import annotations

import os
import random
import shutil

import pytest

from tests.faults.soak import SIGNALS, TARGETS, end_all, one, table

ROUNDS = int(os.environ.get('MODELKILN_SOAK', '200'))


@pytest.mark.soak
def test_fault_02_killed_anyhow_at_any_moment_nothing_is_lost_and_nobody_is_left(tmp_path):
    seed = int(os.environ.get('MODELKILN_SEED') or random.SystemRandom().randrange(1 << 32))
    print(f'\nMODELKILN_SEED={seed}')
    chance = random.Random(seed)
    ways = [(number, target) for number in SIGNALS for target in TARGETS]
    rounds = []
    for place in range(ROUNDS):
        root = tmp_path / f'{place}'
        number, target = ways[place % len(ways)]
        rounds.append(one(root, number, target, place // len(ways) % 2 == 0, chance))
        if rounds[-1].wrong:
            print(place, rounds[-1])
        end_all(root)
        shutil.rmtree(root)
    print(table(rounds))

    assert sum(seen.live for seen in rounds) > ROUNDS // 2
    assert [seen for seen in rounds if seen.wrong] == []
