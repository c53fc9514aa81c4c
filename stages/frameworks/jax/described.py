"""The contract of a model of JAX: what it takes by its signature, what it returns by tracing it, computing nothing."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from stages.contract.match import matched
from stages.contract.port import Contract, Port, listed
from stages.errors import StepError
from stages.frameworks.jax.calls import answering
from stages.frameworks.jax.model import Model
from stages.frameworks.torch import arguments, examples, paths
from stages.frameworks.torch.described import follow, others

Shapes = list[list[int | str]]


def described(where: str, model: Model, declared: Contract, told: Callable[[BaseException], str]) -> Contract:
    """Return the contract of ``model`` under the names of ``declared``; the ``file`` of a port is its path in the call.

    Named dimensions are traced as such, so an axis of an output that is one of them has its name; a model that looks
    at sizes is traced at several. ``told`` gives an error of the model's Python in words. Raises StepError where the
    recipe names what the model does not take, or the model refuses the inputs.
    """
    if not declared.inputs:
        raise StepError(
            f'{where}: takes {arguments.listed(model.taken)}; of what shape and type, its code does not say\n'
            'write it: inputs: {name: {shape: […], dtype: …}}'
        )
    places = arguments.bound(where, model.taken, [port.in_file for port in declared.inputs])
    bound = tuple(replace(port, file=path) for port, path in zip(declared.inputs, places, strict=True))
    inputs = tuple(replace(port, dtype=dtype_of(port)) for port in bound)
    run = answering(where, model, places)
    found, shapes = _traced(
        where, lambda *given: run(model.weights, *given), Contract(inputs, sizes=declared.sizes), told
    )
    wanted = [port.in_file for port in declared.outputs]
    names = paths.called(wanted, [path for path, _ in found], 'output')
    if len(wanted) == len(names) and not set(wanted) & set(names):
        names = wanted  # the recipe's own, by order
    outputs = tuple(
        Port(name, tuple(d or f'{name}_{axis}' for axis, d in enumerate(shape)), dtype.name, path)
        for name, (path, dtype), shape in zip(names, found, shapes, strict=True)
    )
    own = tuple(replace(port, name=port.in_file) for port in inputs)
    whole = Contract(own, outputs, precision=precision(model), sizes=declared.sizes)
    return matched(where, whole, replace(declared, inputs=bound))


def dtype_of(port: Port) -> str:
    """Return the type that an input has once it is JAX's: 64 bits only where the model's Python has enabled them."""
    import jax
    import numpy as np

    if port.dtype == 'str':
        raise StepError(f'{port.name}: JAX has no text; expected a type of numbers')
    return str(jax.dtypes.canonicalize_dtype(np.dtype(port.dtype)).name)


def specs(inputs: tuple[Port, ...], dims: Mapping[str, Any]) -> list[Any]:
    """Return the shape and type of every input, a named dimension being what ``dims`` says."""
    import jax

    return [
        jax.ShapeDtypeStruct(tuple(dims[d] if isinstance(d, str) else d for d in port.shape), dtype_of(port))
        for port in inputs
    ]


def symbols(inputs: tuple[Port, ...]) -> dict[str, Any]:
    """Return a symbol of JAX for each named dimension; the recipe's names may hold what its syntax does not know."""
    import jax

    named = list(dict.fromkeys(d for port in inputs for d in port.shape if isinstance(d, str)))
    made = jax.export.symbolic_shape(', '.join(f'd{place}' for place in range(len(named)))) if named else ()
    return dict(zip(named, made, strict=True))


def precision(model: Model) -> str:
    """Return what most numbers of the model are made of."""
    counts = {'f32': 0}
    for array in model.weights.values():
        kind = {'float16': 'f16', 'bfloat16': 'bf16'}.get(array.dtype.name, 'f32')
        if array.dtype.name.startswith(('float', 'bfloat')):
            counts[kind] = counts.get(kind, 0) + array.size
    return max(counts, key=lambda kind: counts[kind])


def _traced(
    where: str, run: Callable[..., Any], contract: Contract, told: Callable[[BaseException], str]
) -> tuple[list[tuple[str, Any]], Shapes]:
    """Return the path and the type of each output, and the shapes: '' is a dimension that no input has."""
    import jax

    dims = symbols(contract.inputs)
    try:
        answer = _shaped(run, specs(contract.inputs, dims))
    except StepError:
        raise
    except Exception:  # it looks at a size, or it refuses the inputs: numbers show which
        answer, shapes = _probed(where, run, contract, told)
    else:
        names = {str(symbol): name for name, symbol in dims.items()}
        shapes = [[d if isinstance(d, int) else names.get(str(d), '') for d in leaf.shape] for _, leaf in answer]
    if not answer:
        raise StepError(f'{where}: returns no array\nwhat to try: return what it computes')
    return [(path, jax.numpy.dtype(leaf.dtype)) for path, leaf in answer], shapes


def _shaped(run: Callable[..., Any], given: list[Any]) -> Any:
    """Return the answer to arrays of these shapes, as shapes."""
    import jax

    held: list[str] = []

    def leaves(*arrays: Any) -> list[Any]:
        answer = run(*arrays)
        held[:] = [path for path, _ in answer]  # words are nothing that a trace returns
        return [leaf for _, leaf in answer]

    shaped = jax.eval_shape(leaves, *given)
    return list(zip(held, shaped, strict=True))


def _probed(
    where: str, run: Callable[..., Any], contract: Contract, told: Callable[[BaseException], str]
) -> tuple[Any, Shapes]:
    """Return the answer at sizes that are numbers, and which axes follow which of them."""
    sizes = examples.sizes(contract)
    try:
        answer = _shaped(run, specs(contract.inputs, sizes))
    except StepError:
        raise
    except Exception as error:  # whatever its Python raises
        shown = listed([replace(port, shape=port.sized(**sizes)) for port in contract.inputs])
        raise StepError(f'{where}: refuses inputs of {shown}: {told(error)[: examples.WORDS]}') from error
    base = [tuple(leaf.shape) for _, leaf in answer]
    shapes: Shapes = [list(shape) for shape in base]
    for dimension, size in sizes.items():
        for other in others(dimension, size):
            try:
                again = _shaped(run, specs(contract.inputs, {**sizes, dimension: other}))
            except Exception:  # noqa: S112  # nothing is promised for these sizes
                continue
            if [path for path, _ in again] != [path for path, _ in answer]:
                raise StepError(f'{where}: returns other outputs where {dimension} is {other}, not {size}')
            for axes, before, (_, after) in zip(shapes, base, again, strict=True):
                follow(axes, before, tuple(after.shape), dimension, size, other)
            break
    return answer, shapes
