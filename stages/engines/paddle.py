"""Run a PaddlePaddle inference model on the CPU."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from stages.contract.port import Tensor
from stages.engines import usual
from stages.errors import StepError

if TYPE_CHECKING:
    import numpy

ENGINE = 'paddle'
RUNS = ('paddle',)
TOOLS = ('paddlepaddle', 'numpy')

FOREIGN, foreign, made, prepare_foreign = usual.FOREIGN, usual.foreign, usual.made, usual.prepare_foreign


@dataclass(frozen=True)
class Options:
    """Options of ``paddle``."""

    onednn: bool = True
    """Run on oneDNN; Paddle's own operators are two to six times slower."""

    precision: Literal['f32', 'bf16'] = 'f32'
    """What oneDNN computes in; bf16 needs a CPU that has it, moves results, and fails on some .pdmodel graphs."""


@dataclass(frozen=True)
class PaddleSession:
    """A predictor with its places for inputs and outputs, that takes and gives host arrays."""

    predictor: Any
    feeds: tuple[tuple[str, Any], ...]
    """The recipe's name of each input, and where its array goes."""

    fetches: tuple[Any, ...]
    inputs: tuple[Tensor, ...]
    outputs: tuple[str, ...]

    def run(self, feed: Mapping[str, numpy.ndarray]) -> tuple[numpy.ndarray, ...]:
        """Run the model; arrays are copied in and out, so what it returns is owned by the caller."""
        import numpy as np

        for name, place in self.feeds:
            place.copy_from_cpu(np.ascontiguousarray(feed[name]))
        self.predictor.run()
        return tuple(place.copy_to_cpu() for place in self.fetches)


def prepare() -> None:
    """Import Paddle."""
    import paddle.inference  # noqa: F401


def load(folder: Path, signature: tuple[Tensor, ...], options: Options, threads: int) -> PaddleSession:
    """Load ``model.json`` or ``model.pdmodel``, whichever is there, with its weights."""
    from paddle import inference

    from stages.frameworks.paddle import inputs as paddle_inputs

    graph = next((p for p in (folder / 'model.json', folder / 'model.pdmodel') if p.exists()), None)
    if graph is None:
        msg = f'{folder.name}: holds neither model.json nor model.pdmodel'
        raise StepError(msg)
    config = inference.Config(str(graph), str(folder / 'model.pdiparams'))
    config.disable_glog_info()
    config.set_cpu_math_library_num_threads(threads)
    config.switch_ir_optim(True)
    if graph.suffix == '.pdmodel':  # a quarter less memory; for a .json it does nothing, or fails
        config.enable_memory_optim(True)
    if options.onednn:
        config.enable_mkldnn()
        if options.precision == 'bf16':
            config.enable_mkldnn_bfloat16()
    else:
        config.disable_mkldnn()  # on by default since Paddle 3.3
    predictor = inference.create_predictor(config)
    names = paddle_inputs.matched(predictor.get_input_names(), signature)
    feeds = tuple((t.name, predictor.get_input_handle(name)) for t, name in zip(signature, names, strict=True))
    returned = predictor.get_output_names()
    fetches = tuple(predictor.get_output_handle(name) for name in returned)
    # before its first run, a predictor knows neither shapes nor element types
    return PaddleSession(predictor, feeds, fetches, (), tuple(returned))
