from __future__ import annotations

from statistics import mean

import pytest

from stages.errors import StepError
from stages.measure.protocol import Subject, order, run_session
from stages.recipe.model import Benchmark


def subject(name: str) -> Subject:
    return Subject(name=name, engine='fake', options={}, threads=1, folder=name, batch=1)


def session(run_cycle, *names: str, cycles: int = 4):
    said: list[str] = []
    first, *others = map(subject, names)
    return run_session(first, others, {'signature': []}, Benchmark(cycles=cycles), run_cycle, said.append), said


def counting(request):
    return {'inner': 7} if request['inner'] == 0 else {'of': request['name'], 'round': request['round'], **request}


def test_every_second_round_is_reversed() -> None:
    assert order('ABC', 3) == [['A', 'B', 'C'], ['C', 'B', 'A'], ['A', 'B', 'C']]


def test_an_even_number_of_rounds_gives_everyone_the_same_mean_place() -> None:
    flat = [name for names in order('ABCD', 6) for name in names]
    places = {name: mean(i for i, n in enumerate(flat) if n == name) for name in 'ABCD'}
    assert len(set(places.values())) == 1


def test_a_drift_of_5_percent_cancels() -> None:
    tick = iter(range(1000))

    def drifting(request):
        return {'inner': 1} if not request['inner'] else {'time_ns': [1_000_000 * (1 + 0.05 * next(tick) / 12)]}

    found, _ = session(drifting, 'a', 'b', cycles=6)
    a, b = (mean(c['time_ns'][0] for c in found[n]['cycles']) for n in 'ab')
    assert b / a == pytest.approx(1, abs=0.002)


def test_round_r_of_a_subject_is_paired_with_round_r_of_the_baseline() -> None:
    found, _ = session(counting, 'base', 'fast', 'small')
    for name in ('base', 'fast', 'small'):
        assert [c['round'] for c in found[name]['cycles']] == [1, 2, 3, 4]
        assert {c['of'] for c in found[name]['baseline_cycles']} == {'base'}
    assert found['base']['cycles'] == found['base']['baseline_cycles']


def test_the_inner_loop_is_calibrated_once_per_subject() -> None:
    asked = []
    session(lambda r: asked.append(r['inner']) or counting(r), 'a', 'b', cycles=2)
    assert asked == [0, 0, 7, 7, 7, 7]


def test_a_subject_that_fails_is_left_out_and_the_others_go_on() -> None:
    def run(request):
        if request['name'] == 'bad' and request['round'] == 2:
            raise StepError('it was killed by SIGKILL')
        return counting(request)

    found, said = session(run, 'base', 'bad', 'good')
    assert found['bad'] == {'failed': 'bad: it was killed by SIGKILL'}
    assert len(found['good']['cycles']) == 4
    assert any('left out' in line for line in said)


def test_progress_says_what_how_far_and_how_long_still() -> None:
    _, said = session(counting, 'a', 'b')
    assert said[0] == 'calibrating a (1 of 2)'
    assert said[-1] == 'round 4 of 4: a, about 0 s left'


def test_no_percentile_is_computed_while_measuring() -> None:
    found, _ = session(counting, 'a', 'b')
    assert 'p99' not in repr(found)
