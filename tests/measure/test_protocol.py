from __future__ import annotations

from statistics import mean

import pytest

from stages.errors import StepError
from stages.measure.protocol import Subject, order, run_session
from stages.recipe.model import Benchmark


def subject(name: str) -> Subject:
    return Subject(name=name, engine='fake', options={}, threads=1, folder=name, batch=1, against='base')


def session(run_cycle, *names: str, cycles: int | None = 4, new: tuple[str, ...] = ()):
    said: list[str] = []
    subjects = [subject(name) for name in names]
    return run_session(subjects, {'signature': []}, Benchmark(cycles=cycles), run_cycle, said.append, new), said


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


def test_every_subject_takes_part_in_every_round() -> None:
    found, _ = session(counting, 'base', 'fast', 'small')
    for name in ('base', 'fast', 'small'):
        assert [(c['of'], c['round']) for c in found[name]['cycles']] == [(name, r) for r in (1, 2, 3, 4)]


def timed(of):
    """Return cycles of 1 ms a call, times what ``of`` says of a subject in a round."""

    def run(request):
        if not request['inner']:
            return {'inner': 1, 'call_ns': 1_000_000}
        return {'time_ns': [round(1_000_000 * of(request['name'], request['round']))] * 3, 'inner': 1}

    return run


def test_a_process_that_runs_slower_than_its_others_makes_half_as_many_rounds_more() -> None:
    found, said = session(timed(lambda name, r: 1.2 if (name, r) == ('b', 3) else 1 + r / 1000), 'a', 'b', cycles=6)
    assert [len(found[name]['cycles']) for name in 'ab'] == [9, 9]
    assert '3 rounds more: processes of b ran slower than its others' in said
    calm, _ = session(timed(lambda name, r: 1 + r / 100), 'a', 'b', cycles=6)
    assert len(calm['a']['cycles']) == 6


def test_quick_models_get_ten_rounds_and_slow_ones_six() -> None:
    slow = {'inner': 1, 'time_ns': [60_000_000]}
    assert len(session(timed(lambda *_: 1), 'a', cycles=None)[0]['a']['cycles']) == 10
    assert len(session(lambda _: slow, 'a', cycles=None)[0]['a']['cycles']) == 6


def test_where_all_that_a_session_is_for_fails_the_others_are_not_measured() -> None:
    def run(request):
        if request['name'] == 'bad':
            raise StepError('no')
        return counting(request)

    found, said = session(run, 'base', 'good', 'bad', new=('bad',))
    assert found == {'bad': {'failed': 'bad: no'}} and not any('round' in line for line in said)


def test_the_inner_loop_is_calibrated_once_per_subject() -> None:
    asked = []
    session(lambda r: asked.append(r['inner']) or counting(r), 'a', 'b', cycles=2)
    assert asked == [0, 0, 7, 7, 7, 7]


def test_what_needs_no_calibrating_was_measured_in_its_place() -> None:
    asked = []

    def run(request):
        asked.append((request['name'], request['inner']))
        slow = {'inner': 1, 'time_ns': [60_000_000], 'load_ns': 9}
        return slow if request['name'] == 'slow' else counting(request)

    found, _ = session(run, 'slow', 'quick', cycles=2)
    assert ['load_ns' in one for one in found['slow']['cycles']] == [
        False,
        True,
    ]  # of the first one the files were cold
    assert asked == [('slow', 0), ('quick', 0), ('quick', 7), ('quick', 7), ('slow', 1)]
    assert [len(found[name]['cycles']) for name in ('slow', 'quick')] == [2, 2]


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
