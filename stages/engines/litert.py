"""Run a TFLite model in LiteRT."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from stages.contract.port import Tensor
from stages.engines import usual

if TYPE_CHECKING:
    import numpy

ENGINE = 'litert'
RUNS = ('tflite',)
TOOLS = ('ai-edge-litert', 'numpy')

FOREIGN, foreign, made, prepare_foreign = usual.FOREIGN, usual.foreign, usual.made, usual.prepare_foreign


@dataclass(frozen=True)
class Options:
    """Options of ``litert``."""

    xnnpack: bool = True
    """Run what XNNPACK can in XNNPACK; without it, TFLite's own kernels, mostly slower, compute everything."""


@dataclass(frozen=True)
class LiteRtSession:
    """An interpreter that takes and gives host arrays; tensors of free size are fitted to each feed."""

    interpreter: Any
    inputs: tuple[Tensor, ...]
    outputs: tuple[str, ...]
    places: tuple[int, ...]
    results: tuple[int, ...]
    sizes: dict[int, tuple[int, ...]]
    """The size that each input has now."""

    def run(self, feed: Mapping[str, numpy.ndarray]) -> tuple[numpy.ndarray, ...]:
        """Run the graph; results are copied out of the interpreter."""
        arrays = [feed[tensor.name].astype(tensor.dtype, copy=False) for tensor in self.inputs]
        fresh = False
        for index, array in zip(self.places, arrays, strict=True):
            if self.sizes[index] != array.shape:
                self.interpreter.resize_tensor_input(index, array.shape, strict=True)
                fresh = True
        if fresh:
            self.interpreter.allocate_tensors()
            self.sizes.update(zip(self.places, (a.shape for a in arrays), strict=True))
        for index, array in zip(self.places, arrays, strict=True):
            self.interpreter.set_tensor(index, array)
        self.interpreter.invoke()
        return tuple(self.interpreter.get_tensor(index) for index in self.results)


def prepare() -> None:
    """Import LiteRT's interpreter."""
    from ai_edge_litert import interpreter  # noqa: F401


def load(folder: Path, signature: tuple[Tensor, ...], options: Options, threads: int) -> LiteRtSession:
    """Load ``model.tflite``; its inputs are found by name where it has the recipe's names, else by place."""
    from ai_edge_litert.interpreter import Interpreter, OpResolverType

    from stages.contract import ports
    from stages.frameworks.tflite import file as tflite_file

    resolver = OpResolverType.AUTO if options.xnnpack else OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES
    interpreter = Interpreter(
        model_path=str(folder / 'model.tflite'), num_threads=threads, experimental_op_resolver_type=resolver
    )
    interpreter.allocate_tensors()
    found, outputs = tflite_file.ports(interpreter)
    details = interpreter.get_input_details()
    order = ports.order(found, signature) if signature else range(len(found))
    places = tuple(details[at]['index'] for at in order)
    sizes = {d['index']: tuple(int(n) for n in d['shape']) for d in details}
    results = tuple(d['index'] for d in interpreter.get_output_details())
    return LiteRtSession(interpreter, ports.merged(found, signature), outputs, places, results, sizes)
