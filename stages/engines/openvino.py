"""Run OpenVINO IR on the CPU."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Literal

from stages import cpu
from stages.contract.port import Contract
from stages.engines import onednn, usual
from stages.engines.started import Starter
from stages.errors import StepError

if TYPE_CHECKING:
    import numpy

ENGINE = 'openvino'
RUNS = ('openvino',)
TOOLS = ('openvino', 'numpy')
ENVIRONMENT = ''
CONCURRENT = True

FOREIGN, foreign, made, prepare_foreign = usual.FOREIGN, usual.foreign, usual.made, usual.prepare_foreign
programs = usual.no_programs


@dataclass(frozen=True)
class Options:
    """Options of ``openvino``."""

    precision: Literal['f32', 'bf16', 'f16'] = 'f32'
    """What float operators compute in. OpenVINO alone would take bf16 where the CPU has it, unasked."""

    hint: Literal['latency', 'throughput', 'cumulative_throughput'] = 'latency'
    """latency: one request on all threads; throughput: several streams, for callers with many requests. The cumulative
    one spreads them over several devices; on a CPU alone it is the same."""

    streams: int | None = None
    """Streams that the threads are divided among; absent: as the hint says."""

    requests: int | None = None
    """Requests in flight in `offline` and `server`; absent: as many as OpenVINO finds best for its streams."""

    call: Literal['auto', 'sync', 'async'] = 'auto'
    """How a request is made: auto waits for a single one in the caller's thread and has several in flight in a queue;
    sync and async do both in one way."""

    shape: Literal['dynamic', 'static'] = 'dynamic'
    """static: the model is compiled for the shapes it is fed, and again for others (some are kept): quicker in each,
    and slow at the first call of one. dynamic: dimensions that the file leaves open stay open."""

    def __post_init__(self) -> None:
        for name, value in (('streams', self.streams), ('requests', self.requests)):
            if value is not None and not 1 <= value <= 1024:
                raise ValueError(f'`{name}` is {value}; expected 1 to 1024')


SHAPES: Final = 4
"""Models of fixed shapes that a session keeps: the last ones that it was fed."""


Shapes = tuple[tuple[str, tuple[int, ...]], ...]
"""The shape of each input, in the order of their names."""


@dataclass(frozen=True)
class OvSession:
    """A compiled model that takes and gives host arrays."""

    compiled: Any
    idle: list[Any]
    """Requests that no call uses; each has its own buffers, so that calls do not wait for each other."""

    taken: Mapping[str, int]
    """By name: the place among the model's inputs."""

    returned: Mapping[str, int]
    stateful: bool
    brain: frozenset[str]
    """The inputs and outputs that are bfloat16."""

    options: Options

    def run(self, feed: Mapping[str, numpy.ndarray]) -> dict[str, numpy.ndarray]:
        """Run the model; results are copies, as OpenVINO uses its own buffers again in the next call."""
        try:
            request = self.idle.pop()
        except IndexError:
            request = self.compiled.create_infer_request()
        try:
            return self._run(request, feed)
        finally:
            self.idle.append(request)

    def _run(self, request: Any, feed: Mapping[str, numpy.ndarray]) -> dict[str, numpy.ndarray]:
        if self.stateful:
            request.reset_state()
        if self.options.call == 'async':
            request.start_async(self.asked(feed), share_inputs=True)
            request.wait()
            return self.given(request)
        results = request.infer(self.asked(feed), share_inputs=True).to_tuple()  # which are copies already
        return {
            name: usual.brain_array(results[place].view('uint16')) if name in self.brain else results[place]
            for name, place in self.returned.items()
        }

    def asked(self, feed: Mapping[str, numpy.ndarray]) -> dict[int, Any]:
        """Return a feed as a request takes it."""
        return {
            place: _brain(feed[name]) if name in self.brain else _writeable(feed[name])
            for name, place in self.taken.items()
        }

    def given(self, request: Any) -> dict[str, numpy.ndarray]:
        """Return copies of what a finished request holds."""
        results = {name: request.get_output_tensor(place).data for name, place in self.returned.items()}
        return {
            name: usual.brain_array(array.view('uint16').copy()) if name in self.brain else array.copy()
            for name, array in results.items()
        }

    def starter(self) -> Starter | None:
        """Start calls by OpenVINO's own requests, unless the artifact's options ask for calls that wait."""
        return None if self.options.call == 'sync' else Starter(OvRequests(self))


class OvRequests:
    """Requests of a compiled model, each with buffers of its own: what ``Starter`` asks of an engine."""

    def __init__(self, session: OvSession) -> None:
        self.session = session
        self.count = session.options.requests or session.compiled.get_property('OPTIMAL_NUMBER_OF_INFER_REQUESTS')
        self._made: dict[int, Any] = {}

    def begin(self, place: int, feed: Mapping[str, numpy.ndarray], tell: Callable[[Any], None]) -> None:
        """Start a request. It is fed by our arrays themselves."""
        request = self._made.get(place)
        if request is None:
            request = self._made[place] = self.session.compiled.create_infer_request()
            request.set_callback(_tell, None)
        if self.session.stateful:
            request.reset_state()
        request.start_async(self.session.asked(feed), tell, share_inputs=True)

    def end(self, place: int, told: Any) -> dict[str, numpy.ndarray]:
        """Return copies of what a request holds, after OpenVINO's thread has left it."""
        self._made[place].wait()
        return self.session.given(self._made[place])

    def ended(self, place: int) -> bool:
        """Whether a request is over: OpenVINO calls nothing back of one that failed."""
        try:
            return bool(self._made[place].wait_for(0))
        except RuntimeError:
            return True


def _tell(tell: Callable[[Any], None]) -> None:
    """Say that a request ended: it is called in a thread of OpenVINO with what was given along."""
    tell(None)


@dataclass(frozen=True)
class FixedSession:
    """A model that is compiled for the shapes it is fed."""

    make: Callable[[Shapes], OvSession]
    names: tuple[str, ...]
    """Of the inputs, in order."""

    kept: dict[Shapes, OvSession] = field(default_factory=dict)
    """By the shapes of the inputs; the one that was fed last stands last."""

    def run(self, feed: Mapping[str, numpy.ndarray]) -> dict[str, numpy.ndarray]:
        """Run the model of the feed's shapes."""
        shapes = tuple([(name, feed[name].shape) for name in self.names])
        last = next(reversed(self.kept), None)
        return (self.kept[shapes] if shapes == last else self.of(shapes)).run(feed)

    def of(self, shapes: Shapes) -> OvSession:
        """Return the session for these shapes; it is made where there is none."""
        session = self.kept.pop(shapes, None) or self.make(shapes)
        self.kept[shapes] = session
        for former in list(self.kept)[:-SHAPES]:
            del self.kept[former]
        return session


@dataclass(frozen=True)
class OvLine:
    """A queue of requests, which OpenVINO's own threads work on."""

    queue: Any
    session: OvSession

    @property
    def requests(self) -> int:
        """Return how many requests the queue has."""
        return len(self.queue)

    def submit(self, feed: Mapping[str, numpy.ndarray], done: Callable[[dict[str, numpy.ndarray]], None]) -> None:
        """Start a request as soon as one is free."""
        self.queue.start_async(self.session.asked(feed), done, share_inputs=True)

    def drain(self) -> None:
        """Wait until all are free."""
        self.queue.wait_all()


def line(session: OvSession | FixedSession) -> OvLine | usual.OneByOne:
    """Return a queue of requests; state is started fresh by the caller of each, so such models run one by one."""
    import openvino as ov

    whole = session if isinstance(session, OvSession) else next(reversed(session.kept.values()))
    if whole.stateful or whole.options.call == 'sync':
        return usual.OneByOne(session)
    queue = ov.AsyncInferQueue(whole.compiled, whole.options.requests or 0)
    queue.set_callback(lambda request, done: done(whole.given(request)))
    _ALIVE.append(queue)
    return OvLine(queue, whole)


_ALIVE: Final[list[Any]] = []
"""Queues are never ended: one whose last request a thread of OpenVINO is still putting away ends the process with it
(it would join itself: "Resource deadlock avoided")."""


def prepare() -> None:
    """Import OpenVINO."""
    import openvino  # noqa: F401


def load(folder: Path, contract: Contract, options: Options, threads: int) -> OvSession | FixedSession:
    """Compile ``model.xml`` for the CPU with exactly the precision, hint and streams that are asked for."""
    if options.shape == 'dynamic':
        return _session(folder, contract, options, threads, None)
    names = tuple(sorted(port.name for port in contract.inputs))
    session = FixedSession(lambda shapes: _session(folder, contract, options, threads, dict(shapes)), names)
    session.of(tuple((name, contract.input(name).sized(**contract.sizes)) for name in names))
    return session


def kept_to(isa: str, folder: Path, contract: Contract) -> Mapping[str, str]:
    """Keep OpenVINO's oneDNN, and its own kernels, which ask it, to an instruction set."""
    return {name: value for name, value in onednn.VARIABLES[isa].items() if name.startswith('ONEDNN')}


def instructions(session: OvSession | FixedSession, folder: Path, said: str) -> str:
    """Return the strongest set that the kernels of the compiled model are for: their names tell it."""
    whole = session if isinstance(session, OvSession) else next(reversed(session.kept.values()))
    kernels = [
        node.get_rt_info()['primitiveType'].astype(str) for node in whole.compiled.get_runtime_model().get_ordered_ops()
    ]
    marks = {'amx': 'amx', 'avx512': 'avx512', 'avx2': 'avx2', 'avx': 'avx2', 'sse': 'sse42', 'gemm': 'sse42'}
    marks['ref'] = 'sse42'
    return cpu.strongest(next((isa for mark, isa in marks.items() if mark in kernel), '') for kernel in kernels)


def _session(
    folder: Path, contract: Contract, options: Options, threads: int, shapes: Mapping[str, tuple[int, ...]] | None
) -> OvSession:
    """Return a session of the model as its file is, or of its inputs in these shapes."""
    import openvino as ov

    from stages.frameworks.openvino import ports
    from stages.frameworks.refusal import refusal

    taken, returned = [port.in_file for port in contract.inputs], [port.in_file for port in contract.outputs]
    core = ov.Core()
    with refusal('OpenVINO', 'another engine for this model: onnxruntime, tvm'):
        model = core.read_model(folder / 'model.xml')
        if shapes is not None:
            places = ports.places(model.inputs, taken, 'input')
            model.reshape(
                {
                    model.inputs[place]: ov.PartialShape(list(shapes[port.name]))
                    for port, place in zip(contract.inputs, places, strict=True)
                }
            )
        compiled = core.compile_model(model, 'CPU', _config(options, threads))
    _held(compiled, options, threads)
    at, back = ports.places(compiled.inputs, taken, 'input'), ports.places(compiled.outputs, returned, 'output')
    request = compiled.create_infer_request()
    return OvSession(
        compiled,
        [request],
        {port.name: place for port, place in zip(contract.inputs, at, strict=True)},
        {port.name: place for port, place in zip(contract.outputs, back, strict=True)},
        stateful=bool(request.query_state()),
        brain=frozenset(p.name for p in (*contract.inputs, *contract.outputs) if p.dtype == usual.BRAIN),
        options=options,
    )


def _config(options: Options, threads: int) -> dict[str, Any]:
    config: dict[str, Any] = {
        'INFERENCE_PRECISION_HINT': options.precision,
        'INFERENCE_NUM_THREADS': threads,
        'PERFORMANCE_HINT': options.hint.upper(),
    }
    return config | ({'NUM_STREAMS': str(options.streams)} if options.streams else {})


def _held(compiled: Any, options: Options, threads: int) -> None:
    """Refuse what OpenVINO took otherwise than asked: it falls back in silence where the CPU lacks a precision."""
    precision = compiled.get_property('INFERENCE_PRECISION_HINT').get_type_name()
    if precision != options.precision:
        asked = options.precision
        raise StepError(f'OpenVINO computes in {precision} where {asked} is asked for: this CPU has no {asked}')
    hint = str(compiled.get_property('PERFORMANCE_HINT')).rpartition('.')[2].lower()
    streams = compiled.get_property('NUM_STREAMS')
    if hint != options.hint or (options.streams and streams != options.streams):
        words = f'hint {options.hint}, {options.streams or "any number of"} streams on {threads} threads'
        raise StepError(f'OpenVINO took hint {hint} and {streams} streams; asked for: {words}')


def _brain(array: numpy.ndarray) -> Any:
    """Return a tensor of bfloat16, whose memory OpenVINO shows as that of float16."""
    import openvino as ov

    bits = usual.brain_bits(array)
    tensor = ov.Tensor(ov.Type.bf16, bits.shape)
    tensor.data.view('uint16')[...] = bits
    return tensor


def _writeable(array: numpy.ndarray) -> numpy.ndarray:
    """Return ``array``, or a copy where it is read-only: OpenVINO copies such arrays too, but fails at scalars."""
    return array if array.flags.writeable else array.copy()
