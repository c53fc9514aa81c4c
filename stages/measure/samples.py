"""What a benchmark leaves, read: cycles of integers (nanoseconds, bytes). One reader; what is not there is unknown."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from stages.recipe.setting import SINGLE, Setting, setting_of


@dataclass(frozen=True)
class Cycle:
    """One fresh process of one variant."""

    time_ns: tuple[int, ...] = ()
    """One value per repetition, of ``inner`` calls each."""

    inner: int = 1
    warmup_ns: tuple[int, ...] = ()
    import_ns: int | None = None
    load_ns: int | None = None
    first_ns: int | None = None
    peak_rss_bytes: tuple[int, ...] = ()
    peak_per_repetition: bool = True
    """False: the system does not let a process reset its peak, so there is one for the whole cycle."""

    rss_start_bytes: int | None = None
    rss_import_bytes: int | None = None
    rss_load_bytes: int | None = None
    rss_first_bytes: int | None = None
    rss_end_bytes: int | None = None
    pss_bytes: int | None = None
    cpu_ns: int = 0
    wall_ns: int = 0
    major_faults: int = 0
    cpu_mhz: float | None = None
    before_ns: tuple[int, ...] = ()
    """Of whole requests: the Python before the model. So too the next two, of the same requests."""

    model_ns: tuple[int, ...] = ()
    after_ns: tuple[int, ...] = ()
    around_failed: str = ''
    """Why there are none though they were asked for."""

    fed: Mapping[str, tuple[int, ...]] = field(default_factory=dict, hash=False)
    """The shape of each input of a call."""


@dataclass(frozen=True)
class Samples:
    """A variant in one setting, in rounds with the baseline."""

    threads: int | None = None
    batch: int = 1
    cycles: tuple[Cycle, ...] = ()
    baseline_cycles: tuple[Cycle, ...] = ()
    machine: Mapping[str, Any] = field(default_factory=dict, hash=False)
    scenario: str = SINGLE
    sizes: tuple[tuple[str, int], ...] = ()
    isa: str = ''
    emulated: str = ''
    """The CPU that it was run as, and not timed; empty: it was timed."""

    unable: str = ''
    """Why it cannot be kept to ``isa``; empty: it can."""

    relative: float | None = None
    """How far its answers are, kept to ``isa``, from those with all instructions."""
    session: str = ''
    """Which session they are of: rows of one were measured in turn, and only they are compared with each other."""

    taken: str = ''
    """When the session began (ISO 8601); empty: not recorded."""

    @property
    def untimed(self) -> str:
        """Why there are no times of it, in words; empty: there are."""
        if self.emulated:
            moved = 'the same' if not self.relative else f'within {self.relative:.1g} of the same'
            return f'it runs as an emulated {self.emulated} and answers {moved}; its speed is not known'
        return self.unable

    @property
    def setting(self) -> Setting:
        """How it was measured; threads that are not known count 1."""
        return Setting(self.scenario, self.threads or 1, self.batch, self.sizes, self.isa)


@dataclass(frozen=True)
class Raw:
    """What stands in ``samples.json``: everything that was measured of a recipe, as it was written down."""

    variants: Mapping[str, tuple[Samples, ...]] = field(hash=False)
    clock: str = 'perf_counter_ns'
    """Python's word for the clock that all times are of."""

    format: int = 1


SERIES = ('time_ns', 'warmup_ns', 'peak_rss_bytes', 'before_ns', 'model_ns', 'after_ns')
COUNTS = ('cpu_ns', 'wall_ns', 'major_faults')
ONCE = ('import_ns', 'load_ns', 'first_ns', 'rss_start_bytes', 'rss_import_bytes', 'rss_load_bytes', 'rss_first_bytes',
        'rss_end_bytes', 'pss_bytes', 'cpu_mhz')  # fmt: skip


def samples_of(read: Mapping[str, Any]) -> Samples:
    """Return samples from their JSON values."""
    setting = setting_of(read)
    return Samples(
        scenario=setting.scenario,
        sizes=setting.sizes,
        isa=setting.isa,
        **_kept(read.get('kept') or read),
        threads=read.get('threads'),
        batch=read.get('batch') or 1,
        cycles=tuple(cycle_of(one) for one in read.get('cycles') or ()),
        baseline_cycles=tuple(cycle_of(one) for one in read.get('baseline_cycles') or ()),
        machine=read.get('machine') or {},
        session=str(read.get('session') or ''),
        taken=str(read.get('taken') or ''),
    )


def _kept(read: Mapping[str, Any]) -> dict[str, Any]:
    texts = {name: str(read.get(name) or '') for name in ('emulated', 'unable')}
    return {**texts, 'relative': read.get('relative')}


def cycle_of(read: Mapping[str, Any]) -> Cycle:
    """Return a cycle from its JSON values."""
    fields: dict[str, Any] = {name: tuple(read.get(name) or ()) for name in SERIES}
    fields |= {name: read.get(name) or 0 for name in COUNTS}
    fields |= {name: read.get(name) for name in ONCE}
    fields['around_failed'] = str(read.get('around_failed') or '')
    fields['fed'] = {name: tuple(shape) for name, shape in (read.get('fed') or {}).items()}
    return Cycle(
        inner=read.get('inner') or 1, peak_per_repetition=read.get('peak_per_repetition') is not False, **fields
    )
