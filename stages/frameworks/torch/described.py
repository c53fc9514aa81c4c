"""The contract of a module, read by running it: its Python names its arguments, and says nothing of what it returns."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from stages.contract.match import matched
from stages.contract.port import BATCH, Contract, Port
from stages.errors import StepError
from stages.frameworks.torch import arguments, calling, examples, inner, paths

if TYPE_CHECKING:
    import torch

Answer = list[tuple[str, 'torch.Tensor']]
"""What one call returned, by path."""


def described(where: str, module: Any, declared: Contract) -> Contract:
    """Return the contract of ``module`` under the names of ``declared``; the ``file`` of a port is its path in forward.

    The module is run on made-up inputs at several sizes: an axis of an output that follows one dimension of the inputs
    has its name. Raises StepError where the recipe names what forward has not, or the module refuses the inputs.
    """
    taken = arguments.arguments(module)
    if not declared.inputs:
        raise StepError(
            f'{where}: takes {arguments.listed(taken)}; of what shape and type, its code does not say\n'
            'write it: inputs: {name: {shape: […], dtype: …}}'
        )
    places = arguments.bound(where, taken, [port.in_file for port in declared.inputs])
    inputs = tuple(replace(port, file=path) for port, path in zip(declared.inputs, places, strict=True))
    found = Contract(inputs, precision=precision(module), sizes=declared.sizes)
    runs = _Runs(where, module, found)
    answer, state = runs.first()
    shapes = _shapes(runs, answer)
    wanted = [port.in_file for port in declared.outputs]
    names = paths.called(wanted, [path for path, _ in answer], 'output')
    if len(wanted) == len(names) and not set(wanted) & set(names):
        names = wanted  # the recipe's own, by order
    outputs = tuple(
        Port(name, tuple(d or f'{name}_{axis}' for axis, d in enumerate(shape)), dtype_of(tensor), path)
        for name, (path, tensor), shape in zip(names, answer, shapes, strict=True)
    )
    own = replace(found, inputs=tuple(replace(port, name=port.in_file) for port in inputs), outputs=outputs)
    return matched(where, replace(own, state=tuple(state)), replace(declared, inputs=inputs))


def precision(module: Any) -> str:
    """Return what the numbers of ``module`` are made of: int8 where a part is quantized, else most weights' type."""
    import torch

    if any(getattr(m, '__module__', '').startswith('torch.ao.nn.quantized') for m in module.modules()):
        return 'int8'
    if isinstance(module, torch.jit.ScriptModule) and 'quantized::' in str(module.inlined_graph):
        return 'int8'
    return most((*module.parameters(), *module.buffers()))


def most(tensors: Sequence[Any]) -> str:
    """Return the precision that most numbers in floating ``tensors`` have."""
    import torch

    counts = {'f32': 0}
    for tensor in tensors:
        if isinstance(tensor, torch.Tensor) and tensor.is_floating_point():
            kind = {torch.float16: 'f16', torch.bfloat16: 'bf16'}.get(tensor.dtype, 'f32')
            counts[kind] = counts.get(kind, 0) + tensor.numel()
    return max(counts, key=lambda kind: counts[kind])


def dtype_of(tensor: Any) -> str:
    """Return the type of ``tensor`` as an engine gives it, by NumPy's word."""
    return str(calling.plain(tensor[..., :0] if tensor.dim() else tensor).dtype).removeprefix('torch.')


class _Runs:
    """Calls of one module on made-up inputs, each from the state that it had at first."""

    def __init__(self, where: str, module: Any, contract: Contract) -> None:
        self.where, self.module, self.contract = where, module, contract
        self.taken = arguments.arguments(module)
        self.start = inner.snapshot(module)
        self.sizes = examples.sizes(contract)
        self.cast = False
        self.whole: int | None = None

    def first(self) -> tuple[Answer, list[str]]:
        """Return the answer to the first inputs that the module takes, and the names of its state."""
        answer = self._tried(self.sizes)
        if not answer:
            raise StepError(f'{self.where}: forward returns no tensor\nwhat to try: return what it computes')
        changed = inner.changed(self.start, self.module)
        if not changed:
            return answer, []
        after = inner.snapshot(self.module)
        used = self.run(self.sizes, seed=1, fresh=False)
        moved = set(inner.changed(after, self.module))
        changed = sorted({*changed, *inner.changed(self.start, self.module)})
        again = self.run(self.sizes, seed=1)
        if inner.same([t for _, t in used], [t for _, t in again]):
            # what is set once, by whatever input, and changes no answer, is a table or a weight that is computed
            changed = [name for name in changed if name in moved]
        inner.restore(self.module, self.start, changed)
        return answer, changed

    def run(self, sizes: Mapping[str, int], seed: int = 0, fresh: bool = True) -> Answer:
        """Return what the module answers at these sizes; raises whatever it raises."""
        import torch

        if fresh:
            inner.restore(self.module, self.start, inner.changed(self.start, self.module))
        feed = examples.arrays(self.contract, sizes, seed, self.whole)
        given = {
            port.in_file: tensor
            for port, tensor in zip(self.contract.inputs, examples.as_tensors(feed, self.cast), strict=True)
        }
        with torch.no_grad():
            result = arguments.called(self.module, self.taken, given)
        return [(path, tensor.clone()) for path, tensor in paths.leaves(result, self.where)]

    def shapes(self, sizes: Mapping[str, int], answer: Answer, seed: int = 0) -> list[Sequence[int]] | None:
        """Return the shapes of the outputs at other sizes; None where the module refuses these."""
        try:
            other = self.run(sizes, seed)
        except StepError:
            raise
        except Exception:  # whatever its Python raises: nothing is promised for these sizes
            return None
        if [path for path, _ in other] != [path for path, _ in answer]:
            before, after = (
                ', '.join('a tensor' if path == paths.WHOLE else path for path, _ in one) for one in (answer, other)
            )
            raise StepError(
                f'{self.where}: forward returns {before} for the sizes {_said(self.sizes)}, and {after} for '
                f'{_said(sizes)}\nwhat to try: return the same outputs every time'
            )
        return [tuple(tensor.shape) for _, tensor in other]

    def _tried(self, sizes: Mapping[str, int]) -> Answer:
        """Return the first answer: whole numbers 0 and 1, or all 1 (lengths); bfloat16 for a module of it."""
        first: Exception | None = None
        for whole, cast in examples.attempts(self.contract, self.contract.precision == 'bf16'):
            self.whole, self.cast = whole, cast
            try:
                return self.run(sizes)
            except StepError:
                raise
            except Exception as error:  # whatever its Python raises
                first = first or error
        self.whole, self.cast = None, False
        said = f'{type(first).__name__}: {str(first)[: examples.WORDS]}'
        message = f'{self.where}: {examples.refused(self.contract, sizes, said)}'
        if self._takes_one(sizes):
            message = message.partition('\nwhat to try')[0] + (
                '\nit takes one sample at a time: write 1 in place of `batch` in the shapes of its inputs'
            )
        raise StepError(message) from first

    def _takes_one(self, sizes: Mapping[str, int]) -> bool:
        if BATCH not in sizes:
            return False
        try:
            self.run({**sizes, BATCH: 1})
        except Exception:  # it is not that
            return False
        return True


def _shapes(runs: _Runs, answer: Answer) -> list[list[int | str]]:
    """Return the shape of each output: a number, the name of the dimension an axis follows, or '' where it varies."""
    base = [tuple(tensor.shape) for _, tensor in answer]
    found: list[list[int | str]] = [list(shape) for shape in base]
    for dimension, size in runs.sizes.items():
        for other in others(dimension, size):
            shapes = runs.shapes({**runs.sizes, dimension: other}, answer)
            if shapes is None:
                continue
            for axes, before, after in zip(found, base, shapes, strict=True):
                follow(axes, before, after, dimension, size, other)
            break
    # an axis that the values change, not the sizes: a count of what was found
    for axes, before, after in zip(found, base, runs.shapes(runs.sizes, answer, seed=1) or base, strict=True):
        follow(axes, before, after, '', 0, 0)
    return found


def others(dimension: str, size: int) -> tuple[int, ...]:
    """Return other sizes of a dimension to try, until the model takes one."""
    return (size + 1, 1) if dimension == BATCH else (size + size // 2, 2 * size, size // 2 or 1, size + 1)


def follow(
    axes: list[int | str], before: Sequence[int], after: Sequence[int], name: str, size: int, other: int
) -> None:
    """Note in ``axes`` which of them went with the dimension ``name`` from ``size`` to ``other``."""
    if len(before) != len(after):
        axes[:] = [''] * len(before)
        return
    for axis, (one, two) in enumerate(zip(before, after, strict=True)):
        if one != two:
            follows = (one, two) == (size, other) and isinstance(axes[axis], int)
            axes[axis] = name if follows else ''


def _said(sizes: Mapping[str, int]) -> str:
    return ', '.join(f'{name} {size}' for name, size in sizes.items()) or 'of the recipe'
