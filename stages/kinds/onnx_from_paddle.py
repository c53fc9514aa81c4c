"""Convert a PaddlePaddle model to ONNX."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from stages.kinds import usual

if TYPE_CHECKING:
    from stages.contract.job import Job
    from stages.contract.port import Contract

KIND = 'onnx'
ACCEPTS = ('paddle',)
GIVES = 'onnx'
TOOLS = ('paddle2onnx', 'paddlepaddle', 'onnx', 'onnxoptimizer', 'numpy')
ENVIRONMENT = 'paddle2onnx'
PROGRAMS = ()
DETERMINISTIC = True

TIDY = ['extract_constant_to_initializer', 'eliminate_unused_initializer']
NESTED = {'If', 'Loop', 'Scan'}


@dataclass(frozen=True)
class Params:
    """Options of ``onnx``, from paddle."""

    opset: int = 17
    """Version of the operator set."""

    shape: Literal['dynamic', 'static'] = 'dynamic'
    """dynamic keeps the recipe's named dimensions; static fixes them: one sample, the recipe's ``sizes``, else 1."""


needs = usual.no_data
precision = usual.same_precision
host = usual.any_cpu


def outputs(params: Params) -> tuple[str, ...]:
    """Promise one file, weights inside."""
    return ('model.onnx',)


def run(params: Params, job: Job) -> Contract:
    """Write ``model.onnx`` with the recipe's names and shapes."""
    import onnx
    import onnxoptimizer

    from stages.frameworks.onnx import ports
    from stages.frameworks.onnx.edit import join_scalars
    from stages.frameworks.onnx.operators import operators
    from stages.frameworks.onnx.write import write_stripped
    from stages.frameworks.paddle.declared import declare
    from stages.frameworks.refusal import refusal

    contract = job.contract.fixed() if params.shape == 'static' else job.contract
    advice = 'another opset, or openvino straight from a .pdmodel'
    path = job.output / 'model.onnx'
    with refusal('paddle2onnx', advice):
        _convert(job.inputs['model'], path, params.opset)
    model = onnx.load(path)
    # an Identity in a loop's body may be all that the body is
    unnested = not operators(model) & NESTED
    with refusal('onnxoptimizer', advice):
        model = onnxoptimizer.optimize(model, [*TIDY, *(['eliminate_identity'] if unnested else [])])
    join_scalars(model)
    declare(model, contract)
    with refusal('paddle2onnx', advice):  # what it wrote wrong, the checker finds
        write_stripped(model, path)
    return ports.made(model, job.contract)


def _convert(source: Path, path: Path, opset: int) -> None:
    """Run the tool in a process of its own: what it cannot convert makes it abort, its words still unprinted."""
    graph = 'model.json' if (source / 'model.json').exists() else 'model.pdmodel'
    command = [
        sys.executable, '-I', '-m', 'paddle2onnx.command', '--model_dir', str(source), '--model_filename', graph,
        '--params_filename', 'model.pdiparams', '--save_file', str(path), '--opset_version', str(opset),
        # its default, folding by polygraphy, installs packages from the network when it misses them
        '--optimize_tool', 'None',
    ]  # fmt: skip
    done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, errors='replace')
    said = done.stdout + done.stderr
    print(said)
    if done.returncode or not path.exists():
        wrong = [line for line in said.splitlines() if '[ERROR]' in line or 'Hint' in line or 'not support' in line]
        raise RuntimeError('\n'.join(wrong) or said[-2000:] or f'ended with exit code {done.returncode}')
