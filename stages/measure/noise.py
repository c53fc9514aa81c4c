"""What speaks against a measurement, in sentences with a number and an advice. Noise never changes a figure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from statistics import mean, quantiles, stdev
from typing import Any, Final

from stages.intervals import drift
from stages.measure.clock import SHORTEST_NS
from stages.measure.samples import Cycle, Samples
from stages.measure.slow import slow_cycles
from stages.recipe.setting import SERVER

GRAVE: Final = ('busy', 'throttled', 'steal', 'swap', 'much', 'slow')
"""Doubts that decide whether figures can be used, worst first."""

ALWAYS: Final = ('governor', 'virtual', 'load')
"""What nearly every machine has: told in one line, after all others."""

HAD: Final = 0.9
"""A process that had the CPU for less than this of its time was measured beside something else."""


@dataclass(frozen=True)
class Doubt:
    """One thing that speaks against a measurement."""

    kind: str
    degree: float
    """How bad it is: of two of one kind, more is worse."""

    sentence: str

    @property
    def grave(self) -> bool:
        """Whether it decides that figures cannot be used as they are."""
        return self.kind in GRAVE


def flags(measured: Mapping[str, Samples], machine: Mapping[str, Any]) -> list[str]:
    """Return a sentence for each doubt, those that matter most first; none is the good case.

    The same doubt about several variants is one sentence, about the worst of them; what nearly every machine has is one
    line at the end. ``measured`` is by variant; ``machine`` is ``machine()``, whose ``load`` was read before, and may
    have ``load_after``: a second ``load_now()``. Thresholds: torch.utils.benchmark (spread), pyperf (outliers, short
    repetitions), Google Benchmark (governor), ours (the rest).
    """
    found: dict[str, list[Doubt]] = {}
    for name, one in measured.items():
        for doubt in of_variant(one.cycles, machine, paced=one.scenario == SERVER) if one.cycles else ():
            said = Doubt(doubt.kind, doubt.degree, f'{name}: {doubt.sentence}')
            found.setdefault(doubt.kind, []).append(said)
    for doubt in of_machine(machine):
        found.setdefault(doubt.kind, []).append(doubt)
    known = [*GRAVE, *(kind for kind in found if kind not in GRAVE and kind not in ALWAYS)]
    told = [_worst(found[kind]) for kind in known if kind in found]
    usual = [doubt.sentence for kind in ALWAYS for doubt in found.get(kind, ())]
    return [*told, *(['as on most machines: ' + '; '.join(usual)] if usual else [])]


def _worst(found: list[Doubt]) -> str:
    """One line for one doubt: the worst case in full, the others counted; ten variants must not make ten lines."""
    sentence = max(found, key=lambda doubt: (doubt.degree, doubt.sentence)).sentence
    return sentence if len(found) == 1 else f'{sentence} (the worst of {len(found)} variants)'


def of_machine(machine: Mapping[str, Any]) -> Iterator[Doubt]:
    """Yield what speaks against all that was measured on it."""
    cpu, before, after = machine['cpu'], machine['load'], machine.get('load_after')
    if cpu['governor'] == 'not readable':
        yield Doubt('governor', 0, 'its CPU governor cannot be read, so the clock rate may have moved')
    elif cpu['governor'] != 'performance':
        yield Doubt('governor', 1, f'its CPU governor is {cpu["governor"]}, not performance')
    if str(cpu['hypervisor']).startswith('yes'):
        yield Doubt('virtual', 0, f'it is virtual ({cpu["threads"]} threads of its host)')
    if isinstance(cpu['quota'], int | float):
        words = f'a quota of {cpu["quota"]:g} CPUs limits this process; measure without one, or ship with the same'
        yield Doubt('quota', 0, words)
    load, cores = before['load_average'], cpu['cores'] if isinstance(cpu['cores'], int) else cpu['threads']
    if isinstance(load, int | float) and isinstance(cores, int) and load > 0.5 * cores:
        yield Doubt('load', load, f'its load average was {load:.1f} on {cores} cores before the start')
    for what in ('cpu', 'memory'):
        pressure = before[f'pressure_{what}_avg10']
        if isinstance(pressure, int | float) and pressure > 5:
            yield Doubt('pressure', pressure, f'{what} pressure was {pressure:.0f} % before the start; stop other work')
    if after:
        yield from _between(before, after)


def _between(before: Mapping[str, Any], after: Mapping[str, Any]) -> Iterator[Doubt]:
    def grown(field: str) -> int:
        a, b = before.get(field), after.get(field)
        return b - a if isinstance(a, int) and isinstance(b, int) else 0

    ticks = grown('cpu_ticks')
    if ticks and (steal := grown('steal_ticks') / ticks) > 0.01:
        yield Doubt('steal', steal, f'the host took {steal:.1%} of the CPU time away; use a dedicated machine')
    if (swap := grown('swap_used_bytes')) > 0:
        yield Doubt('swap', swap, f'swap grew by {swap / 2**20:.0f} MiB; free memory first')
    if (throttles := grown('throttle_count')) > 0:
        words = f'the CPU throttled itself {throttles} times for heat; improve cooling or pause between runs'
        yield Doubt('throttled', throttles, words)


def cpu_share(cycles: Sequence[Cycle]) -> float | None:
    """Return how much of its time a variant's processes had the CPU while they were timed; None: not recorded.

    Only one thread is bound to be busy all the time (models with serial parts leave the others idle), so more than one
    CPU counts as one.
    """
    known = [c for c in cycles if c.wall_ns]
    return sum(min(c.cpu_ns, c.wall_ns) for c in known) / sum(c.wall_ns for c in known) if known else None


def of_variant(cycles: Sequence[Cycle], machine: Mapping[str, Any], *, paced: bool = False) -> Iterator[Doubt]:
    """Yield what speaks against the figures of one variant. ``paced``: it had to wait for requests."""
    share = cpu_share(cycles)
    if share is not None and share < HAD and not paced:
        yield Doubt('busy', -share, f'its processes had the CPU only {share:.0%} of the time; stop other work')
    times = [c.time_ns for c in cycles]
    spread = max((_spread(t) for t in times), default=0.0)
    if spread > 0.1:
        much = spread > 0.25
        advice = ': too much; stop other work, repeat' if much else '; stop other work'
        words = f'the times of a cycle spread by {spread:.0%} (IQR over median){advice}'
        yield Doubt('much' if much else 'spread', spread, words)
    means = [mean(t) / c.inner for t, c in zip(times, cycles, strict=True)]
    if slow := slow_cycles(cycles):
        worst = max(means[place] for place in slow) / quantiles(means, n=2)[0] - 1
        words = (
            f'{len(slow)} of {len(means)} processes ran up to {worst:.0%} slower than the others: some do, so the '
            'mean is known less well than its interval says; run more cycles'
        )
        yield Doubt('slow', worst, words)
    elif len(means) > 1 and (variation := stdev(means) / mean(means)) > 0.03:
        words = f'cycles differ by {variation:.1%} (standard deviation of their means); run more cycles'
        yield Doubt('cycles', variation, words)
    yield from _of_calls(times, machine)
    if faults := sum(c.major_faults for c in cycles):
        yield Doubt('faults', faults, f'{faults} major page faults in the time pass; free memory first')
    clocks = [c.cpu_mhz for c in (cycles[0], cycles[-1]) if c.cpu_mhz]
    if len(clocks) == 2 and abs(clocks[1] / clocks[0] - 1) > 0.05:
        words = f'the clock rate went from {clocks[0]:.0f} to {clocks[1]:.0f} MHz; fix it, or let the machine cool'
        yield Doubt('clock', abs(clocks[1] / clocks[0] - 1), words)
    yield from _of_memory(cycles)


def _of_calls(times: Sequence[Sequence[int]], machine: Mapping[str, Any]) -> Iterator[Doubt]:
    advice = 'the mean of its cycle; look at the samples'
    highest = max(max(t) / mean(t) for t in times)
    if highest >= 1.5:
        yield Doubt('slowest', highest, f'the slowest repetition took {highest:.1f} times {advice}')
    lowest = min(min(t) / mean(t) for t in times)
    if lowest <= 0.5:
        yield Doubt('quickest', -lowest, f'the quickest repetition took {lowest:.2f} times {advice}')
    shortest = min(min(t) for t in times)
    steps = 1000 * machine['clock']['resolution_seconds'] * 1e9
    if shortest < max(SHORTEST_NS, steps):
        words = (
            f'a repetition lasted only {shortest / 1e6:.3f} ms, shorter than when its calls were counted; measure again'
        )
        yield Doubt('short', -shortest, words)
    if (moved := drift(times)) and moved.real:
        words = f'times drift inside cycles: the second half takes {moved.ratio:.3f} times the first; lengthen the '
        yield Doubt('drift', abs(moved.ratio - 1), words + 'warm-up')


LEAK: Final = 16 * 1024
"""Bytes a call that memory must grow by, call after call, to be called a leak: less is an allocator that settles."""


def _of_memory(cycles: Sequence[Cycle]) -> Iterator[Doubt]:
    if not all(c.peak_per_repetition for c in cycles):
        yield Doubt('peak', 0.0, 'peak memory is 1 value per cycle: this system does not let a process reset its peak')
    growth = leak(cycles)
    if growth is not None and growth > LEAK:
        words = f'its memory grows by {growth / 2**20:.2f} MiB with every call, and is not given back: it leaks'
        yield Doubt('leak', growth, words)


def leak(cycles: Sequence[Cycle]) -> float | None:
    """Return the bytes that memory grows by with every call; None where the peaks of single calls are not known.

    The lower quartile of the growth from call to call, in the second half of a cycle, of the cycle where it is least:
    an allocator that grows in steps grows by nothing in most calls, one that leaks in all.
    """
    found = []
    for cycle in cycles:
        peaks = cycle.peak_rss_bytes[len(cycle.peak_rss_bytes) // 2 :]
        if not cycle.peak_per_repetition or len(peaks) < 5:
            return None
        found.append(quantiles([b - a for a, b in pairwise(peaks)], n=4)[0])
    return min(found, default=None)


def _spread(times: Sequence[int]) -> float:
    if len(times) < 4:
        return 0.0
    low, middle, high = quantiles(times, n=4)
    return (high - low) / middle
