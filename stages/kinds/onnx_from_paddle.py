"""Convert a PaddlePaddle model to ONNX."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from stages.errors import UnsupportedError
from stages.kinds import usual

if TYPE_CHECKING:
    from stages.contract.kind import Job

KIND = 'onnx'
ACCEPTS = ('paddle',)
GIVES = 'onnx'
TOOLS = ('paddle2onnx', 'paddlepaddle', 'onnx', 'onnxoptimizer', 'numpy')
ENVIRONMENT = 'paddle2onnx'

TIDY = ['extract_constant_to_initializer', 'eliminate_unused_initializer']
NESTED = {'If', 'Loop', 'Scan'}


@dataclass(frozen=True)
class Params:
    """Options of ``onnx``, from paddle."""

    opset: int = 17
    """Version of the operator set."""

    shape: Literal['dynamic', 'static'] = 'dynamic'
    """dynamic keeps the recipe's named dimensions; static makes each of them 1."""


needs = usual.no_data
precision = usual.same_precision
host = usual.any_cpu


def outputs(params: Params) -> tuple[str, ...]:
    """Promise one file, weights inside."""
    return ('model.onnx',)


def run(params: Params, job: Job) -> None:
    """Write ``model.onnx`` with the recipe's names and shapes."""
    import onnx
    import onnxoptimizer

    from stages.frameworks.onnx.edit import join_scalars
    from stages.frameworks.onnx.operators import operators
    from stages.frameworks.onnx.write import write_stripped
    from stages.frameworks.refusal import refusal

    path = job.output / 'model.onnx'
    advice = 'another opset, or openvino straight from a .pdmodel'
    with refusal('paddle2onnx', advice):
        _convert(job.inputs['model'], path, params.opset)
    model = onnx.load(path)
    # an Identity in a loop's body may be all that the body is
    unnested = not operators(model) & NESTED
    with refusal('onnxoptimizer', advice):
        model = onnxoptimizer.optimize(model, [*TIDY, *(['eliminate_identity'] if unnested else [])])
    join_scalars(model)
    _declare(model, job, params.shape == 'static')
    with refusal('paddle2onnx', advice):
        write_stripped(model, path)


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


def _declare(model: Any, job: Job, static: bool) -> None:
    """Give inputs and outputs the names, and inputs the sizes, that the recipe declares."""
    from stages.frameworks.onnx.names import name_ports
    from stages.frameworks.paddle import inputs as paddle_inputs
    from stages.frameworks.torch import examples

    found = {value.name: value for value in model.graph.input}
    names = dict(zip(paddle_inputs.matched(list(found), job.signature), (t.name for t in job.signature), strict=True))
    for old, tensor in zip(names, job.signature, strict=True):
        for size, dim in zip(tensor.shape, found[old].type.tensor_type.shape.dim, strict=True):
            if dim.dim_value and dim.dim_value != (1 if static and isinstance(size, str) else size):
                msg = f'{tensor.name}: the model takes {dim.dim_value} where the recipe says {size}'
                raise UnsupportedError(msg)
            if isinstance(size, str) and not static:
                dim.dim_param = size
            else:
                dim.dim_value = 1 if isinstance(size, str) else size
    model.graph.input.sort(key=lambda value: list(names).index(value.name))
    returned = examples.output_names(job.outputs, len(model.graph.output))
    for value, name in zip(model.graph.output, returned, strict=True):
        for axis, dim in enumerate(value.type.tensor_type.shape.dim):
            if not dim.dim_value:
                dim.dim_param = f'{name}_{axis}'
    name_ports(model, list(names.values()), returned)
