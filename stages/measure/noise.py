"""What speaks against a measurement, in sentences with a number and an advice. Noise never changes a figure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from statistics import mean, quantiles, stdev
from typing import Any

from stages.intervals import drift
from stages.measure.clock import SHORTEST_NS
from stages.measure.samples import Cycle, Samples


def flags(measured: Mapping[str, Samples], machine: Mapping[str, Any]) -> list[str]:
    """Return a sentence for each doubt; none is the good case.

    The same doubt about several variants is one sentence, about the worst of them. ``measured`` is by variant;
    ``machine`` is ``machine()``, whose ``load`` was read before, and may have ``load_after``: a second ``load_now()``.
    Thresholds: torch.utils.benchmark (spread), pyperf (outliers, short repetitions), Google Benchmark (governor), ours
    (the rest).
    """
    doubts: dict[str, list[tuple[float, str]]] = {}
    for name, one in measured.items():
        if one.cycles:
            for kind, degree, sentence in _of_variant(one.cycles, one.threads or 1, machine):
                doubts.setdefault(kind, []).append((degree, f'{name}: {sentence}'))
    return [*_of_machine(machine), *(_worst(found) for found in doubts.values())]


def _worst(found: list[tuple[float, str]]) -> str:
    """One line for one doubt: the worst case in full, the others counted; ten variants must not make ten lines."""
    sentence = max(found)[1]
    return sentence if len(found) == 1 else f'{sentence} (the worst of {len(found)} variants)'


def _of_machine(machine: Mapping[str, Any]) -> Iterator[str]:
    cpu, before, after = machine['cpu'], machine['load'], machine.get('load_after')
    if cpu['governor'] == 'not readable':
        yield 'the CPU governor cannot be read, so the clock rate may have moved; prefer a machine that shows it'
    elif cpu['governor'] != 'performance':
        yield f'the CPU governor is {cpu["governor"]}; set it to performance'
    if str(cpu['hypervisor']).startswith('yes'):
        yield f'this is a virtual machine ({cpu["threads"]} threads of its host); compare only figures of one session'
    if isinstance(cpu['quota'], int | float):
        yield f'a quota of {cpu["quota"]:g} CPUs limits this process; measure without one, or ship with the same'
    load, cores = before['load_average'], cpu['cores'] if isinstance(cpu['cores'], int) else cpu['threads']
    if isinstance(load, int | float) and isinstance(cores, int) and load > 0.5 * cores:
        yield f'the load average was {load:.1f} on {cores} cores before the start; stop other work'
    for what in ('cpu', 'memory'):
        pressure = before[f'pressure_{what}_avg10']
        if isinstance(pressure, int | float) and pressure > 5:
            yield f'{what} pressure was {pressure:.0f} % before the start; stop other work'
    if after:
        yield from _between(before, after)


def _between(before: Mapping[str, Any], after: Mapping[str, Any]) -> Iterator[str]:
    def grown(field: str) -> int:
        a, b = before.get(field), after.get(field)
        return b - a if isinstance(a, int) and isinstance(b, int) else 0

    ticks = grown('cpu_ticks')
    if ticks and (steal := grown('steal_ticks') / ticks) > 0.01:
        yield f'the host took {steal:.1%} of the CPU time away; use a dedicated machine'
    if (swap := grown('swap_used_bytes')) > 0:
        yield f'swap grew by {swap / 2**20:.0f} MiB; free memory first'
    if (throttles := grown('throttle_count')) > 0:
        yield f'the CPU throttled itself {throttles} times for heat; improve cooling or pause between runs'


Doubt = tuple[str, float, str]
"""A kind of doubt, how bad it is (more is worse), and the sentence."""


def _of_variant(cycles: Sequence[Cycle], threads: int, machine: Mapping[str, Any]) -> Iterator[Doubt]:
    times = [c.time_ns for c in cycles]
    spread = max((_spread(t) for t in times), default=0.0)
    if spread > 0.25:
        yield (
            'spread',
            spread,
            f'the times of a cycle spread by {spread:.0%} (IQR over median): too much; stop other work, repeat',
        )
    elif spread > 0.1:
        yield 'spread', spread, f'the times of a cycle spread by {spread:.0%} (IQR over median); stop other work'
    means = [mean(t) for t in times]
    if len(means) > 1 and (variation := stdev(means) / mean(means)) > 0.03:
        yield (
            'cycles',
            variation,
            f'cycles differ by {variation:.1%} (standard deviation of their means); run more cycles',
        )
    highest = max(max(t) / mean(t) for t in times)
    if highest >= 1.5:
        yield (
            'slowest',
            highest,
            f'the slowest repetition took {highest:.1f} times the mean of its cycle; look at the samples',
        )
    lowest = min(min(t) / mean(t) for t in times)
    if lowest <= 0.5:
        yield (
            'quickest',
            -lowest,
            f'the quickest repetition took {lowest:.2f} times the mean of its cycle; look at the samples',
        )
    shortest = min(min(t) for t in times)
    steps = 1000 * machine['clock']['resolution_seconds'] * 1e9
    if shortest < max(SHORTEST_NS, steps):
        yield 'short', -shortest, f'a repetition lasted only {shortest / 1e6:.3f} ms; raise the inner loop'
    if (moved := drift(times)) and moved.real:
        words = f'times drift inside cycles: the second half takes {moved.ratio:.3f} times the first; lengthen the '
        yield 'drift', abs(moved.ratio - 1), words + 'warm-up'
    if faults := sum(c.major_faults for c in cycles):
        yield 'faults', faults, f'{faults} major page faults in the time pass; free memory first'
    busy = min((c.cpu_ns / c.wall_ns for c in cycles if c.wall_ns), default=float(threads))
    # Only one thread is bound to be busy all the time: models with serial parts leave the others idle.
    if busy < 0.9:
        yield 'busy', -busy, f'the process had the CPU only {busy:.0%} of the time; stop other work'
    clocks = [c.cpu_mhz for c in (cycles[0], cycles[-1]) if c.cpu_mhz]
    if len(clocks) == 2 and abs(clocks[1] / clocks[0] - 1) > 0.05:
        words = f'the clock rate went from {clocks[0]:.0f} to {clocks[1]:.0f} MHz; fix it, or let the machine cool'
        yield 'clock', abs(clocks[1] / clocks[0] - 1), words
    if not all(c.peak_per_repetition for c in cycles):
        yield 'peak', 0.0, 'peak memory is 1 value per cycle: this system does not let a process reset its peak'


def _spread(times: Sequence[int]) -> float:
    if len(times) < 4:
        return 0.0
    low, middle, high = quantiles(times, n=4)
    return (high - low) / middle
