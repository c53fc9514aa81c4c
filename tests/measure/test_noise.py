from __future__ import annotations

from typing import Any

from stages.measure.noise import flags
from stages.measure.samples import samples_of

QUIET = {
    'cpu': {'governor': 'performance', 'hypervisor': 'no', 'quota': 'none', 'cores': 4, 'threads': 8},
    'clock': {'resolution_seconds': 1e-9},
    'load': {'load_average': 0.1, 'pressure_cpu_avg10': 0.0, 'pressure_memory_avg10': 0.0},
}


def cycle(times: list[int], **changed: Any) -> dict[str, Any]:
    calm = {'major_faults': 0, 'cpu_ns': 10, 'wall_ns': 10, 'cpu_mhz': 3000.0, 'peak_per_repetition': True}
    return {'time_ns': times, **calm, **changed}


def raised(*cycles: dict[str, Any]) -> list[str]:
    return flags({'v': samples_of({'threads': 1, 'cycles': cycles})}, QUIET)


STEADY = [5_000_000, 5_000_100, 5_000_000, 5_000_100] * 5


def test_a_quiet_machine_raises_nothing() -> None:
    assert raised(cycle(STEADY), cycle(STEADY)) == []


def test_a_slow_repetition_is_named_with_its_size() -> None:
    assert raised(cycle([*STEADY, 20_000_000])) == [
        'v: the slowest repetition took 3.5 times the mean of its cycle; look at the samples'
    ]


def test_a_process_that_had_to_wait_for_the_cpu_is_told_first_but_not_one_that_waits_for_requests() -> None:
    waited = cycle([*STEADY, 20_000_000], cpu_ns=5)
    assert 'had the CPU only 50% of the time' in raised(waited)[0]
    paced = samples_of({'threads': 1, 'scenario': 'server', 'cycles': [waited]})
    assert not [one for one in flags({'v': paced}, QUIET) if 'had the CPU' in one]


def test_one_process_of_six_that_is_slower_is_told() -> None:
    found = raised(*[cycle(STEADY)] * 5, cycle([value * 6 // 5 for value in STEADY]))
    assert found[0].startswith('v: 1 of 6 processes ran up to 20% slower than the others')


def test_a_drift_inside_cycles_is_found() -> None:
    rising = [5_000_000 + 20_000 * i for i in range(20)]
    assert any('drift' in sentence for sentence in raised(*[cycle(rising)] * 6))


def test_a_repetition_under_1_ms_is_named() -> None:
    assert 'lasted only 0.900 ms' in raised(cycle([900_000] * 20))[0]


def test_a_failed_variant_has_no_flags() -> None:
    assert flags({'v': samples_of({'failed': 'killed'})}, QUIET) == []


def test_a_busy_virtual_machine_is_said() -> None:
    busy = QUIET | {'cpu': QUIET['cpu'] | {'hypervisor': 'yes', 'governor': 'not readable'}}
    busy['load'] = QUIET['load'] | {'load_average': 3.0, 'steal_ticks': 0, 'cpu_ticks': 0}
    busy['load_after'] = busy['load'] | {'steal_ticks': 5, 'cpu_ticks': 100}
    first, *others = flags({}, busy)
    assert first == 'the host took 5.0% of the CPU time away; use a dedicated machine'
    assert len(others) == 1 and others[0].startswith('as on most machines: its CPU governor cannot be read')


def test_one_doubt_about_ten_variants_is_one_sentence_about_the_worst() -> None:
    slow = {f'v{i}': samples_of({'threads': 1, 'cycles': [cycle([*STEADY, 20_000_000 + i])]}) for i in range(10)}
    assert flags(slow, QUIET) == [
        'v9: the slowest repetition took 3.5 times the mean of its cycle; look at the samples'
        ' (the worst of 10 variants)'
    ]
