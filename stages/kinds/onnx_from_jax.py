"""Convert a model of JAX to ONNX, with jax2onnx."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from stages.kinds import usual

if TYPE_CHECKING:
    from stages.contract.job import Job
    from stages.contract.port import Contract

KIND = 'onnx'
ACCEPTS = ('jax',)
GIVES = 'onnx'
TOOLS = ('jax2onnx', 'jax', 'jaxlib', 'flax', 'equinox', 'onnx', 'onnx-ir', 'numpy', 'safetensors')
ENVIRONMENT = 'jax'
PROGRAMS = ()
DETERMINISTIC = True


@dataclass(frozen=True)
class Params:
    """Options of ``onnx``, from JAX."""

    opset: int = 20
    """Version of the operator set."""

    shape: Literal['dynamic', 'static'] = 'dynamic'
    """dynamic keeps the recipe's named dimensions; static fixes them: the recipe's ``sizes``, else 1."""

    lowering: Literal['auto', 'layers', 'primitives'] = 'auto'
    """layers: jax2onnx's own forms of jax.nn and Flax, few and large operators; primitives: what JAX traced alone;
    auto takes primitives where layers are refused, or random numbers are drawn."""


needs = usual.no_data
precision = usual.same_precision
host = usual.any_cpu


def outputs(params: Params) -> tuple[str, ...]:
    """Promise one file, weights inside."""
    return ('model.onnx',)


def run(params: Params, job: Job) -> Contract:
    """Write ``model.onnx`` with the recipe's names, its weights inside."""
    from stages.frameworks.jax import calls, described, pools
    from stages.frameworks.jax import model as jax_model
    from stages.frameworks.jax.lowered import lowered
    from stages.frameworks.onnx import ports
    from stages.frameworks.onnx.names import name_dimensions, name_ports
    from stages.frameworks.onnx.write import write_stripped
    from stages.frameworks.refusal import refusal

    contract = job.contract.fixed() if params.shape == 'static' else job.contract
    model = jax_model.load(job.inputs['model'])
    call, weights = calls.calling(model, contract), model.weights
    dims = described.symbols(contract.inputs)
    job.progress(0.2, 'jax2onnx')
    made = lowered(
        lambda *given: call(weights, *given), described.specs(contract.inputs, dims), params.opset, params.lowering
    )
    pools.with_channels_first(made)
    name_ports(made, [port.name for port in contract.inputs], [port.name for port in contract.outputs])
    name_dimensions(made, contract.inputs)
    with refusal('jax2onnx', 'onnx: {lowering: primitives}, or another opset'):
        write_stripped(made, job.output / 'model.onnx')
    return ports.made(made, contract)
