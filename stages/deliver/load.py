"""One small API over every engine: named NumPy arrays in, named NumPy arrays out, by an artifact's manifest alone.

    with stages.load('artifacts/resnet18') as model:       # the folder of an artifact, or one that names its best
        scores = model.run(image=photo)['scores']

The engine modules are those that measuring uses, with the options, the threads and the precision of the manifest: what
is served is what was measured.
"""

from __future__ import annotations

import contextlib
import threading
import weakref
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from stages.contract.engine import Engine, Session, Started, Starting
from stages.contract.port import BATCH, Contract, Port
from stages.deliver import batches, feeds, real
from stages.deliver.fits import misfit
from stages.deliver.place import artifact_in
from stages.deliver.refused import refused
from stages.document.manifest import Manifest, read_manifest
from stages.engines import ENGINES
from stages.errors import FeedError, ForeignError, StepError, ToolError

if TYPE_CHECKING:
    import os
    from concurrent.futures import Future, ThreadPoolExecutor

    import numpy


def load(
    folder: str | os.PathLike[str],
    *,
    threads: int | None = None,
    options: Mapping[str, Any] | None = None,
    floats: bool = False,
) -> Model:
    """Return the artifact in ``folder``, ready to run.

    ``folder`` holds a manifest, or a ``current`` or ``best`` that leads to one. ``threads`` and ``options`` replace
    what the artifact was measured with. With ``floats`` a quantized model takes and gives real numbers.
    Raises StepError where there is no artifact, ForeignError where this machine cannot run it, ToolError where the
    engine is not installed.
    """
    place = artifact_in(folder)
    manifest = read_manifest(place)
    engine = ENGINES.get(manifest.engine)
    if engine is None:
        raise StepError(f'{manifest.name}: no engine {manifest.engine!r}; there are {", ".join(ENGINES)}')
    if words := misfit(manifest, place):
        raise ForeignError(f'{words}; take one that is made for this machine')
    chosen = {**manifest.options, **(options or {})}
    return _opened(place, manifest, engine, threads or manifest.threads, chosen, floats)


def _opened(
    place: Path, manifest: Manifest, engine: Engine, threads: int, options: Mapping[str, Any], floats: bool
) -> Model:
    try:
        engine.prepare()
    except ModuleNotFoundError as error:
        where = f'it lives in the locked environment {engine.ENVIRONMENT}, beside recipes alone'
        mend = where if engine.ENVIRONMENT else f'run: pip install "modelkiln[run-{engine.ENGINE}]"'
        needs = f'{manifest.name} runs in {engine.ENGINE}, which needs {error.name}, not installed here'
        raise ToolError(f'{needs}; {mend}') from error
    try:
        chosen = engine.Options(**options)
    except TypeError as error:
        raise StepError(f'{manifest.name}: {engine.ENGINE} has no such option ({error})') from error
    session = engine.load(place, manifest.contract, chosen, threads)
    return Model(manifest, place, threads, engine.CONCURRENT, floats, session)


@dataclass(eq=False)
class Model:
    """A loaded artifact. Any thread may call it: where ``concurrent`` is false, calls take turns.

    Load it in the process that runs it: engines do not survive a fork. ``close`` it, or use it in a ``with``.
    """

    manifest: Manifest
    folder: Path
    threads: int
    concurrent: bool
    """Whether calls from several threads run at the same time; else each waits for the one before."""

    floats: bool
    session: Session | None = field(repr=False)
    _slots: tuple[feeds.Slot, ...] = field(init=False, repr=False)
    _turn: Any = field(init=False, repr=False)
    _pool: ThreadPoolExecutor | None = field(init=False, repr=False, default=None)
    _rows: int | None = field(init=False, repr=False)
    _plain: bool = field(init=False, repr=False)
    _making: threading.Lock = field(init=False, repr=False, default_factory=threading.Lock)
    _started: Started | Literal[False] | None = field(init=False, repr=False, default=False)
    """What starts calls by the engine itself; False: nobody asked yet."""

    def __post_init__(self) -> None:
        self._slots = feeds.slots(self.contract)
        self._turn = contextlib.nullcontext() if self.concurrent else threading.Lock()
        self._rows = self.contract.rows
        self._plain = self._rows is None and not any(port.carries for port in self.inputs) and not self.floats

    @property
    def contract(self) -> Contract:
        """What it takes and gives, as the caller sees it."""
        return real.of_floats(self.manifest.contract) if self.floats else self.manifest.contract

    @property
    def inputs(self) -> tuple[Port, ...]:
        """Its inputs: names, shapes, types, which axis counts samples."""
        return self.contract.inputs

    @property
    def outputs(self) -> tuple[Port, ...]:
        """Its outputs."""
        return self.contract.outputs

    def run(self, feed: Mapping[str, Any] | None = None, /, **named: Any) -> dict[str, numpy.ndarray]:
        """Return the answers to arrays given by name, as a mapping or as keywords; the caller owns them.

        Any number of samples, also where the artifact takes a fixed one: then it is called several times. State that
        is carried starts from zeros where it is not given; a ``stream`` carries it. Raises FeedError for what does not
        fit the contract, and for numbers that the engine refuses, such as an index that a table has not; StepError
        where it fails otherwise.
        """
        sizes: dict[str, int] = {}
        asked = feeds.checked(self._slots, {**feed, **named} if feed and named else feed or named, sizes)
        if self._plain:
            return self._answer(asked)
        return self._run(asked, sizes)

    __call__ = run

    def stream(self) -> Stream:
        """Return a sequence of calls, each of which takes over what the one before left of its state."""
        return Stream(self)

    def submit(self, feed: Mapping[str, Any] | None = None, /, **named: Any) -> Future[dict[str, numpy.ndarray]]:
        """Start ``run`` and return at once; several run at the same time where the engine lets them.

        OpenVINO and ONNX Runtime start plain calls by themselves, in threads of their own; state, parts and real
        numbers of a quantized model, and other engines, take threads of ours. Arrays stay as they are until it is
        answered. Raises FeedError at once for what does not fit the contract.
        """
        from concurrent.futures import ThreadPoolExecutor

        if self.session is None:
            raise StepError(f'{self.manifest.name}: is closed')
        started = self._starter()
        if started is not None:
            asked = feeds.checked(self._slots, {**(feed or {}), **named}, {})
            if self._whole(asked):
                return started.submit(asked)
        if self._pool is None:
            self._pool = ThreadPoolExecutor(self.threads if self.concurrent else 1, f'{self.manifest.name} ')
        return self._pool.submit(self.run, {**(feed or {}), **named})

    def _starter(self) -> Started | None:
        """Return what starts calls by the engine itself; None where it does not."""
        with self._making:
            if self._started is False:
                native = self.session.starter() if self.concurrent and isinstance(self.session, Starting) else None
                self._started = native
                if native is not None:
                    weakref.finalize(self, native.stop)
        return self._started or None

    def _whole(self, asked: Mapping[str, numpy.ndarray]) -> bool:
        """Whether a feed is one call of the engine as it stands."""
        if self._plain:
            return True
        carries = any(port.carries for port in self.inputs)
        return not self.floats and not carries and batches.count(asked, self.contract) in (None, self._rows)

    async def run_async(self, feed: Mapping[str, Any] | None = None, /, **named: Any) -> dict[str, numpy.ndarray]:
        """Return the answers as ``run`` does; the event loop goes on meanwhile."""
        import asyncio

        return await asyncio.wrap_future(self.submit(feed, **named))

    def warm_up(self, feed: Mapping[str, Any] | None = None, calls: int = 3) -> None:
        """Call it before the first caller does: with ``feed``, else with seeded numbers of the size it was measured at.

        Raises FeedError for text, which cannot be made up.
        """
        if feed is not None:
            for _ in range(calls):
                self.run(feed)
            return
        from stages.feed.samples import feed as feed_of
        from stages.feed.samples import samples, width

        contract = self.manifest.contract
        if text := [port.name for port in contract.inputs if port.dtype == feeds.TEXT]:
            raise FeedError(f'{", ".join(text)}: text cannot be made up; give warm_up a feed')
        batch = (self.manifest.measured or {}).get('batch') or 1
        made = feed_of(samples({}, contract, contract.sizes), contract, range(width(contract, batch)))
        for _ in range(calls):
            self._answer(made)

    def close(self) -> None:
        """Free it: calls under way end first, later ones are refused."""
        if self._pool is not None:
            self._pool.shutdown()
        if self._started:
            self._started.stop()
        with self._turn:
            self.session = None

    def __enter__(self) -> Model:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _answer(self, feed: dict[str, numpy.ndarray]) -> dict[str, numpy.ndarray]:
        with self._turn:
            if self.session is None:
                raise StepError(f'{self.manifest.name}: is closed')
            try:
                return self.session.run(feed)
            except MemoryError:
                raise
            except Exception as error:  # whatever the engine raises; it answered the samples of the check
                raise refused(self.manifest, error) from error

    def _run(self, feed: dict[str, numpy.ndarray], sizes: dict[str, int]) -> dict[str, numpy.ndarray]:
        """Run what is not one plain call: state to begin with, numbers to convert, samples to be taken in parts."""
        contract = self.manifest.contract
        held = batches.count(feed, contract)
        feed |= self._zeros(feed, sizes, held)
        if self.floats:
            feed = real.stored(feed, contract.inputs)
        if self._rows is None or held in (None, self._rows):
            answers = self._answer(feed)
        elif any(port.carries for port in contract.inputs):
            raise FeedError(f'{held} samples; a model that carries state takes {self._rows} in a call')
        else:
            answers = batches.in_parts(self._answer, feed, contract, self._rows)
        return real.real(answers, contract.outputs) if self.floats else answers

    def _zeros(self, feed: Mapping[str, Any], sizes: Mapping[str, int], held: int | None) -> dict[str, numpy.ndarray]:
        """Return zeros for the state that nobody gave, as many as the other inputs hold samples."""
        import numpy as np

        known = {**self.manifest.sizes, **sizes} | ({BATCH: held} if held else {})
        carried = [port for port in self.inputs if port.carries and port.name not in feed]
        return {port.name: np.zeros(port.sized(**known), port.dtype) for port in carried}


@dataclass(eq=False)
class Stream:
    """Calls that follow each other, of one caller: state goes from each to the next, from zeros."""

    model: Model
    state: dict[str, numpy.ndarray] = field(default_factory=dict)
    """By input: what the next call takes over."""

    def run(self, feed: Mapping[str, Any] | None = None, /, **named: Any) -> dict[str, numpy.ndarray]:
        """As the model's ``run``."""
        answers = self.model.run({**self.state, **(feed or {}), **named})
        self.state = {port.name: answers[port.carries] for port in self.model.inputs if port.carries}
        return answers

    def reset(self) -> None:
        """Start from zeros again."""
        self.state = {}
