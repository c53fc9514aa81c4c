"""Python that builds a model: for which framework, and by which function, as its text says; it is not run for that."""

from __future__ import annotations

import ast
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from stages.errors import RecipeError
from stages.recipe.mistakes import listed, suggest
from stages.recipe.source import of_python
from stages.sources import SOURCES

LARGEST: Final = 1 << 20
"""Bytes of a Python file that is read."""

EXAMPLE: Final = "--inputs 'image: {shape: [batch, 3, 224, 224], dtype: float32}'"


@dataclass(frozen=True)
class Builder:
    """A function that builds a model."""

    file: Path
    format: str
    """Of the source that takes what it returns."""

    function: str


def builder(path: Path) -> Builder | None:
    """Return what ``net.py``, or ``net.py:build``, builds; None where ``path`` is no Python.

    Raises RecipeError where the file is not there or is no Python, where it imports no framework whose models a source
    takes, or several, and where no function is named and not exactly one could be meant.
    """
    name, ending, function = path.name.rpartition('.py')
    if not name or not ending or (function and not function.startswith(':')):
        return None
    file, function = path.with_name(f'{name}.py'), function[1:]
    if not file.is_file():
        raise RecipeError(f'{file}: there is no such file')
    tree = _parsed(file)
    callable_ = [node.name for node in tree.body if isinstance(node, ast.FunctionDef) and _takes_nothing(node)]
    public = [name for name in callable_ if not name.startswith('_')]
    if function and not _defines(tree, function):
        raise RecipeError(f'{file}: has no function {function}; it has {listed(public)}{suggest(function, public)}')
    if not function and not public:
        raise RecipeError(f'{file}: has no function that takes nothing; write one that returns the model')
    if not function and len(public) > 1:
        raise RecipeError(f'{file}: has {len(public)} functions that take nothing; say which: {file}:{public[0]}')
    return Builder(file.resolve(), _format(file, tree), function or public[0])


def _parsed(file: Path) -> ast.Module:
    if file.stat().st_size > LARGEST:
        raise RecipeError(f'{file}: is larger than {LARGEST} bytes; no Python that builds a model is')
    try:
        return ast.parse(file.read_bytes())
    except SyntaxError as error:
        raise RecipeError(f'{file}:{error.lineno or 1}: is no Python: {error.msg}') from error
    except (ValueError, RecursionError, MemoryError) as error:
        raise RecipeError(f'{file}: is no Python: {error}') from error


def _takes_nothing(function: ast.FunctionDef) -> bool:
    given = function.args
    return len(given.posonlyargs + given.args) == len(given.defaults) and None not in given.kw_defaults


def _defines(tree: ast.Module, name: str) -> bool:
    """Whether the file has ``name`` at its outermost, whichever way."""
    for node in tree.body:
        if isinstance(node, (ast.FunctionDef, ast.ClassDef)) and node.name == name:
            return True
        if isinstance(node, (ast.Import, ast.ImportFrom)) and name in {a.asname or a.name for a in node.names}:
            return True
        if isinstance(node, ast.Assign) and name in {n.id for n in node.targets if isinstance(n, ast.Name)}:
            return True
    return False


def _format(file: Path, tree: ast.Module) -> str:
    """Return the source whose framework the file imports: a tool that this source has, and no other of its like."""
    imported = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            imported |= {alias.name.partition('.')[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            imported.add(node.module.partition('.')[0])
    tools = {format: {*source.TOOLS} for format, source in SOURCES.items() if of_python(format)}
    own = {
        format: have - {tool for other, theirs in tools.items() if other != format for tool in theirs}
        for format, have in tools.items()
    }
    found = [format for format, have in own.items() if have & imported]
    if len(found) == 1:
        return found[0]
    if found:
        used = sorted(imported & {tool for format in found for tool in own[format]})
        raise RecipeError(
            f'{file}: imports {listed(used)}: what it builds could be of {listed(found)}\n'
            f'write the recipe yourself: source: {{{found[0]}: models/{file.name}:FUNCTION}}'
        )
    known = sorted({tool for have in own.values() for tool in have})
    raise RecipeError(f'{file}: imports none of {listed(known)}, so that no source is known for what it builds')
