"""Run a TFLite model in LiteRT."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from stages.contract.port import Contract
from stages.engines import usual
from stages.errors import StepError

if TYPE_CHECKING:
    import numpy

ENGINE = 'litert'
RUNS = ('tflite',)
TOOLS = ('ai-edge-litert', 'numpy')
ENVIRONMENT = ''
CONCURRENT = False  # one interpreter, one set of tensors

FOREIGN, foreign, made, prepare_foreign = usual.FOREIGN, usual.foreign, usual.made, usual.prepare_foreign
line = usual.line
programs = usual.no_programs
kept_to, instructions = usual.kept_to, usual.instructions


@dataclass(frozen=True)
class Options:
    """Options of ``litert``."""

    xnnpack: bool = True
    """Run what XNNPACK can in XNNPACK; without it, TFLite's own kernels, mostly slower, compute everything."""


@dataclass
class LiteRtSession:
    """An interpreter that takes and gives host arrays; tensors of free size are fitted to each feed."""

    make: Callable[[], Any]
    """Gives a new interpreter, its tensors allocated."""

    interpreter: Any
    taken: Mapping[str, int]
    """By our name: the tensor's index."""

    returned: Mapping[str, int]
    zeroed: bool
    """Whether the interpreter keeps tensors that start from zero in each call."""

    renewed: bool
    """Whether the model writes into variables, which only a new interpreter has as they were."""

    sizes: dict[int, tuple[int, ...]]
    """The size that each input has now."""

    used: bool = False

    def run(self, feed: Mapping[str, numpy.ndarray]) -> dict[str, numpy.ndarray]:
        """Run the graph; results are copied out of the interpreter."""
        if self.renewed and self.used:
            self.interpreter = self.make()
            self.sizes = sizes(self.interpreter)
        self._fit(feed)
        if self.zeroed:
            self.interpreter.reset_all_variables()
        for name, index in self.taken.items():
            self.interpreter.set_tensor(index, feed[name])
        self.used = True
        self.interpreter.invoke()
        return {name: _words(self.interpreter.get_tensor(index)) for name, index in self.returned.items()}

    def _fit(self, feed: Mapping[str, numpy.ndarray]) -> None:
        asked = {index: feed[name].shape for name, index in self.taken.items()}
        unlike = {index: shape for index, shape in asked.items() if self.sizes[index] != shape}
        for index, shape in unlike.items():
            self.interpreter.resize_tensor_input(index, shape, strict=True)
        if unlike:
            self.interpreter.allocate_tensors()
            self.sizes.update(unlike)


def sizes(interpreter: Any) -> dict[int, tuple[int, ...]]:
    """Return the size that each input of an interpreter has."""
    return {detail['index']: tuple(int(n) for n in detail['shape']) for detail in interpreter.get_input_details()}


def prepare() -> None:
    """Import LiteRT's interpreter."""
    from ai_edge_litert import interpreter  # noqa: F401


def load(folder: Path, contract: Contract, options: Options, threads: int) -> LiteRtSession:
    """Load ``model.tflite``; its tensors are found by the names of its signature, else by their own."""
    from ai_edge_litert.interpreter import Interpreter, OpResolverType

    from stages.frameworks.tflite import ports

    path = folder / 'model.tflite'
    resolver = OpResolverType.AUTO if options.xnnpack else OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES

    def make() -> Any:
        made = Interpreter(model_path=str(path), num_threads=threads, experimental_op_resolver_type=resolver)
        made.allocate_tensors()
        return made

    interpreter = make()
    given, returned = ports.names(path)
    inputs = dict(zip(given, (d['index'] for d in interpreter.get_input_details()), strict=True))
    outputs = dict(zip(returned, (d['index'] for d in interpreter.get_output_details()), strict=True))
    kept = ports.state(path) if contract.state else ports.State((), ())
    return LiteRtSession(
        make,
        interpreter,
        {port.name: _found(inputs, port.in_file, 'input') for port in contract.inputs},
        {port.name: _found(outputs, port.in_file, 'output') for port in contract.outputs},
        bool(kept.tensors),
        bool(kept.variables),
        sizes(interpreter),
    )


def _found(indices: Mapping[str, int], name: str, what: str) -> int:
    if name not in indices:
        raise StepError(f'model.tflite: has no {what} {name!r}; it has {", ".join(indices)}')
    return indices[name]


def _words(array: numpy.ndarray) -> numpy.ndarray:
    """Return strings as strings: LiteRT gives them as bytes."""
    import numpy as np

    return np.char.decode(array.astype(np.bytes_), 'utf-8') if array.dtype.kind in 'OS' else array
