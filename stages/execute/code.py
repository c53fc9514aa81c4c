"""What code a step's result depends on: its module and what that imports, comments and docstrings apart."""

from __future__ import annotations

import ast
import hashlib
import json
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path, PurePosixPath

from stages import others
from stages.digest import digest_of
from stages.store.files import Remembered

PACKAGE = Path(__file__).resolve().parent.parent
POLICY = 'ALL_CORES'
"""The constant of a kind that is no part of its code."""

TABLES = ('stages', 'stages.kinds', 'stages.engines', 'stages.sources', 'stages.readers', 'stages.judges')
"""Packages whose ``__init__`` only lists modules: an import of the table is not an import of every row.

That of the whole house lists what runs artifacts elsewhere, of which no step makes use.
"""


def own_files(modules: Iterable[str], remembered: Remembered) -> dict[Path, str]:
    """Return the files of the project's own kinds that ``modules`` are or import, with the digest of each."""
    found = {module: digest for module, digest in closure(modules, remembered).items() if is_own(module)}
    files = {others.file_of(module): digest for module, digest in found.items()}
    return {file: digest for file, digest in files.items() if file}


def is_own(module: str) -> bool:
    """Whether a module lies in the project's folder kinds/."""
    return module.partition('.')[0] == others.FOLDER


def own_digest(path: Path, module: str) -> str:
    """Return the digest of a file of an own kind, as ``own_files`` gives it."""
    digest: str = json.loads(_read_code(_package(module, path), path))['digest']
    return digest


def code_digest(modules: Iterable[str], remembered: Remembered) -> str:
    """Return the digest of ``modules`` and everything of ours that they import, at any depth."""
    return digest_of(closure(modules, remembered))


def closure(modules: Iterable[str], remembered: Remembered) -> dict[str, str]:
    """Return the digest of each of ``modules`` and of everything of ours that they import, at any depth."""
    digests: dict[str, str] = {}
    waiting = list(modules)
    while waiting:
        module = waiting.pop()
        path = _module_file(module) or others.file_of(module)
        if module in digests or path is None:
            continue
        read = json.loads(remembered.of('code', path, partial(_read_code, _package(module, path))))
        digests[module] = read['digest']
        waiting += [name for name in read['imports'] if name not in TABLES]
    return digests


DISTRIBUTIONS = {'PIL': 'pillow', 'sklearn': 'scikit-learn', 'cv2': 'opencv-python', 'yaml': 'pyyaml'}
"""Packages whose distribution has another name."""


@dataclass(frozen=True)
class Python:
    """What a recipe's Python is made of."""

    files: dict[str, str]
    """Digest of each file, by path below recipes/."""

    packages: frozenset[str]
    """Distributions that any of them imports; their versions can change what it gives."""


def python_of(file: str, root: Path, remembered: Remembered) -> Python:
    """Return ``file`` with every file below recipes/models/ that it imports, at any depth, and its packages."""
    digests: dict[str, str] = {}
    packages: set[str] = set()
    waiting = [file]
    while waiting:
        name = waiting.pop()
        if name in digests:
            continue
        package = PurePosixPath(name).parent.parts
        read = json.loads(remembered.of('their python', root / name, partial(_read_theirs, package)))
        digests[name] = read['digest']
        for module in read['imports']:
            path = module.replace('.', '/')
            above = [f'{folder}/__init__.py' for folder in PurePosixPath(path).parents]  # run before the module itself
            candidates = (f'{path}.py', f'{path}/__init__.py', f'models/{path}.py', *above)
            ours = [name for name in candidates if name.startswith('models/') and (root / name).is_file()]
            waiting += ours
            top = module.partition('.')[0]
            if not (ours or top == 'models' or top in sys.stdlib_module_names or (root / 'models' / top).is_dir()
                    or (root / 'models' / f'{top}.py').is_file()):  # fmt: skip
                packages.add(DISTRIBUTIONS.get(top, top))
    return Python(digests, frozenset(packages))


def python_digest(path: Path) -> str:
    """Return the digest of one file of a recipe's Python, as ``python_of`` gives it."""
    return _digest(ast.parse(path.read_bytes()))


@cache
def _module_file(module: str) -> Path | None:
    """Return the file of a module of ours. Ours do not move while we run; what is in them is looked at again."""
    parts = module.split('.')
    if parts[0] != PACKAGE.name:
        return None
    path = PACKAGE.joinpath(*parts[1:])
    for candidate in (path.with_suffix('.py'), path / '__init__.py'):
        if candidate.is_file():
            return candidate
    return None


def _package(module: str, path: Path) -> tuple[str, ...]:
    """Return the package that leading dots count from in a file; ours have none."""
    parts = tuple(module.split('.'))
    return () if parts[0] == PACKAGE.name else parts if path.name == '__init__.py' else parts[:-1]


def _read_code(package: tuple[str, ...], path: Path) -> str:
    tree = ast.parse(path.read_bytes())
    imports = sorted(_imported(tree, package))
    tree.body = [line for line in tree.body if not _is_policy(line)]
    return json.dumps({'digest': _digest(_without_texts(tree)), 'imports': imports})


def _is_policy(line: ast.stmt) -> bool:
    """Whether a line of a module says what a step takes of the machine, which changes none of its bytes."""
    return isinstance(line, ast.Assign) and [getattr(name, 'id', '') for name in line.targets] == [POLICY]


def _read_theirs(package: tuple[str, ...], path: Path) -> str:
    tree = ast.parse(path.read_bytes())
    return json.dumps({'digest': _digest(tree), 'imports': sorted(_imported(tree, package))})


def _imported(tree: ast.AST, package: tuple[str, ...] = ()) -> set[str]:
    """Return every module that is imported anywhere; ``package`` is that of the file, which leading dots count from."""
    found: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.level <= len(package):
            here = package[: len(package) - node.level + 1] if node.level else ()
            module = '.'.join([*here, *([node.module] if node.module else [])])
            found.add(module)
            found.update(f'{module}.{alias.name}' for alias in node.names)
    return found


def _without_texts(tree: ast.AST) -> ast.AST:
    """Drop bare strings: docstrings and the descriptions under fields change nothing that runs."""
    for node in ast.walk(tree):
        body = getattr(node, 'body', None)
        if isinstance(body, list):
            kept = [item for item in body if not (isinstance(item, ast.Expr) and isinstance(item.value, ast.Constant))]
            node.body = kept or [ast.Pass()]  # type: ignore[attr-defined]
    return tree


def _digest(tree: ast.AST) -> str:
    return hashlib.sha256(ast.dump(tree).encode()).hexdigest()
