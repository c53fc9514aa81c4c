"""What a report is drawn from, as ``stages.layout`` gathers it. One reader: what is not there is not known."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from stages.document.manifest import Use
from stages.measure.figures import Check, check_of
from stages.measure.samples import Samples, samples_of
from stages.recipe.setting import Setting, setting_of

NO_REASON = 'no reason was recorded'
Facts = Mapping[str, Any]


@dataclass(frozen=True)
class Stage:
    """One stage of a variant, and what it cost to build."""

    kind: str
    params: Facts = field(default_factory=dict, hash=False)
    seconds: float | None = None
    peak_memory_bytes: float | None = None
    key: str = ''
    step: str = ''
    makes: str = 'f32'
    """The precision that it gives a float model."""


@dataclass(frozen=True)
class Failed:
    """A step that failed, or whose output is too far from the source's."""

    step: str
    lines: tuple[str, ...]
    """The first is one sentence; then the tool's own words."""

    log: str = ''
    repeat: str = ''


@dataclass(frozen=True)
class Unmeasured:
    """A measurement that failed."""

    setting: Setting
    reason: str


@dataclass(frozen=True)
class Bound:
    """The tolerance that a variant is judged by."""

    relative: float | None = None
    cosine: float | None = None


@dataclass(frozen=True)
class Variant:
    """What is known of one variant."""

    name: str
    stages: tuple[Stage, ...] = ()
    engine: str = ''
    format: str = ''
    precision: str = ''
    options: Facts = field(default_factory=dict, hash=False)
    batch: int = 1
    line: int = 0
    """Where it stands in its recipe: the variants of one matrix have one line. 0: not known."""

    status: str = 'failed'
    """``built`` (there is a model), ``unsupported`` (there is none, as the recipe expects) or ``failed``."""

    failure: Failed | None = None
    """Set: there is no model."""

    too_far: Failed | None = None
    """Set: there is one, and it is measured; its output is too far from the source model's."""

    accuracy_failed: str = ''
    """Set: it loses more of the metric than the recipe allows."""

    foreign: str = ''
    """The other machine it is for, in words."""

    sha256: str = ''
    size_bytes: int | None = None
    check: Check | None = None
    bound: Bound = Bound()
    notes: tuple[str, ...] = ()
    measured: tuple[Samples, ...] = ()
    unmeasured: tuple[Unmeasured, ...] = ()
    use: Mapping[str, Use] = field(default_factory=dict, hash=False)
    """By number of threads: lines to run it with, from the project's root."""

    @property
    def built(self) -> bool:
        return self.status == 'built'


@dataclass(frozen=True)
class Protocol:
    """How it was measured."""

    cycles: int | None = None
    repetitions: int | None = None
    threads: tuple[int, ...] = ()
    warmup_runs: int | None = None
    warmup_seconds: float | None = None
    sizes: Facts = field(default_factory=dict, hash=False)
    scenarios: tuple[str, ...] = ()
    latency_bound: float | None = None
    """Seconds, of ``server``."""


@dataclass(frozen=True)
class Asked:
    """What the best variant is, and what it must keep."""

    fastest: str = 'latency'
    within: Facts = field(default_factory=dict, hash=False)
    max_drop: float | None = None
    budget: Facts = field(default_factory=dict, hash=False)
    """What the best variant has to keep, or the build fails."""


@dataclass(frozen=True)
class Findings:
    """Everything a report says of one recipe."""

    model: str = 'model'
    recipe: str = ''
    created: str = ''
    command: str = ''
    baseline: str = ''
    source: Facts = field(default_factory=dict, hash=False)
    inputs: tuple[Facts, ...] = field(default=(), hash=False)
    outputs: tuple[str, ...] = ()
    preprocessing: str = ''
    protocol: Protocol = Protocol()
    asked: Asked = Asked()
    machine: Facts = field(default_factory=dict, hash=False)
    versions: Facts = field(default_factory=dict, hash=False)
    runs_python: tuple[str, ...] = ()
    flags: tuple[str, ...] = ()
    advice: tuple[str, ...] = ()
    """What the machine does not bear out of what the recipe asks for."""

    regression: Facts = field(default_factory=dict, hash=False)
    """What may get worse from one build to the next."""

    metric: str = ''
    """The name of the recipe's metric; empty: it has none."""

    variants: tuple[Variant, ...] = ()

    @property
    def cpu_flags(self) -> Sequence[str] | None:
        """The CPU's instruction sets; None: not known."""
        found = (self.machine.get('cpu') or {}).get('flags')
        return found if isinstance(found, (list, tuple)) else None

    def use_of(self, variant: str | None, threads: int | None) -> Use | None:
        """Return the lines that run a variant on so many threads; None where there are none."""
        return next((one.use.get(str(threads)) for one in self.variants if one.name == variant), None)


def read_findings(read: Facts) -> Findings:
    """Return findings from their JSON values (or from those of ``dataclasses.asdict``)."""
    asked, protocol = read.get('asked') or {}, read.get('protocol') or {}
    return Findings(
        **_texts(read, 'model', 'recipe', 'created', 'command', 'baseline', 'preprocessing', 'metric'),
        source=read.get('source') or {},
        inputs=tuple(read.get('inputs') or ()),
        outputs=tuple(read.get('outputs') or ()),
        protocol=Protocol(
            cycles=protocol.get('cycles'),
            repetitions=protocol.get('repetitions'),
            threads=tuple(protocol.get('threads') or ()),
            warmup_runs=protocol.get('warmup_runs'),
            warmup_seconds=protocol.get('warmup_seconds'),
            sizes=protocol.get('sizes') or {},
            scenarios=tuple(protocol.get('scenarios') or ()),
            latency_bound=protocol.get('latency_bound'),
        ),
        asked=Asked(
            asked.get('fastest') or 'latency',
            asked.get('within') or {},
            asked.get('max_drop'),
            asked.get('budget') or {},
        ),
        machine=read.get('machine') or {},
        versions=read.get('versions') or {},
        runs_python=tuple(read.get('runs_python') or ()),
        flags=tuple(read.get('flags') or ()),
        advice=tuple(read.get('advice') or ()),
        regression=read.get('regression') or {},
        variants=tuple(_variant(one) for one in read.get('variants') or ()),
    )


def _variant(read: Facts) -> Variant:
    bound = read.get('bound') or {}
    return Variant(
        **_texts(read, 'name', 'engine', 'format', 'precision', 'status', 'accuracy_failed', 'foreign', 'sha256'),
        stages=tuple(_stage(one) for one in read.get('stages') or ()),
        options=read.get('options') or {},
        batch=read.get('batch') or 1,
        line=read.get('line') or 0,
        failure=_failed(read.get('failure')),
        too_far=_failed(read.get('too_far')),
        size_bytes=read.get('size_bytes'),
        check=check_of(read['check']) if read.get('check') else None,
        bound=Bound(bound.get('relative'), bound.get('cosine')),
        notes=tuple(read.get('notes') or ()),
        measured=tuple(samples_of(one) for one in read.get('measured') or ()),
        unmeasured=tuple(
            Unmeasured(setting_of(one.get('setting') or one), one['reason']) for one in read.get('unmeasured') or ()
        ),
        use={n: Use(tuple(u['modelkiln']), tuple(u['plain'])) for n, u in (read.get('use') or {}).items()},
    )


def _stage(read: Facts) -> Stage:
    return Stage(
        kind=read['kind'],
        params=read.get('params') or {},
        seconds=read.get('seconds'),
        peak_memory_bytes=read.get('peak_memory_bytes'),
        key=read.get('key') or '',
        step=read.get('step') or '',
        makes=read.get('makes') or 'f32',
    )


def _failed(read: Facts | None) -> Failed | None:
    if not read:
        return None
    lines = tuple(line for line in read.get('lines') or () if line) or (read.get('reason') or NO_REASON,)
    return Failed(read.get('step') or '', lines, read.get('log') or '', read.get('repeat') or '')


def _texts(read: Facts, *names: str) -> dict[str, Any]:
    """Return those of the fields that are there; the others keep their defaults."""
    return {name: str(read[name]) for name in names if read.get(name)}
