"""The signature of a TFLite file: the names by which an artifact tells what it takes and gives."""

from __future__ import annotations

import fnmatch
import re
from collections.abc import Mapping, Sequence
from typing import Any, Final

from stages.errors import StepError

SAFE: Final = re.compile(r'[A-Za-z0-9.][A-Za-z0-9_.\\/>-]*')
"""Names that TensorFlow keeps on the way; of others it makes its own, or drops the whole signature."""

LETTERS: Final = 'abcdefghijklmnopqrstuvwxyz0123456789'


def aliases(names: Sequence[str]) -> dict[str, str]:
    """Return, by name and in this order, what to call it on the way: itself where it is safe, else as many letters."""
    found = {name: name for name in names if SAFE.fullmatch(name)}
    for name in names:
        if name not in found:
            plain = re.sub(r'[^A-Za-z0-9]', 'q', name.encode().decode('latin-1'))
            found[name] = next(made for made in _alike(plain) if made not in found.values())
    return {name: found[name] for name in names}


def meant(data: bytes, globs: Sequence[str]) -> list[str]:
    """Return the names of what operators give that match ``globs``, as a whole or in a part: a fused one has several.

    Raises StepError for a glob that means none.
    """
    names = list(_given(data))
    found = {glob: [name for name in names if _matches(name, glob)] for glob in globs}
    for glob, some in found.items():
        if not some:
            raise StepError(f'no operator gives {glob!r}; there are {", ".join(names[:12])} …')
    return list(dict.fromkeys(name for some in found.values() for name in some))


def before_numbering(names: Sequence[str]) -> list[str]:
    """Return the names with all that they may have been before the converter made them unique by a number behind."""
    shorter = [name[:-digits] for name in names for digits in (1, 2) if name[-digits:].isdigit()]
    return [*names, *shorter]


def in_float(data: bytes, names: Sequence[str]) -> None:
    """Raise StepError where an operator that gives one of ``names`` is not in float all the same."""
    from ai_edge_litert import schema_py_generated as schema

    types = _given(data)
    stayed = [name for name in names if types.get(name) not in (None, schema.TensorType.FLOAT32)]
    if stayed:
        raise StepError(f'TFLite’s converter made int8 of what `keep` names all the same: {", ".join(stayed)}')


def _given(data: bytes) -> dict[str, int]:
    """Return the type of each tensor that an operator of the main graph gives, by its name."""
    from ai_edge_litert import schema_py_generated as schema

    graph = schema.Model.GetRootAs(data).Subgraphs(0)
    operators = [graph.Operators(n) for n in range(graph.OperatorsLength())]
    tensors = [graph.Tensors(each.Outputs(0)) for each in operators if each.OutputsLength()]
    return {tensor.Name().decode(): tensor.Type() for tensor in tensors}


def _matches(name: str, glob: str) -> bool:
    return any(fnmatch.fnmatchcase(part, glob) for part in (name, *name.split(';')))


def finished(data: bytes, inputs: Mapping[str, str], outputs: Mapping[str, str]) -> bytes:
    """Return the file with its inputs and outputs in this order, and names in place of their aliases.

    The converter sorts them by its own lights, and readers without names go by place. The weights stay where they are.
    """
    from ai_edge_litert import schema_py_generated as schema

    changed = bytearray(data)
    model = schema.Model.GetRootAs(changed)
    signature, graph = model.SignatureDefs(0), model.Subgraphs(0)
    held = [signature.Inputs(i) for i in range(signature.InputsLength())]
    given = [signature.Outputs(i) for i in range(signature.OutputsLength())]
    for wanted, parts, view in ((inputs, held, graph.InputsAsNumpy()), (outputs, given, graph.OutputsAsNumpy())):
        own = {part.Name().decode(): part for part in parts}
        view[:] = [own[alias].TensorIndex() for alias in wanted.values()]  # a view of ``changed``
        for name, alias in wanted.items():
            _put(changed, own[alias], name.encode())
    return bytes(changed)


def _alike(plain: str) -> Any:
    """Give ``plain``, then names of its length that differ in the first letters."""
    yield plain
    for one in LETTERS:
        yield one + plain[1:]
    for one in LETTERS:
        for two in LETTERS:
            yield (one + two + plain[2:])[: len(plain)]


def _put(data: bytearray, part: Any, name: bytes) -> None:
    """Write ``name`` over the part's own, which has as many bytes."""
    field = part._tab.Pos + part._tab.Offset(4)  # the first field of a part is its name
    start = field + int.from_bytes(data[field : field + 4], 'little') + 4
    data[start : start + len(name)] = name
