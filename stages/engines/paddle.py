"""Run a PaddlePaddle inference model on the CPU."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from stages.contract.port import Contract
from stages.engines import onednn, usual
from stages.errors import StepError

if TYPE_CHECKING:
    import numpy

ENGINE = 'paddle'
RUNS = ('paddle',)
TOOLS = ('paddlepaddle', 'numpy')
ENVIRONMENT = ''
CONCURRENT = False  # one predictor, one set of places

FOREIGN, foreign, made, prepare_foreign = usual.FOREIGN, usual.foreign, usual.made, usual.prepare_foreign
line = usual.line
programs = usual.no_programs


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
    feeds: Mapping[str, Any]
    """By our name of each input: where its array goes."""

    fetches: Mapping[str, Any]

    def run(self, feed: Mapping[str, numpy.ndarray]) -> dict[str, numpy.ndarray]:
        """Run the model; arrays are copied in and out, so what it returns is owned by the caller."""
        import numpy as np

        for name, place in self.feeds.items():
            place.copy_from_cpu(np.ascontiguousarray(feed[name]))
        self.predictor.run()
        return {name: place.copy_to_cpu() for name, place in self.fetches.items()}


def prepare() -> None:
    """Import Paddle."""
    import paddle.inference  # noqa: F401


def kept_to(isa: str, folder: Path, contract: Contract) -> Mapping[str, str] | None:
    """Keep oneDNN and MKL to an instruction set; the package's own code needs AVX2 whatever they do."""
    return None if isa == 'sse42' else onednn.VARIABLES[isa]


def instructions(session: PaddleSession, folder: Path, said: str) -> str:
    """Return the strongest set that oneDNN and MKL say they use."""
    return onednn.told(said)


def load(folder: Path, contract: Contract, options: Options, threads: int) -> PaddleSession:
    """Load ``model.json`` or ``model.pdmodel``, whichever is there, with its weights."""
    from paddle import inference

    from stages.frameworks.paddle import ports

    graph = ports.graph_file(folder)
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
    feeds = {port.name: predictor.get_input_handle(port.in_file) for port in contract.inputs}
    fetches = {port.name: predictor.get_output_handle(port.in_file) for port in contract.outputs}
    return PaddleSession(predictor, feeds, fetches)
