"""The signature of a TFLite file: the names by which an artifact tells what it takes and gives."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, Final

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
