"""What a recipe says of a model's ports, held against what the model itself says.

Names decide: where the recipe uses the file's own names, in whatever order, each means what the file means by it. A
recipe may use names of its own for all ports at once; these go by the file's order. Between the two, a single new name
is taken where all others stand in the file's order, which leaves it one meaning; anything else is refused.
"""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence
from dataclasses import replace

from stages.contract.port import ANY, BATCH, Contract, Port, listed
from stages.errors import StepError

BATCHES = {'batch', 'batch_size', 'batchsize', 'N'}
"""What files call the dimension that counts samples. Any other name, or none, leaves open what it is."""


def matched(where: str, found: Contract, declared: Contract, *, ordered: bool = True) -> Contract:
    """Return the contract of the file ``where`` under the recipe's names and in the recipe's order.

    ``found`` are the file's ports under the file's names, in the file's order (``ordered`` is false for a format that
    keeps none). Sizes and dtypes that the file fixes are the file's; names of free dimensions, the batch axis and what
    carries state are the recipe's, which may leave shape (``ANY``) and dtype (empty) to the file, and may name a port's
    name in the file. Sizes that the file has for its free dimensions stand where the recipe gives none. Raises
    StepError, naming both sides, where they contradict each other.
    """
    _check_named(where, 'inputs', found.inputs, declared.inputs)
    inputs = _paired(where, 'inputs', found.inputs, [p.in_file for p in declared.inputs], ordered)
    said = declared.inputs or tuple(_undeclared(port) for port in inputs)
    pairs = [(port, _told(port, asked)) for port, asked in zip(inputs, said, strict=True)]
    if wrong := [words for port, asked in pairs if (words := _misfit(port, asked))]:
        raise StepError(f'{where}: {"; ".join(wrong)}')
    merged = tuple(_merged(port, asked) for port, asked in pairs)
    names = _dimensions(inputs, merged)
    _check_sizes(where, merged, declared.sizes)
    outputs = _paired(where, 'outputs', found.outputs, [p.in_file for p in declared.outputs], ordered)
    wanted = [p.name for p in declared.outputs] or [p.name for p in outputs]
    returned = tuple(
        replace(_named(port, names), name=name, file=port.in_file) for port, name in zip(outputs, wanted, strict=True)
    )
    for port in merged:
        if port.carries and port.carries not in wanted:
            raise StepError(f'{where}: {port.name} carries {port.carries!r}, which is no output: {", ".join(wanted)}')
    own = [(names.get(name, name), size) for name, size in found.sizes.items()]
    sizes = {name: size for name, size in reversed(own) if isinstance(name, str) and name != BATCH}
    return replace(found, inputs=merged, outputs=returned, sizes=sizes | dict(declared.sizes))


def _check_named(where: str, what: str, found: Sequence[Port], declared: Sequence[Port]) -> None:
    """Refuse a name that the recipe says is the file's and that the file has not, be it the only one."""
    known = [port.name for port in found]
    for port in declared:
        if port.file and port.file not in known:
            near = difflib.get_close_matches(port.file, known, 1)
            guess = f'; did you mean {near[0]}?' if near else ''
            words = f'the recipe says that {port.name} is called {port.file} in the file; its {what} are'
            raise StepError(f'{where}: {words} {", ".join(known) or "none"}{guess}')


def _check_sizes(where: str, inputs: Sequence[Port], sizes: Mapping[str, int]) -> None:
    """Refuse sizes of dimensions that no input has: with inputs left to the file only now it is known."""
    known = {name for port in inputs for axis in range(len(port.shape)) if (name := port.name_of(axis))} - {BATCH}
    if unknown := [name for name in sizes if name not in known]:
        has = f'they have {", ".join(sorted(known))}' if known else 'they have none by name'
        raise StepError(f'{where}: `sizes` names {", ".join(unknown)}, which no input has; {has}')


def _paired(where: str, what: str, found: Sequence[Port], names: Sequence[str], ordered: bool) -> list[Port]:
    """Return the file's ports in the order of the recipe's ``names``."""
    if not names:
        return list(found)
    known = {port.name: port for port in found}
    has, wants = ', '.join(known) or 'none', ', '.join(names)
    common = [name for name in names if name in known]
    pairs = list(zip(names, known, strict=False))
    if len(names) != len(found):
        missing = [name for name in known if name not in names]
        more = f'; not in the recipe: {", ".join(missing)}' if common and missing else ''
        raise StepError(f'{where}: has {len(found)} {what} ({has}); the recipe names {len(names)} ({wants}){more}')
    if len(common) == len(names):
        return [known[name] for name in names]
    if common and (len(names) - len(common) > 1 or any(name in known and name != own for name, own in pairs)):
        unknown = [name for name in names if name not in known]
        near = difflib.get_close_matches(unknown[0], [n for n in known if n not in common], 1)
        guess = f'; did you mean {near[0]}?' if near else ''
        raise StepError(
            f'{where}: the recipe names the {what} {wants}; the file calls them {has}: {", ".join(unknown)} is not '
            f'among them{guess}\nwrite the names of the file, in any order, or names of your own for all of them'
        )
    if not ordered and len(names) > 1:
        raise StepError(
            f'{where}: its {what} have names and no order ({has}); the recipe calls them {wants}\n'
            f'write the names of the file: which is which cannot be told otherwise'
        )
    return list(found)


def _undeclared(port: Port) -> Port:
    """Return a port as the file alone tells it: a dimension that it calls the batch is the batch."""
    shape = tuple(BATCH if d in BATCHES else d for d in port.shape)
    return replace(port, shape=shape if shape.count(BATCH) == 1 else port.shape)


def _told(port: Port, declared: Port) -> Port:
    """Return what the recipe says of a port, with what it leaves to the file."""
    whole = declared.shape != ANY and bool(declared.dtype)
    if whole:
        return declared
    own = _undeclared(port)
    shape = own.shape if declared.shape == ANY else declared.shape
    return replace(declared, shape=shape, dtype=declared.dtype or own.dtype, batch=declared.batch)


def _misfit(found: Port, declared: Port) -> str:
    """Return what the two contradict each other in; empty when they fit."""
    if found.shape == ANY:
        unknown = declared.shape == ANY
        return f'does not say what shape {found.name} has; write it: inputs: {{{found.name}: …}}' if unknown else ''
    fits = len(found.shape) == len(declared.shape) and all(
        isinstance(one, str) or isinstance(two, str) or one == two
        for one, two in zip(found.shape, declared.shape, strict=True)
    )
    # int64 for int32 is what a recipe of another form of the same model says; the engine casts
    same = found.dtype == declared.dtype or {found.dtype, declared.dtype} <= {'int32', 'int64'}
    return '' if fits and same else f'the model takes {listed([found])}; the recipe declares {listed([declared])}'


def _merged(found: Port, declared: Port) -> Port:
    if found.shape == ANY:
        found = replace(found, shape=declared.shape)
    shape = tuple(two if isinstance(one, str) else one for one, two in zip(found.shape, declared.shape, strict=True))
    return Port(
        name=declared.name,
        shape=shape,
        dtype=found.dtype,
        file=found.in_file,
        batch=found.batch if declared.batch is None else declared.batch,
        carries=declared.carries,
        quantization=found.quantization,
        dims=tuple(d if isinstance(d, str) else '' for d in declared.shape)
        if shape != declared.shape
        else declared.dims,
    )


def _dimensions(found: Sequence[Port], merged: Sequence[Port]) -> dict[str, int | str]:
    """Return what the recipe calls each free dimension that the file names."""
    names: dict[str, int | str] = {}
    for one, two in zip(found, merged, strict=True):
        for before, after in zip(one.shape, two.shape, strict=one.shape != ANY):
            if isinstance(before, str):
                names.setdefault(before, after)
    return names


def _named(port: Port, names: Mapping[str, int | str]) -> Port:
    shape = tuple(names.get(d, d) if isinstance(d, str) else d for d in port.shape)
    return replace(port, shape=shape, batch=port.batch)
