"""Where the model comes from: ``source``."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import PurePosixPath
from typing import Any, Final, cast

from stages.recipe import entries
from stages.recipe.fetch import KEYS, Reader, read_fetch, read_python
from stages.recipe.mistakes import listed, shown
from stages.recipe.model import Fetch, Source
from stages.recipe.params import Field, fields_of
from stages.recipe.strict_yaml import Node
from stages.sources import SOURCES
from stages.sources.fetched import unusable
from stages.sources.names import place

PYTHON: Final = ('file', 'function')
"""Parameters of a source that a recipe writes as `models/file.py:function`."""


def options_of(format: str) -> dict[str, Field]:
    """Return what a source of ``format`` can be told beside its files, by name."""
    return {
        name: field
        for name, field in fields_of(cast('Callable[..., Any]', SOURCES[format].Params)).items()
        if name not in PYTHON
    }


def of_python(format: str) -> bool:
    """Whether a source is a function of a recipe's Python, which alone knows what its model takes."""
    return 'function' in fields_of(cast('Callable[..., Any]', SOURCES[format].Params))


def read_source(node: Node, reader: Reader) -> tuple[str | None, Source | None]:
    """Return the format, which decides what the variants may begin with, and where the model comes from.

    Either is None when it is wrong: variants can be checked against a format whose files are not right yet.
    """
    beside = {name: format for format in SOURCES if not of_python(format) for name in options_of(format)}
    keyed = entries.mapping(node, '`source`', reader.mistakes, (*SOURCES, 'weights', *beside))
    given = {str(key): below for key, below in (keyed or {}).items()}
    formats = [name for name in given if name in SOURCES]
    if len(formats) != 1:
        if keyed is not None and (not node.value or formats or 'weights' in given):
            has = f'has {listed(formats)}' if formats else 'names no format'
            reader.mistakes.add(node, f'`source` {has}; expected one of {listed(SOURCES)}')
        return None, None
    [format] = formats
    options = _read_options(format, {n: b for n, b in given.items() if n in beside}, '`source`', reader)
    if not of_python(format):
        if 'weights' in given:
            takers = [name for name in SOURCES if of_python(name)]
            reader.mistakes.add(given['weights'], f'`weights` goes with {listed(takers)} only')
        files = _read_model(format, given[format], reader)
        return format, None if files is None or options is None else Source(format, None, files, options)
    python = read_python(given[format], f'`{format}` of `source`', reader)
    files, chosen = _read_weights(format, given['weights'], reader) if 'weights' in given else ((), {})
    if python is None or files is None or options is None or chosen is None:
        return format, None
    return format, Source(format, python, files, chosen)


def _read_model(format: str, node: Node, reader: Reader) -> tuple[Fetch, ...] | None:
    """Return the files of a model, each at its place among the others; several that cannot all be used are refused."""
    what = f'`{format}` of `source`'
    files = read_files(node, what, reader, format=format)
    if files is None or len(files) < 2:
        return files
    files = placed(files)
    places = [place(file.where, file.name, file.file, file.to) for file in files]
    if all(places) and (wrong := unusable(format, places)):
        reader.mistakes.add(node, f'{what} {wrong}')
        return None
    if twice := next((name for n, name in enumerate(places) if name and name in places[:n]), None):
        reader.mistakes.add(node, f'{what} has two files at {twice}; say where each lies: `to: FOLDER/NAME`')
        return None
    return files


def placed(files: tuple[Fetch, ...]) -> tuple[Fetch, ...]:
    """Return ``files`` with the places of those below recipes/: as they lie there, below the folder they share."""
    parents = [PurePosixPath(file.name).parent.parts for file in files if file.where == 'path' and not file.to]
    shared = 0
    while parents and all(len(parts) > shared and parts[shared] == parents[0][shared] for parts in parents):
        shared += 1
    return tuple(
        replace(file, to=PurePosixPath(*PurePosixPath(file.name).parts[shared:]).as_posix())
        if file.where == 'path' and not file.to
        else file
        for file in files
    )


def _read_weights(format: str, node: Node, reader: Reader) -> tuple[tuple[Fetch, ...] | None, dict[str, Any] | None]:
    """Return the files of weights, and which of the tensors in them are meant."""
    if not isinstance(node.value, dict):
        return read_files(node, '`weights`', reader), {}
    words = options_of(format)
    chosen = _read_options(format, {str(n): b for n, b in node.value.items() if n in words}, '`weights`', reader)
    rest = {name: below for name, below in node.value.items() if name not in words}
    if 'fetch' not in rest:
        return read_files(node._replace(value=rest), '`weights`', reader, also=(*words, 'fetch')), chosen
    for key in rest:
        if key != 'fetch':
            reader.mistakes.add(key, f'`weights` has {shown(str(key))} beside `fetch`; write it into the list')
    return read_files(rest['fetch'], '`fetch` of `weights`', reader), chosen


def _read_options(format: str, given: dict[str, Node], what: str, reader: Reader) -> dict[str, Any] | None:
    """Return those of ``given`` as ``format`` wants them; None when any is wrong."""
    before, words, values = len(reader.mistakes), options_of(format), {}
    for name, node in given.items():
        if name in words:
            values[name] = entries.typed(node, words[name].hint, f'`{name}` of {what}', reader.mistakes)
        else:
            takers = [other for other in SOURCES if name in options_of(other)]
            reader.mistakes.add(node, f'`{name}` goes with {listed(takers)} only')
    return values if len(reader.mistakes) == before else None


def read_files(
    node: Node, what: str, reader: Reader, also: Sequence[str] = (), format: str = ''
) -> tuple[Fetch, ...] | None:
    """Return one file from outside, or each of a list; None when any is wrong. ``also``: keys that others read."""
    several = node.value if isinstance(node.value, list) else [node]
    if not several:
        reader.mistakes.add(node, f'{what} is an empty list; expected a file, or several')
        return None
    read = []
    for below in several:
        found = entries.mapping(below, what, reader.mistakes, (*KEYS, *also))
        read.append(None if found is None else read_fetch(found, below, what, reader, format))
    files = tuple(fetch for fetch in read if fetch is not None)
    return files if len(files) == len(read) else None
