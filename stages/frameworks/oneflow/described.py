"""The contract of a module of OneFlow: what it takes by its signature, what it returns by running it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from stages.contract.match import matched
from stages.contract.port import Contract, Port
from stages.errors import StepError
from stages.frameworks.oneflow import module as oneflow_module
from stages.frameworks.torch import arguments, examples, paths
from stages.frameworks.torch.described import follow, others


def described(where: str, module: Any, declared: Contract, told: Callable[[BaseException], str]) -> Contract:
    """Return the contract of ``module`` under the names of ``declared``; the ``file`` of a port is its path in forward.

    The module is run on made-up inputs at several sizes: an axis of an output that follows one dimension of the inputs
    has its name. ``told`` gives an error of the module's Python in words. Raises StepError where the recipe names what
    forward has not, or the module refuses the inputs.
    """
    taken = arguments.of_signature(module.forward)
    if not declared.inputs:
        raise StepError(
            f'{where}: takes {arguments.listed(taken)}; of what shape and type, its code does not say\n'
            'write it: inputs: {name: {shape: […], dtype: …}}'
        )
    places = arguments.bound(where, taken, [port.in_file for port in declared.inputs])
    bound = tuple(replace(port, file=path) for port, path in zip(declared.inputs, places, strict=True))
    found, shapes = _run(where, module, Contract(bound, sizes=declared.sizes), told)
    wanted = [port.in_file for port in declared.outputs]
    names = paths.called(wanted, [path for path, _ in found], 'output')
    if len(wanted) == len(names) and not set(wanted) & set(names):
        names = wanted  # the recipe's own, by order
    outputs = tuple(
        Port(name, tuple(d or f'{name}_{axis}' for axis, d in enumerate(shape)), str(array.dtype), path)
        for name, (path, array), shape in zip(names, found, shapes, strict=True)
    )
    own = tuple(replace(port, name=port.in_file) for port in bound)
    whole = Contract(own, outputs, precision=_precision(module), sizes=declared.sizes)
    return matched(where, whole, replace(declared, inputs=bound))


def _precision(module: Any) -> str:
    """Return what most numbers of the module are made of."""
    counts = {'f32': 0, 'f16': 0}
    for array in oneflow_module.weights(module).values():
        if array.dtype.kind == 'f':
            counts['f16' if array.dtype.itemsize == 2 else 'f32'] += array.size
    return max(counts, key=lambda kind: counts[kind])


def _run(
    where: str, module: Any, contract: Contract, told: Callable[[BaseException], str]
) -> tuple[list[tuple[str, Any]], list[list[int | str]]]:
    """Return what the module answers, and which axes of it follow which dimension of the inputs."""
    import oneflow

    sizes = examples.sizes(contract)
    inputs = [port.in_file for port in contract.inputs]

    def answered(at: Mapping[str, int], whole: int | None) -> list[tuple[str, Any]]:
        given = [oneflow.tensor(array) for array in examples.arrays(contract, at, 0, whole).values()]
        with oneflow.no_grad():
            return [(path, leaf.numpy()) for path, leaf in oneflow_module.answer(where, module, inputs, given)]

    answer, number, first = [], None, None
    for whole, _ in examples.attempts(contract, False):
        try:
            answer, number = answered(sizes, whole), whole
            break
        except StepError:
            raise
        except Exception as error:  # whatever its Python raises
            first = first or error
    else:
        assert first is not None
        raise StepError(f'{where}: {examples.refused(contract, sizes, told(first)[: examples.WORDS])}') from first
    if not answer:
        raise StepError(f'{where}: forward returns no tensor\nwhat to try: return what it computes')
    shapes: list[list[int | str]] = [list(array.shape) for _, array in answer]
    for dimension, size in sizes.items():
        for other in others(dimension, size):
            try:
                again = answered({**sizes, dimension: other}, number)
            except Exception:  # noqa: S112  # nothing is promised for these sizes
                continue
            if [path for path, _ in again] != [path for path, _ in answer]:
                raise StepError(f'{where}: returns other outputs where {dimension} is {other}, not {size}')
            for axes, (_, before), (_, after) in zip(shapes, answer, again, strict=True):
                follow(axes, before.shape, after.shape, dimension, size, other)
            break
    return answer, shapes
