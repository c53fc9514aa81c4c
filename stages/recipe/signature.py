"""What goes into the model and what comes out: ``inputs`` and ``outputs``."""

from __future__ import annotations

from typing import Final

from stages.contract.port import ANY, Port
from stages.recipe import entries, names
from stages.recipe.mistakes import Mistakes, Place, shown
from stages.recipe.strict_yaml import Node

DTYPES: Final = (
    'float32', 'float16', 'float64', 'bfloat16', 'int64', 'int32', 'int16', 'int8',
    'uint64', 'uint32', 'uint16', 'uint8', 'bool',
)  # fmt: skip

EXAMPLE: Final = 'image: {shape: [batch, 3, 224, 224], dtype: float32}'


Carried = dict[str, Node]
"""By input: where the recipe names the output that it takes over from the sample before."""


def read_inputs(node: Node, whole: bool, mistakes: Mistakes) -> tuple[tuple[Port, ...], Carried] | None:
    """Return the inputs in their order, and those that carry state; None when any is wrong.

    ``whole``: shape and dtype must be there, as no file tells them.
    """
    given = entries.mapping(node, '`inputs`', mistakes)
    if given is None:
        return None
    if not given:
        mistakes.add(node, f'`inputs` is empty; expected at least one: `{EXAMPLE}`')
        return None
    ports = []
    carried: Carried = {}
    for key, below in given.items():
        _check_name(key, key, 'input', mistakes)
        ports.append(_read_port(str(key), below, whole, carried, mistakes))
    found = tuple(port for port in ports if port is not None)
    _check_files([(port.name, port.file) for port in found if port.file], node, '`inputs`', mistakes)
    return (found, carried) if len(found) == len(ports) else None


def _check_name(name: str, at: Place, what: str, mistakes: Mistakes) -> None:
    if not names.TENSOR.fullmatch(name):
        mistakes.add(
            at,
            f'the {what} is called {shown(str(name))}; expected letters, digits, `_`, `-` and `.`'
            f'{_named_in_file(name, what)}',
        )


def _named_in_file(name: str, what: str) -> str:
    """Return how to say that this is the file's name."""
    if not isinstance(name, str) or not name.isprintable():
        return ''
    way = f'NAME: {{name: {name!r}}}' if what == 'input' else f'outputs: {{NAME: {name!r}}}'
    return f'; where the file calls it so: `{way}`' if len(name) < 60 else ''


def _check_files(pairs: list[tuple[str, str]], node: Node, what: str, mistakes: Mistakes) -> None:
    seen: dict[str, str] = {}
    for name, file in pairs:
        if file in seen:
            mistakes.add(node, f'{what} has {shown(file)} twice: as `{seen[file]}` and as `{name}`')
        seen.setdefault(file, name)


def read_carries(carried: Carried, outputs: tuple[str, ...], mistakes: Mistakes) -> tuple[tuple[str, str], ...]:
    """Return each input that carries state with the output it takes over; without ``outputs`` any name may be one."""
    return tuple(
        (name, output)
        for name, node in carried.items()
        if (output := _read_carries(node, f'`carries` of the input {shown(name)}', outputs, mistakes))
    )


def _read_carries(node: Node, what: str, outputs: tuple[str, ...], mistakes: Mistakes) -> str | None:
    return entries.word(node, outputs, what, mistakes) if outputs else entries.text(node, what, mistakes)


def _read_port(name: str, node: Node, whole: bool, carried: Carried, mistakes: Mistakes) -> Port | None:
    what, before = f'the input {shown(name)}', len(mistakes)
    required = ('shape', 'dtype') if whole else ()
    given = entries.mapping(node, what, mistakes, ('shape', 'dtype', 'name', 'carries'), required)
    shape: tuple[int | str, ...] | None = ANY
    dtype: str | None = ''
    file: str | None = ''
    for key, below in (given or {}).items():
        if key == 'shape':
            shape = _read_shape(below, what, mistakes)
        elif key == 'carries':
            carried[name] = below
        elif key == 'name':
            file = entries.text(below, f'`name` of {what}', mistakes)
        else:
            dtype = entries.word(below, DTYPES, f'`dtype` of {what}', mistakes)
    if len(mistakes) > before or shape is None or dtype is None or file is None:
        return None
    return Port(name, shape, dtype, file)


def _read_shape(node: Node, what: str, mistakes: Mistakes) -> tuple[int | str, ...] | None:
    if not isinstance(node.value, list) or len(node.value) > 16:
        mistakes.add(node, f'`shape` of {what} is {shown(node.value)}; expected a list like [batch, 3, 224, 224]')
        return None
    before = len(mistakes)
    for below in node.value:
        whole = type(below.value) is int and 0 < below.value < 2**31
        if not whole and not (isinstance(below.value, str) and names.DIMENSION.fullmatch(below.value)):
            mistakes.add(below, f'a dimension of {what} is {shown(below.value)}; expected a number above 0, or a name')
    return tuple(below.value for below in node.value) if len(mistakes) == before else None


def read_outputs(node: Node, mistakes: Mistakes) -> tuple[tuple[str, ...] | None, dict[str, str]]:
    """Return the outputs' names, and what the file calls those that are a mapping; None when any is wrong."""
    before = len(mistakes)
    if isinstance(node.value, dict):
        found: tuple[str, ...] = tuple(map(str, node.value))
        in_file = {str(key): entries.text(b, f'`{key}` of `outputs`', mistakes) for key, b in node.value.items()}
        for key in node.value:
            _check_name(key, key, 'output', mistakes)
        _check_files([(name, file) for name, file in in_file.items() if file], node, '`outputs`', mistakes)
    else:
        in_file = {}
        found = entries.typed(node, tuple[str, ...], '`outputs`', mistakes) or ()
        for below in node.value if found else ():
            _check_name(below.value, below, 'output', mistakes)
        if len({*found}) < len(found):
            mistakes.add(node, '`outputs` has a name twice; every output needs its own')
    if node.value in ([], {}):
        mistakes.add(node, '`outputs` is empty; expected the names of what the model returns')
    return (found if len(mistakes) == before else None), {name: file for name, file in in_file.items() if file}
