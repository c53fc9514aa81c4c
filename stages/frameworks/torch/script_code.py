"""The code of a TorchScript archive, read as Python's own parser reads it, before torch sees it.

Loading such an archive runs code of it: what a class does with its stored state (``__setstate__``), default values of
arguments, constants of classes. So what may be called is known before: words behind a dot that mean an operator of
``allowed``, and nothing in defaults and constants but values. What torch made of it is looked at again (script_graph).
"""

from __future__ import annotations

import ast
import io
import tokenize
from collections.abc import Iterator, Mapping
from typing import Final

from stages.errors import StepError, UnsupportedError
from stages.frameworks.torch import allowed

TEXT: Final = frozenset({*range(32, 127), 10})
"""Bytes that torch writes; with others, two parsers may see two texts."""

CUSTOM: Final = '__torch__.torch.classes.'
VALUES: Final = ('inf', 'nan', 'infj', 'nanj')
TRY: Final = 'script the module without it (or under another name): a model from outside may only compute'


def check(file: str, code: Mapping[str, bytes]) -> None:
    """Refuse the archive ``file`` unless ``code``, its members by name, calls allowed operators only."""
    trees = {member: _parsed(f'{file}: {member}', text) for member, text in code.items()}
    own = {f'{_module(member)}.{name}' for member, tree in trees.items() for name in _defined(tree)}
    for member, tree in trees.items():
        for at, found in _refused(tree, own):
            line = getattr(at, 'lineno', 0)
            raise UnsupportedError(f'{file}: {member}, line {line}: {found}\nwhat to try: {TRY}')


def _parsed(where: str, text: bytes) -> ast.Module:
    try:
        if not TEXT.issuperset(text):
            raise ValueError('holds bytes that torch never writes')
        for token in tokenize.tokenize(io.BytesIO(text).readline):
            odd = token.type == tokenize.COMMENT and 'type:' in token.string  # which torch reads, and Python does not
            if odd or (token.type == tokenize.STRING and token.string[0] not in '\'"'):
                raise ValueError(f'line {token.start[0]}: {token.string[:40]}')
        return ast.parse(text)
    except (SyntaxError, ValueError, tokenize.TokenError, RecursionError, MemoryError) as error:
        raise StepError(f'{where}: no code of TorchScript: {type(error).__name__}: {str(error)[:200]}') from error


def _module(member: str) -> str:
    return member.removeprefix('code/').removesuffix('.py').replace('/', '.')


def _defined(tree: ast.Module) -> Iterator[str]:
    for part in tree.body:
        if isinstance(part, (ast.ClassDef, ast.FunctionDef)):
            yield part.name


def _refused(tree: ast.AST, own: set[str]) -> Iterator[tuple[ast.AST, str]]:
    """Give every place that calls what it must not, with what it is."""
    waiting = [tree]
    while waiting:
        at = waiting.pop()
        chain = _chain(at)
        if chain:  # a.b.c as a whole
            found = _of_chain(chain, own)
        else:
            waiting += ast.iter_child_nodes(at)
            found = _of_part(at)
        yield from ((at, what) for what in found)


def _of_chain(names: list[str], own: set[str]) -> Iterator[str]:
    """Give what is wrong with names joined by dots."""
    behind = names[1:]
    if names[0] == '__torch__':
        known = next((n for n in range(len(names), 1, -1) if _is_known('.'.join(names[:n]), own)), 0)
        if not known:
            yield f'`{".".join(names)}` is no class or function of this file, nor of the weights of quantized layers'
        behind = names[known:]
    elif names[0] == 'ops':
        name = '::'.join(names[1:3])
        if name not in allowed.operators():
            yield _no_operator(name)
    for word in behind:
        if word in allowed.refused_methods():
            yield _no_operator(f'aten::{word}')


def _of_part(at: ast.AST) -> Iterator[str]:
    values: list[ast.expr | None] = []
    if isinstance(at, ast.ClassDef):
        held = [part for part in at.body if isinstance(part, (ast.Assign, ast.AnnAssign))]
        values = [part.value for part in held if not _is_type(part)]
    elif isinstance(at, ast.arguments):
        values = [*at.defaults, *at.kw_defaults]
    elif isinstance(at, ast.Attribute) and at.attr in allowed.refused_methods():
        yield _no_operator(f'aten::{at.attr}')
    elif isinstance(at, ast.Call) and isinstance(at.func, ast.Name) and at.func.id in ('getattr', 'hasattr'):
        word = at.args[1].value if len(at.args) == 2 and isinstance(at.args[1], ast.Constant) else None
        if not isinstance(word, str) or word in allowed.refused_methods():
            yield _no_operator(f'aten::{word!s}')
    for value in values:
        if value and not _is_value(value):
            yield f'`{ast.unparse(value)[:80]}` is no plain value, and would be computed while the file is loaded'


def _chain(at: ast.AST) -> list[str]:
    """Return the names of ``a.b.c``, or of a name that must not stand alone; nothing for anything else."""
    names: list[str] = []
    while isinstance(at, ast.Attribute):
        names.append(at.attr)
        at = at.value
    if not isinstance(at, ast.Name) or (not names and at.id not in ('ops', '__torch__')):
        return []
    return [at.id, *reversed(names)]


def _is_known(name: str, own: set[str]) -> bool:
    return name in own or (name.startswith(CUSTOM) and name.removeprefix(CUSTOM) in allowed.CLASSES)


def _is_type(part: ast.Assign | ast.AnnAssign) -> bool:
    """Say whether it is ``__annotations__["0"] = Tensor``, for names that are no identifiers."""
    [target] = part.targets if isinstance(part, ast.Assign) else [part.target]
    return isinstance(target, ast.Subscript) and ast.unparse(target.value) == '__annotations__'


def _is_value(at: ast.expr) -> bool:
    """Say whether it is written out: numbers, text, tuples, lists and dicts of them, constants of the file."""
    if isinstance(at, ast.Constant):
        return True
    if isinstance(at, ast.Name):
        return at.id in VALUES
    if isinstance(at, ast.UnaryOp):
        return isinstance(at.op, ast.USub) and _is_value(at.operand)
    if isinstance(at, (ast.Tuple, ast.List)):
        return all(map(_is_value, at.elts))
    if isinstance(at, ast.Dict):
        return all(part is not None and _is_value(part) for part in (*at.keys, *at.values))
    if isinstance(at, ast.Attribute):  # CONSTANTS.c0, a member of an enumeration
        return _chain(at)[:1] in (['CONSTANTS'], ['__torch__'])
    if isinstance(at, ast.Call) and not at.keywords:
        called, given = ast.unparse(at.func), at.args
        if called == 'annotate':
            return len(given) == 2 and _is_value(given[1])
        return called == 'torch.device' and all(isinstance(part, ast.Constant) for part in given)
    return False


def _no_operator(name: str) -> str:
    return f'{name} is none of the operators that only compute'
