"""A recipe, read and checked. Plain frozen data; nothing here opens a file."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import product
from typing import Any, Final

from stages.contract.port import Port
from stages.contract.reader import ALL, Part
from stages.recipe.setting import SINGLE, Setting, sizes_of


@dataclass(frozen=True)
class Fetch:
    """A file from outside, or several of one package; never without its sha256."""

    where: str
    """``pip``, ``https`` or ``path``."""

    name: str
    """``package==version``, the URL, or a path below recipes/, which is a folder when it ends in ``/``."""

    file: str
    """The file inside the package, a glob of several, or a folder (``…/``); empty for ``https`` and ``path``."""

    sha256: str
    """Of the file; of the whole package archive when ``file`` means several; of a folder's tree."""

    to: str = ''
    """Its place among the files it belongs to, where that is not its own name; for several, their folder."""

    hosts: tuple[str, ...] = ()
    """Where its own host sends on to, as ``host`` or ``host:port``; no part of any key."""

    format: str = ''
    """Of ``hf`` without a ``file``: the format whose files are meant, by its own rules."""


@dataclass(frozen=True)
class Python:
    """A function in a file below recipes/models/."""

    file: str
    """Relative to recipes/: ``models/rnet.py``."""

    function: str


@dataclass(frozen=True)
class Source:
    """Where the trained model comes from."""

    format: str
    """``torch`` (a module built by Python, and its weights), or what the files hold: ``onnx``, ``tflite`` …"""

    python: Python | None
    files: tuple[Fetch, ...]
    """The model; of ``torch`` its weights, or nothing when the Python makes them from a fixed seed."""

    options: Mapping[str, Any] = field(default_factory=dict)
    """What else its format can be told: the ``signature`` of a SavedModel, the ``key`` of a checkpoint."""


METRICS: Final = ('top1', 'agreement')
"""Ours: the share of answers that are the label's, and that are the baseline's."""


@dataclass(frozen=True)
class Metric:
    """How answers are judged."""

    of: str
    """``top1`` or ``agreement``, else the name of ``python``'s function."""

    axis: int | None = None
    """Where the classes are, counted in one sample's output without its batch; absent: its only axis longer than 1."""

    threshold: float | None = None
    """For one column: an answer above it is class 1. Absent: there is a column for each class, the largest counts."""

    better: str = 'higher'
    """``higher`` or ``lower``: which way is good. A drop is how far a variant is on the other side of the baseline."""

    range: tuple[float, float] | None = None
    """What values there are; drops are in the same units. Ours are shares, 0 to 1; absent, of a function: any."""

    python: Python | None = None
    """Where the function is; None: one of ours."""

    options: Any = None
    """Of a judge of ours: its ``Params``, checked."""


@dataclass(frozen=True)
class Around:
    """Functions of one file below recipes/models/: what stands around the model where it serves."""

    file: str
    requests: str
    before: str
    after: str = ''
    """Empty: nothing comes after."""


@dataclass(frozen=True)
class Data:
    """Arrays for calibration or evaluation: files, and the Python that turns them into named arrays."""

    role: str
    files: tuple[Fetch, ...]
    prepare: Python | None
    """None: a reader reads, or the file is an ``.npz`` whose names are the model's inputs (and ``labels``)."""

    metric: Metric | None
    """Of ``evaluate`` only."""

    output: str | None
    """The output the metric reads; None: the first."""

    reader: str = ''
    """The word of what reads the files without any Python: ``images``, ``npz`` … Empty: nothing does."""

    options: Any = None
    """The reader's ``Params``, checked."""

    part: Part = ALL
    """Which of the samples are meant."""


@dataclass(frozen=True)
class Stage:
    """One entry of a variant: a kind and its parameters, checked."""

    kind: str
    params: Any
    line: int
    """Where it stands in the recipe, for messages; not part of any identity."""


@dataclass(frozen=True)
class Variant:
    """A named list of stages, and how the result is run."""

    name: str
    stages: tuple[Stage, ...]
    format: str
    """What the last stage gives (the source's own format when there is none)."""

    engine: str
    run: Any
    """The engine's ``Options``, checked."""

    batch: int
    line: int
    unsupported: bool = False
    """Expected to be refused by a tool: the refusal is then a result, and no failure of the build."""

    optional: bool = False
    """Left out without failing the build where a tool of it is not installed."""

    threads: tuple[int, ...] = ()
    """Of this variant; none: the benchmark's. So too the next two."""

    scenarios: tuple[str, ...] = ()
    sizes: Mapping[str, tuple[int, ...]] = field(default_factory=dict, hash=False)
    """Each named dimension's, one or several."""

    isa: str = ''
    """The instruction set that the CPU is kept to while it is measured; empty: all it has."""


@dataclass(frozen=True)
class Tolerance:
    """How far a step's output may be from the source model's.

    ``relative``: L2 norm of the difference over that of the source's output, the largest over the outputs.
    ``cosine``: the smallest cosine similarity.
    """

    relative: float | None
    cosine: float | None


@dataclass(frozen=True)
class Check:
    """What a variant must keep to be shipped."""

    max_drop: float | None
    """What a variant may lose of the metric against the baseline, in its own units: 0.01 of top1 is one point."""

    tolerance: dict[str, Tolerance] = field(default_factory=dict)
    """By precision (``f32``, ``f16``, ``bf16``, ``int8``, ``int4``, ``pruned``), over the defaults."""


@dataclass(frozen=True)
class Benchmark:
    """The protocol's numbers."""

    cycles: int | None = None
    """Rounds of fresh processes; None: 10 where a call takes less than 50 ms, else 6."""

    repetitions: int = 100
    threads: tuple[int, ...] = (1,)
    warmup_runs: int = 10
    warmup_seconds: float = 1.0
    sizes: dict[str, int] = field(default_factory=dict)
    """Named dimensions (besides ``batch``) and the size they are measured at."""

    scenarios: tuple[str, ...] = (SINGLE,)
    """What is measured of each variant: ``single-stream``, ``offline``, ``server``."""

    latency_bound: float | None = None
    """Seconds within which nine of ten requests are answered in ``server``; it has no measure without."""


@dataclass(frozen=True)
class Choose:
    """What the best variant is."""

    fastest: str = 'latency'
    """What to make best: ``latency`` (of ``single-stream``), throughput in ``offline``, rate in ``server``,
    ``peak_memory`` or ``size``."""

    within: dict[str, float] = field(default_factory=dict)
    """Bounds: ``accuracy_drop`` (the metric's units), ``peak_memory`` and ``size`` (bytes), ``latency`` (seconds)."""

    budget: dict[str, float] = field(default_factory=dict)
    """What the best variant has to keep, or the build fails; the same bounds as ``within``, which only leaves out."""


@dataclass(frozen=True)
class Recipe:
    """One model, its variants, and what is asked of them."""

    file: str
    """Relative to the project, for messages."""

    model: str
    source: Source
    inputs: tuple[Port, ...]
    outputs: tuple[str, ...]
    """Names of what the model returns; none: those of the file. So too `inputs`."""

    preprocessing: str
    """A sentence for whoever deploys: what the model expects of its input."""

    data: dict[str, Data]
    variants: tuple[Variant, ...]
    """The first one without stages is the baseline."""

    check: Check
    benchmark: Benchmark
    choose: Choose
    regression: dict[str, float] = field(default_factory=dict)
    """What may get worse from one build to the next: shares, and ``accuracy_drop`` in the metric's units."""

    timeout: float = 3600.0
    """Seconds a step may take."""

    memory: int = 0
    """Bytes of memory a step may need, with all that it starts; 0: as much as the machine has, but an eighth of it."""

    in_file: Mapping[str, str] = field(default_factory=dict)
    """What the file calls outputs, by their names here, where the recipe says it."""

    license: str = ''
    """What the model may be used for, as an SPDX expression: `Apache-2.0`. It travels with a release."""

    description: str = ''
    """What the model does, in a sentence or two. It travels with a release."""

    authors: tuple[str, ...] = ()
    """Who made the model. They travel with a release."""

    tags: tuple[str, ...] = ()
    """Words to choose recipes by: `doit @nightly`, `modelkiln list --tag nightly`."""

    group: str = ''
    """Built by `doit GROUP`, with one page over all of the group, and not by plain `doit`; empty: like any other."""

    around: Around | None = None
    """The Python before and after the model where it serves, which is timed apart from it."""

    carries: tuple[tuple[str, str], ...] = ()
    """State: the input, and the output of the sample before that it takes; zeros at first."""

    def may_lack(self, variant: str) -> bool:
        """Say whether the build is whole without ``variant``, where a tool of it is not installed."""
        return any(each.optional for each in self.variants if each.name == variant)


def settings(recipe: Recipe, variant: Variant) -> tuple[Setting, ...]:
    """Return the settings that a variant is measured in: a row of the table each."""
    benchmark = recipe.benchmark
    several = [dict(zip(variant.sizes, chosen, strict=True)) for chosen in product(*variant.sizes.values())]
    return tuple(
        Setting(scenario, threads, variant.batch, sizes_of(benchmark.sizes, sizes), variant.isa)
        for sizes in several
        for scenario in variant.scenarios or benchmark.scenarios
        for threads in variant.threads or benchmark.threads
    )
